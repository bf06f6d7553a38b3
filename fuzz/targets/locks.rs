//! `/proc/locks`: a table that is cut anywhere yields no file that the whole does not name.

#![no_main]

use fell::sys::parse::locks;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole: Vec<_> = locks(bytes).flatten().map(|lock| (lock.inode, lock.device, lock.taker)).collect();
    let cut = bytes.get(..bytes.len() / 2).unwrap_or_default();
    for lock in locks(cut).flatten() {
        let named = (lock.inode, lock.device, lock.taker);
        assert!(whole.contains(&named), "{named:?} is an invention of the cut");
    }
});
