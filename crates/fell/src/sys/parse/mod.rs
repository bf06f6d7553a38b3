//! The bytes of Linux's `/proc` files and of Windows' process table, read as rows: pure functions that compile everywhere,
//! do no I/O and never panic.
//!
//! A word counts only when what ends it was read too, so that a file that was cut in the middle of
//! a number never yields a smaller number.

pub mod cgroup;
pub mod children;
pub mod descriptor;
pub mod elf;
pub mod limits;
pub mod locks;
pub mod maps;
pub mod mountinfo;
pub mod net_tcp;
pub mod proc_event;
pub mod sched;
pub mod sockets;
pub mod stat;
pub mod status;
pub mod syscall;
pub mod system_processes;

use std::fmt;
use std::str::FromStr;

pub use cgroup::{Cgroups, cgroup};
pub use children::children;
pub use descriptor::{FdInfo, Link, fdinfo, link};
pub use elf::{Images, Segment, images, segments};
pub use limits::{loadavg_threads, one_number, pids_max};
pub use locks::{Lock, locks};
pub use maps::{Mapping, maps};
pub use mountinfo::{Mount, mountinfo};
pub use net_tcp::{Listener, net_tcp};
pub use proc_event::{ProcEvent, proc_event};
pub use sched::exec_start;
pub use sockets::{TcpSocket, UnixSocket, tcp_sockets, unix_peers, unix_sockets};
pub use stat::{Stat, stat};
pub use status::{Status, status};
pub use syscall::{InCall, syscall};

/// Bytes that are not what the kernel writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ParseError {
    what: &'static str,
    found: [u8; ParseError::SHOWN],
    length: usize,
}

impl ParseError {
    /// At most this many bytes of what was found are kept. In place, since the guardian must not allocate.
    const SHOWN: usize = 40;

    fn new(what: &'static str, word: &[u8]) -> ParseError {
        let mut found = [0; ParseError::SHOWN];
        found.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
        ParseError { what, found, length: word.len().min(ParseError::SHOWN) }
    }

    /// What was looked for: the file and the field.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// What was found there, shortened; empty if nothing was.
    pub fn found(&self) -> &[u8] {
        self.found.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found() {
            [] => write!(f, "{}: missing", self.what),
            found => write!(f, "{}: \"{}\" makes no sense", self.what, found.escape_ascii()),
        }
    }
}

impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ParseError {}

impl From<ParseError> for std::io::Error {
    fn from(error: ParseError) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::InvalidData, error)
    }
}

/// A decimal number, with a `-` before it if the type allows; no `+`, no blanks.
fn number<T: FromStr>(word: &[u8]) -> Option<T> {
    if word.first() == Some(&b'+') {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The words that are followed by a blank or a line end.
fn ended_words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split_inclusive(|byte| byte.is_ascii_whitespace())
        .filter_map(|word| word.split_last())
        .filter(|(last, word)| last.is_ascii_whitespace() && !word.is_empty())
        .map(|(_, word)| word)
}

/// The lines, without their ends; the last may be unfinished.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// The parts before and behind the first occurrence of this byte.
fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let index = bytes.iter().position(|byte| *byte == at)?;
    Some((bytes.get(..index)?, bytes.get(index + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_strict() {
        assert_eq!(number::<u64>(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number::<i64>(b"-1"), Some(-1));
        for word in [&b"18446744073709551616"[..], b"", b"+1", b" 1", b"1 ", b"-", b"-1", b"1e3", b"\xff", b"0x1"] {
            assert_eq!(number::<u64>(word), None, "{word:?}");
        }
    }

    #[test]
    fn an_unfinished_word_is_none() {
        assert_eq!(ended_words(b"1  22\n33").collect::<Vec<_>>(), [&b"1"[..], b"22"]);
        assert_eq!(ended_words(b"").count(), 0);
    }
}
