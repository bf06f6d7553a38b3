//! An identity: a PID together with its birth, which tells it from later owners of the number.

use crate::pid::{ParsePidError, Pid};
use std::fmt;
use std::str::FromStr;

/// What tells one owner of a PID from the next. Each part is `None` where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Birth {
    /// When the process started, in the system's own ticks since boot (Linux: field 22 of
    /// `/proc/PID/stat`, 100 a second). Two owners of a PID can share a tick.
    pub start: Option<u64>,
    /// Linux 6.9 and later: the inode of the process's pidfd, unique until the next boot.
    pub inode: Option<u64>,
}

/// Whether two identities are one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// One process.
    Same,
    /// Two processes; if the PID is the same, it was recycled.
    Different,
    /// The PID is the same and no part of the birth is known on both sides.
    Unknown,
}

/// A process, told from every other that has or had its PID: PID plus birth.
///
/// Written `PID:INODE` as util-linux does, or the bare PID where the inode is not known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// The number.
    pub pid: Pid,
    /// What tells this owner of the number from others.
    pub birth: Birth,
}

impl ProcessId {
    /// The identity of a process whose start is known.
    pub fn started(pid: Pid, start: u64) -> ProcessId {
        ProcessId { pid, birth: Birth { start: Some(start), inode: None } }
    }

    /// A bare number: whoever has it now.
    pub fn unborn(pid: Pid) -> ProcessId {
        ProcessId { pid, birth: Birth::default() }
    }

    /// Compares by the strongest part of the birth that both sides know.
    pub fn compare(&self, other: &ProcessId) -> Sameness {
        if self.pid != other.pid {
            return Sameness::Different;
        }
        let verdict = |same| if same { Sameness::Same } else { Sameness::Different };
        match (self.birth, other.birth) {
            (Birth { inode: Some(a), .. }, Birth { inode: Some(b), .. }) => verdict(a == b),
            (Birth { start: Some(a), .. }, Birth { start: Some(b), .. }) => verdict(a == b),
            _ => Sameness::Unknown,
        }
    }

    /// This identity with what the other knows of the same birth filled in.
    pub fn merged(self, other: &ProcessId) -> ProcessId {
        let birth =
            Birth { start: self.birth.start.or(other.birth.start), inode: self.birth.inode.or(other.birth.inode) };
        ProcessId { pid: self.pid, birth }
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.birth.inode {
            Some(inode) => write!(f, "{}:{inode}", self.pid),
            None => self.pid.fmt(f),
        }
    }
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.birth.start {
            Some(start) => write!(f, "{self}@{start}"),
            None => write!(f, "{self}"),
        }
    }
}

/// Why a text is no process identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseIdError {
    /// The part before the colon is no PID.
    Pid(ParsePidError),
    /// The part behind the colon is no inode number.
    Inode,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseIdError::Pid(error) => error.fmt(f),
            ParseIdError::Inode => {
                f.write_str("the part behind the colon is no pidfd inode: expected PID:INODE such as 4711:5032")
            }
        }
    }
}

impl std::error::Error for ParseIdError {}

impl FromStr for ProcessId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<ProcessId, ParseIdError> {
        let (pid, inode) = match text.split_once(':') {
            Some((pid, inode)) => (pid, Some(inode)),
            None => (text, None),
        };
        let pid = pid.parse().map_err(ParseIdError::Pid)?;
        let inode = match inode {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| ParseIdError::Inode)?)
            }
            Some(_) => return Err(ParseIdError::Inode),
            None => None,
        };
        Ok(ProcessId { pid, birth: Birth { start: None, inode } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(pid: u32, start: Option<u64>, inode: Option<u64>) -> ProcessId {
        ProcessId { pid: Pid::new(pid).unwrap(), birth: Birth { start, inode } }
    }

    #[test]
    fn compares_by_the_strongest_common_part() {
        assert_eq!(id(7, Some(1), None).compare(&id(8, Some(1), None)), Sameness::Different);
        assert_eq!(id(7, Some(1), Some(5)).compare(&id(7, Some(1), Some(5))), Sameness::Same);
        assert_eq!(id(7, Some(1), Some(5)).compare(&id(7, Some(1), Some(6))), Sameness::Different);
        assert_eq!(id(7, Some(1), None).compare(&id(7, Some(2), Some(6))), Sameness::Different);
        assert_eq!(id(7, None, Some(5)).compare(&id(7, Some(2), None)), Sameness::Unknown);
        assert_eq!(id(7, None, None).compare(&id(7, None, None)), Sameness::Unknown);
    }

    #[test]
    fn prints_what_it_parses() {
        for text in ["4711", "4711:5032", "1:0"] {
            assert_eq!(text.parse::<ProcessId>().unwrap().to_string(), text);
        }
        for (text, error) in [
            ("4711:", ParseIdError::Inode),
            ("4711:x", ParseIdError::Inode),
            ("4711:+1", ParseIdError::Inode),
            ("4711:99999999999999999999", ParseIdError::Inode),
            (":1", ParseIdError::Pid(ParsePidError::NotANumber)),
            ("0:1", ParseIdError::Pid(ParsePidError::Zero)),
        ] {
            assert_eq!(text.parse::<ProcessId>(), Err(error), "{text}");
        }
    }
}
