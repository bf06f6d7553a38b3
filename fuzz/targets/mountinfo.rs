//! `/proc/PID/mountinfo`: damaged lines do not panic, any mount point reads back, and nothing is reached outside of it.

#![no_main]

use fell::sys::parse::mountinfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for mount in mountinfo(bytes).flatten() {
        if let Some(reached) = mount.reach(bytes) {
            assert!(reached.starts_with(&mount.mount_point));
            let below = reached.get(mount.mount_point.len()..).unwrap_or_default();
            assert!(below.split(|byte| *byte == b'/').all(|part| part != b".."));
        }
        mount.super_option(b"hidepid");
    }

    let line = [b"36 35 98:0 / ", escape(bytes).as_slice(), b" rw shared:1 - cgroup2 none rw\n"].concat();
    let mount = mountinfo(&line).next().expect("there is a line").expect("it is whole");
    assert_eq!(mount.mount_point, bytes);
    assert_eq!(mount.fs_type, b"cgroup2");
});

/// As the kernel writes a path.
fn escape(path: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::new();
    for byte in path {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => escaped.extend(format!("\\{byte:03o}").bytes()),
            other => escaped.push(*other),
        }
    }
    escaped
}
