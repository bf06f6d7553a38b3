//! What tells of a process from the inside: none of the parsers panics, whatever it is given.

#![no_main]

use fell::sys::parse::{fdinfo, link, syscall, tcp_sockets, unix_peers, unix_sockets};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    fdinfo(bytes);
    link(bytes);
    syscall(bytes);
    tcp_sockets(bytes).for_each(drop);
    unix_sockets(bytes).for_each(drop);
    unix_peers(bytes, &mut |_, _| ());
});
