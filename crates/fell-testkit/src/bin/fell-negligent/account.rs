//! What a parent has seen.

use std::fmt;
use std::io;

/// What a parent has seen since it was ready.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// How often a call gave EINTR.
    pub(crate) interrupted: u32,
    /// How often a call gave what it should not have given.
    pub(crate) wrong: u32,
    /// How many orders it has taken.
    pub(crate) turns: u32,
}

impl Account {
    /// Notes what a call gave, which should have been one of these; whether it was.
    pub(crate) fn expect(&mut self, result: i64, expected: std::ops::RangeInclusive<i64>) -> bool {
        if expected.contains(&result) {
            return true;
        }
        match result < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {
            true => self.interrupted += 1,
            false => self.wrong += 1,
        }
        false
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pong interrupted={} wrong={} turns={}", self.interrupted, self.wrong, self.turns)
    }
}
