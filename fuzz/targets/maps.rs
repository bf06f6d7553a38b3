//! `/proc/PID/maps`: damaged lines do not panic, and no mapping is empty or turned round.

#![no_main]

use fell::sys::parse::maps;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for mapping in maps(bytes) {
        assert!(mapping.start < mapping.end);
        assert!(!mapping.name.contains(&b'\n'));
    }

    // No name forges a line, but by a newline, which the kernel escapes.
    if !bytes.contains(&b'\n') {
        let line = [b"1000-2000 r-xp 00000000 fe:00 7   /", bytes, b"\n"].concat();
        let all: Vec<_> = maps(&line).collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].start, all[0].end, all[0].inode), (0x1000, 0x2000, 7));
    }
});
