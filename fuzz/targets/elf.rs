//! Program headers and auxiliary vectors: damaged bytes do not panic, and no address lies before the image.

#![no_main]

use fell::sys::parse::{images, segments};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for segment in segments(bytes).unwrap_or_default() {
        assert!(segment.end() >= segment.address);
    }
    let found = images(bytes);
    assert!([found.program, found.loader, found.vdso].into_iter().flatten().all(|address| address != 0));
});
