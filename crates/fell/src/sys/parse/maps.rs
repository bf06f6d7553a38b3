//! `/proc/PID/maps`: what lies where in the memory of a process.

use super::{lines, split_once};

/// One mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// Its first address.
    pub start: u64,
    /// The address behind its last byte; above `start`.
    pub end: u64,
    /// Whether the process may read there.
    pub readable: bool,
    /// Whether the process may write there.
    pub writable: bool,
    /// Whether the process may execute what is there.
    pub executable: bool,
    /// Whether a write changes a copy of this process alone.
    pub private: bool,
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// The inode of the file; 0 where there is none.
    pub inode: u64,
    /// The file, or a name in brackets such as `[vdso]`, or nothing. The kernel escapes newlines alone.
    pub name: &'a [u8],
}

/// Reads the file: a mapping a line, in ascending order. A line of another kind, or one that was cut, is left out.
pub fn maps(bytes: &[u8]) -> impl Iterator<Item = Mapping<'_>> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    lines(bytes.get(..whole).unwrap_or_default()).filter_map(mapping)
}

/// `START-END PERMISSIONS OFFSET DEVICE INODE      NAME`.
fn mapping(line: &[u8]) -> Option<Mapping<'_>> {
    let (range, rest) = split_once(line, b' ')?;
    let (start, end) = split_once(range, b'-')?;
    let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
    let (permissions, rest) = split_once(rest, b' ')?;
    let (offset, rest) = split_once(rest, b' ')?;
    let (_device, rest) = split_once(rest, b' ')?;
    let (inode, name) = split_once(rest, b' ').unwrap_or((rest, b""));
    let &[read, write, execute, sharing] = permissions else { return None };
    (start < end).then_some(Mapping {
        start,
        end,
        readable: read == b'r',
        writable: write == b'w',
        executable: execute == b'x',
        private: sharing == b'p',
        offset: hexadecimal(offset)?,
        inode: super::number(inode)?,
        name: name.trim_ascii_start(),
    })
}

fn hexadecimal(word: &[u8]) -> Option<u64> {
    if !word.first()?.is_ascii_hexdigit() {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"55d0c0a00000-55d0c0a02000 r--p 00000000 fe:00 1234                       /usr/bin/a b\n\
        55d0c0a02000-55d0c0a07000 r-xp 00002000 fe:00 1234                       /usr/bin/a b\n\
        7ffd0a1e0000-7ffd0a201000 rw-p 00000000 00:00 0                          [stack]\n\
        7ffd0a3a0000-7ffd0a3a2000 r-xp 00000000 00:00 0                          [vdso]\n\
        7ffd0a3b0000-7ffd0a3b2000 --xs 00000000 00:00 0\n\
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

    #[test]
    fn reads_each_line() {
        let all: Vec<_> = maps(FILE).collect();
        assert_eq!(all.len(), 6);
        let code = Mapping {
            start: 0x55d0_c0a0_2000,
            end: 0x55d0_c0a0_7000,
            readable: true,
            writable: false,
            executable: true,
            private: true,
            offset: 0x2000,
            inode: 1234,
            name: b"/usr/bin/a b",
        };
        assert_eq!(all[1], code);
        assert!(all[2].writable && all[2].name == b"[stack]");
        assert!(!all[4].readable && !all[4].private && all[4].name.is_empty());
        assert_eq!(all[5].start, 0xffff_ffff_ff60_0000);
    }

    #[test]
    fn a_cut_file_has_fewer_lines_and_no_other_ones() {
        let whole: Vec<_> = maps(FILE).collect();
        for end in 0..FILE.len() {
            let cut: Vec<_> = maps(&FILE[..end]).collect();
            assert_eq!(cut, whole[..cut.len()], "cut at {end}");
        }
    }

    #[test]
    fn nonsense_is_left_out() {
        for line in [
            &b"\n"[..],
            b"1-2\n",
            b"2-1 r-xp 0 0:0 0 x\n",
            b"1-1 r-xp 0 0:0 0 x\n",
            b"+1-2 r-xp 0 0:0 0 x\n",
            b"1-2 r-x 0 0:0 0 x\n",
            b"1-2 r-xp 0 0:0 -1 x\n",
            b"1-2 r-xp g 0:0 0 x\n",
            b"1-10000000000000000 r-xp 0 0:0 0 x\n",
            b"\xff-\xfe r-xp 0 0:0 0 x\n",
        ] {
            assert_eq!(maps(line).count(), 0, "{line:?}");
        }
    }
}
