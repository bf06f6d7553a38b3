//! The links of `/proc/PID/fd`, and `/proc/PID/fdinfo/N`: what a descriptor is.

use super::{ended_words, lines, locks, number, split_once};
use crate::pid::Pid;

/// What the link of a descriptor names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link<'b> {
    /// `pipe:[31337]`: a pipe without a name, by its inode.
    Pipe(u64),
    /// `socket:[31337]`.
    Socket(u64),
    /// A path. Of a file that was removed, it ends in ` (deleted)`.
    Path(&'b [u8]),
    /// `anon_inode:[eventpoll]` and the like: the name alone.
    Anonymous(&'b [u8]),
}

/// Reads such a link.
pub fn link(bytes: &[u8]) -> Link<'_> {
    let inode = |kind: &[u8]| number(bytes.strip_prefix(kind)?.strip_prefix(b":[")?.strip_suffix(b"]")?);
    if bytes.starts_with(b"/") {
        Link::Path(bytes)
    } else if let Some(inode) = inode(b"pipe") {
        Link::Pipe(inode)
    } else if let Some(inode) = inode(b"socket") {
        Link::Socket(inode)
    } else {
        let name = bytes.strip_prefix(b"anon_inode:").unwrap_or(bytes);
        Link::Anonymous(name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name))
    }
}

/// One descriptor that an epoll instance watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// Its number when it was entered.
    pub number: i32,
    /// `EPOLLIN`, `EPOLLOUT`, ….
    pub events: u32,
}

/// What `fdinfo` tells beyond the link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FdInfo {
    /// The locks that are held through this open file, or by this process on it.
    pub locks: Vec<locks::Lock>,
    /// What an epoll instance watches.
    pub watched: Vec<Watched>,
    /// The process that a pidfd holds.
    pub process: Option<Pid>,
}

/// Reads `/proc/PID/fdinfo/N`.
pub fn fdinfo(bytes: &[u8]) -> FdInfo {
    let mut info = FdInfo::default();
    for line in lines(bytes) {
        let Some((name, value)) = split_once(line, b':') else { continue };
        match name {
            b"lock" => info.locks.extend(locks::lock(value)),
            b"Pid" => info.process = number(value.trim_ascii()).and_then(Pid::from_raw),
            b"tfd" => info.watched.extend(watched(value)),
            _ => {}
        }
    }
    info
}

/// `        5 events:       19 data:                5  pos:0 ino:61af sdev:7`
fn watched(value: &[u8]) -> Option<Watched> {
    let mut words = ended_words(value);
    let number = number(words.next()?)?;
    let events = words.nth(1)?;
    Some(Watched { number, events: u32::from_str_radix(std::str::from_utf8(events).ok()?, 16).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_what_is_open() {
        assert_eq!(link(b"pipe:[31337]"), Link::Pipe(31337));
        assert_eq!(link(b"socket:[7]"), Link::Socket(7));
        assert_eq!(link(b"/tmp/pipe:[7]"), Link::Path(b"/tmp/pipe:[7]"));
        assert_eq!(link(b"anon_inode:[eventpoll]"), Link::Anonymous(b"eventpoll"));
        assert_eq!(link(b"anon_inode:inotify"), Link::Anonymous(b"inotify"));
        assert_eq!(link(b"pipe:[x]"), Link::Anonymous(b"pipe:[x]"));
        assert_eq!(link(b"net:[4026531840]"), Link::Anonymous(b"net:[4026531840]"));
    }

    #[test]
    fn fdinfo_tells_locks_watched_descriptors_and_processes() {
        let lock = b"pos:\t0\nflags:\t02100001\nlock:\t1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF\n";
        let info = fdinfo(lock);
        assert_eq!(info.locks.iter().map(|lock| lock.inode).collect::<Vec<_>>(), [11691]);
        let epoll = b"flags:\t02\ntfd:        5 events:       19 data:   5  pos:0 ino:61af sdev:7\n";
        assert_eq!(fdinfo(epoll).watched, [Watched { number: 5, events: 0x19 }]);
        assert_eq!(fdinfo(b"Pid:\t4711\nNSpid:\t4711\n").process, Pid::new(4711));
        assert_eq!(fdinfo(b"Pid:\t-1\n"), FdInfo::default());
    }
}
