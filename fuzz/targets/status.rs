//! `/proc/PID/status`: damaged lines do not panic, and no name forges a field.

#![no_main]

use fell::sys::parse::status;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    status(bytes);

    // The kernel escapes the newlines of a name, and nothing else.
    let name = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let file = [b"Name:\t", name, b"\nTgid:\t4711\nPPid:\t1\nUid:\t1\t2\t3\t4\nSigIgn:\t0000000000004000\n"].concat();
    let read = status(&file);
    assert_eq!(read.group_leader.map(|leader| leader.get()), Some(4711));
    assert_eq!(read.uids, Some([1, 2, 3, 4]));
    assert_eq!(read.ignored, Some(0x4000));

    // Without the end of the last line its value counts for nothing.
    let cut = file.strip_suffix(b"0\n").unwrap_or_default();
    assert_eq!(status(cut).ignored, None);
});
