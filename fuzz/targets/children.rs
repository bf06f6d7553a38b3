//! `/proc/PID/task/TID/children`: a list that is cut anywhere yields no PID that the whole does not hold there.

#![no_main]

use fell::sys::parse::children;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole: Vec<_> = children(bytes).collect();
    let cut = bytes.get(..bytes.len() / 2).unwrap_or_default();
    for (index, child) in children(cut).enumerate() {
        if child.is_ok() {
            assert_eq!(whole.get(index), Some(&child));
        }
    }
});
