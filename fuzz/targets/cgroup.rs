//! `/proc/PID/cgroup`: damaged lines do not panic, and a path is given whole, colons included.

#![no_main]

use fell::sys::parse::cgroup;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    cgroup(bytes);

    let path = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let file = [b"7:cpu,cpuacct:/old\n0::", path, b"\n"].concat();
    let places = cgroup(&file);
    assert_eq!(places.v2, Some(path));
    assert_eq!(places.v1.len(), 1);
});
