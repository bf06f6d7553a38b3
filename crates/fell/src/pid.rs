//! A process number, without verbs.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The number by which the system lists a process.
///
/// A `Pid` is *not* a process: the kernel hands the number on to somebody else when its owner is
/// gone. So it can be compared, printed and looked up, and has no verb: only a
/// [`Pinned`](crate::Pinned) process can be signalled. It is never 0, and never negative (those
/// address groups, or everybody, in `kill(2)`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(NonZeroU32);

/// The largest PID that a supported system gives out; `pid_t` is a signed 32-bit number on all Unix.
const MAX: u32 = i32::MAX as u32;

impl Pid {
    /// The first process of the system or of its PID namespace: `init`.
    pub const INIT: Pid = Pid(NonZeroU32::MIN);

    /// The PID with this number, unless it is 0 or beyond what a system gives out.
    pub fn new(number: u32) -> Option<Pid> {
        if number > MAX { None } else { NonZeroU32::new(number).map(Pid) }
    }

    /// The PID with this number, unless it is 0 or negative.
    pub fn from_raw(number: i32) -> Option<Pid> {
        u32::try_from(number).ok().and_then(Pid::new)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The number as Unix system calls take it.
    pub fn as_raw(self) -> i32 {
        self.0.get().cast_signed()
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is not a PID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsePidError {
    /// It is 0, which addresses the caller's own process group.
    Zero,
    /// It is negative, which addresses a process group.
    Negative,
    /// It is a number beyond the largest PID.
    TooLarge,
    /// It is no number.
    NotANumber,
}

impl fmt::Display for ParsePidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParsePidError::Zero => "0 is no process: a PID is 1 or more",
            ParsePidError::Negative => "a negative number is a process group, not a process: a PID is 1 or more",
            ParsePidError::TooLarge => "larger than any PID (at most 2147483647)",
            ParsePidError::NotANumber => "not a PID: expected a number such as 4711",
        })
    }
}

impl std::error::Error for ParsePidError {}

impl FromStr for Pid {
    type Err = ParsePidError;

    fn from_str(text: &str) -> Result<Pid, ParsePidError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParsePidError::NotANumber);
        }
        if text.len() != digits.len() {
            return Err(ParsePidError::Negative);
        }
        let number: u32 = digits.parse().map_err(|_| ParsePidError::TooLarge)?;
        if number == 0 {
            return Err(ParsePidError::Zero);
        }
        Pid::new(number).ok_or(ParsePidError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_what_names_one_process() {
        assert_eq!("4711".parse(), Ok(Pid::new(4711).unwrap()));
        assert_eq!("0".parse::<Pid>(), Err(ParsePidError::Zero));
        assert_eq!("-5".parse::<Pid>(), Err(ParsePidError::Negative));
        assert_eq!("99999999999".parse::<Pid>(), Err(ParsePidError::TooLarge));
        assert_eq!("2147483648".parse::<Pid>(), Err(ParsePidError::TooLarge));
        for word in ["", "-", "+1", " 1", "1 ", "0x10", "one", "1.5", "١"] {
            assert_eq!(word.parse::<Pid>(), Err(ParsePidError::NotANumber), "{word:?}");
        }
    }
}
