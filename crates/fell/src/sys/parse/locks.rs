//! `/proc/locks`, and the `lock:` lines of `/proc/PID/fdinfo/N`: file locks.

use super::{ParseError, lines, number, split_once};
use crate::pid::Pid;

/// A file lock, or somebody who waits for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Whether it is waited for, and not held.
    pub waits: bool,
    /// `FLOCK`, `POSIX`, `OFDLCK`, `LEASE`, …, in small letters.
    pub kind: String,
    /// `READ` or `WRITE`, in small letters.
    pub access: String,
    /// Who took it, or waits for it. `None` for a lock that belongs to an open file and to no process (`OFDLCK`), and for a
    /// process of another PID namespace. Who took a `FLOCK` may have handed the open file on, and have ended.
    pub pid: Option<Pid>,
    /// The number by which the kernel names that one: -1 for a lock of an open file, 0 for a process that it does not show.
    pub taker: i32,
    /// The device of the file, as the kernel writes it here: `08:01`. On some file systems `stat(2)` gives another one.
    pub device: String,
    /// The inode of the file.
    pub inode: u64,
    /// The bytes that are locked: `0 EOF` is the whole file.
    pub range: String,
}

/// The locks of `/proc/locks`.
///
/// A line that is not of this kind is given as an error that names it.
pub fn locks(bytes: &[u8]) -> impl Iterator<Item = Result<Lock, ParseError>> {
    lines(bytes).map(|line| lock(line).ok_or_else(|| ParseError::new("locks: line", line)))
}

/// `1: -> FLOCK  ADVISORY  WRITE 4711 08:01:131153 0 EOF`: proc_locks(5).
pub(super) fn lock(line: &[u8]) -> Option<Lock> {
    let (_, rest) = split_once(line, b':')?;
    let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
    let waits = words.next_if(|word| *word == b"->").is_some();
    let kind = small(words.next()?)?;
    // ADVISORY, MANDATORY, ACTIVE, …: nothing that is to be told.
    words.next()?;
    let access = small(words.next()?)?;
    let taker = number(words.next()?)?;
    let file = std::str::from_utf8(words.next()?).ok()?;
    let (device, inode) = file.rsplit_once(':')?;
    let (device, inode) = (String::from(device), number(inode.as_bytes())?);
    // The range: a line that was cut before it may have been cut in the inode as well.
    let start = String::from_utf8_lossy(words.next()?);
    let range = format!("{start} {}", String::from_utf8_lossy(words.next().unwrap_or_default()));
    Some(Lock { waits, kind, access, pid: Pid::from_raw(taker), taker, device, inode, range })
}

fn small(word: &[u8]) -> Option<String> {
    Some(std::str::from_utf8(word).ok()?.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"1: FLOCK  ADVISORY  WRITE 4711 08:01:131153 0 EOF\n\
        1: -> FLOCK  ADVISORY  WRITE 4712 08:01:131153 0 EOF\n\
        2: OFDLCK ADVISORY  READ  -1 00:26:7 128 128\n\
        3: LEASE  ACTIVE    READ  99 fe:00:12 0 EOF\n";

    #[test]
    fn tells_holders_from_those_who_wait() {
        let found: Vec<_> = locks(FILE).map(Result::unwrap).collect();
        let short: Vec<_> = found
            .iter()
            .map(|lock| (lock.waits, lock.kind.as_str(), lock.access.as_str(), lock.pid.map(Pid::get), lock.inode))
            .collect();
        assert_eq!(
            short,
            [
                (false, "flock", "write", Some(4711), 131_153),
                (true, "flock", "write", Some(4712), 131_153),
                (false, "ofdlck", "read", None, 7),
                (false, "lease", "read", Some(99), 12),
            ]
        );
    }

    #[test]
    fn no_cut_makes_a_smaller_inode() {
        for end in 0..FILE.len() {
            for lock in locks(&FILE[..end]).flatten() {
                assert!([131_153, 7, 12].contains(&lock.inode), "cut at {end}: {lock:?}");
            }
        }
        assert!(locks(b"nonsense\n").next().unwrap().is_err());
    }
}
