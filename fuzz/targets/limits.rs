//! The files with numbers of processes: damaged bytes do not panic, and a number is what stands there.

#![no_main]

use fell::sys::parse::{loadavg_threads, one_number, pids_max};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(number) = one_number(bytes) {
        assert_eq!(pids_max(bytes), Some(Some(number)));
        assert!(String::from_utf8_lossy(bytes).contains(&number.to_string()));
    }
    if let Some(all) = loadavg_threads(bytes) {
        assert!(String::from_utf8_lossy(bytes).contains(&all.to_string()));
    }
});
