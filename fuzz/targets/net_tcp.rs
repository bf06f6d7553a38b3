//! `/proc/net/tcp`: a table that is cut anywhere yields no socket that the whole does not hold.

#![no_main]

use fell::sys::parse::net_tcp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole: Vec<_> = net_tcp(bytes).flatten().collect();
    let cut = bytes.get(..bytes.len() / 2).unwrap_or_default();
    for listener in net_tcp(cut).flatten() {
        assert!(whole.contains(&listener), "{listener:?} is an invention of the cut");
    }
});
