//! `/proc/PID/stat`: damaged lines do not panic, and no command name forges a field.

#![no_main]

use fell::sys::parse::stat;
use libfuzzer_sys::fuzz_target;

const BEHIND: &[u8] = b") S 1 4711 4711 34816 -1 4194304 0 0 0 0 5 3 0 0 20 0 2 0 18446744073709551615 5857280 1024 \
    18446744073709551615 0 0 0 0 0 0 0 65536 3686404 1266761467 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = stat(bytes) {
        assert!(!error.to_string().is_empty());
    }

    let row = [b"4711 (", bytes, BEHIND].concat();
    let read = stat(&row).expect("a whole row with any name is readable");
    assert_eq!(read.comm, bytes);
    assert_eq!(read.pid.get(), 4711);
    assert_eq!(read.parent.map(|parent| parent.get()), Some(1));
    assert_eq!(read.threads, 2);
    assert_eq!(read.start, u64::MAX);
});
