//! The words of `timeout`.

use super::super::getopt::{Long, Options, Reader, Short, Takes};
use super::super::say::{quoted, text};
use super::{duration, signal};
use fell::Signal;
use std::ffi::{CStr, CString};
use std::time::Duration;

const SHORT: &[Short] = &[
    (b'f', Takes::Nothing),
    (b'k', Takes::Value),
    (b'p', Takes::Nothing),
    (b's', Takes::Value),
    (b'v', Takes::Nothing),
];
const LONG: &[Long] = &[
    ("foreground", Takes::Nothing, b'f'),
    ("kill-after", Takes::Value, b'k'),
    ("preserve-status", Takes::Nothing, b'p'),
    ("signal", Takes::Value, b's'),
    ("verbose", Takes::Nothing, b'v'),
    ("help", Takes::Nothing, b'h'),
    ("version", Takes::Nothing, b'V'),
];

/// What is to be done.
#[derive(Debug)]
pub(in super::super) struct Order<'w> {
    /// No group of its own.
    pub(in super::super) foreground: bool,
    /// Time between the first signal and KILL; zero for never.
    pub(in super::super) kill_after: Duration,
    /// The command's status counts, even at the limit.
    pub(in super::super) preserve_status: bool,
    /// The first signal; `None` sends nothing.
    pub(in super::super) signal: Option<Signal>,
    /// Signals are announced.
    pub(in super::super) verbose: bool,
    /// The limit; zero for none.
    pub(in super::super) limit: Duration,
    /// The command and its arguments; never empty.
    pub(in super::super) command: Vec<&'w CStr>,
}

/// Why there is nothing to be done.
#[derive(Debug)]
pub(super) enum Stop {
    Help,
    Version,
    /// The words make no sense, for this reason.
    Usage(Option<Vec<u8>>),
}

/// Reads the words.
pub(super) fn parse<'w>(words: &'w [&'w CStr]) -> Result<Order<'w>, Stop> {
    let mut order = Order {
        foreground: false,
        kill_after: Duration::ZERO,
        preserve_status: false,
        signal: Some(Signal::TERM),
        verbose: false,
        limit: Duration::ZERO,
        command: Vec::new(),
    };
    let mut reader = Reader::new(Options { short: SHORT, long: LONG }, words, false);
    while let Some((letter, value)) = reader.next_option().map_err(|message| Stop::Usage(Some(message)))? {
        match letter {
            b'f' => order.foreground = true,
            b'k' => order.kill_after = interval(value)?,
            b'p' => order.preserve_status = true,
            b's' => order.signal = signal::parse(value).ok_or_else(|| refused(b"", value, b": invalid signal"))?,
            b'v' => order.verbose = true,
            b'h' => return Err(Stop::Help),
            _ => return Err(Stop::Version),
        }
    }
    let mut operands = reader.into_operands();
    if operands.len() < 2 {
        return Err(Stop::Usage(None));
    }
    order.limit = interval(operands.remove(0).to_bytes())?;
    order.command = operands;
    Ok(order)
}

fn interval(value: &[u8]) -> Result<Duration, Stop> {
    duration::parse(value).ok_or_else(|| refused(b"invalid time interval ", value, b""))
}

fn refused(before: &[u8], value: &[u8], after: &[u8]) -> Stop {
    // A word of the command line holds no NUL.
    let value = CString::new(value).unwrap_or_default();
    Stop::Usage(Some(text(&[before, &quoted(&value), after])))
}
