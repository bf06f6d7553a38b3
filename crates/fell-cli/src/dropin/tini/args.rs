//! The words of `tini`, and its variables.

use super::super::getopt::{Options, Reader, Short, Takes};
use super::words::{number, signal};
use fell::Signal;
use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt as _;

const SHORT: &[Short] = &[
    (b'h', Takes::Nothing),
    (b'v', Takes::Nothing),
    (b'w', Takes::Nothing),
    (b'g', Takes::Nothing),
    (b'l', Takes::Nothing),
    (b'e', Takes::Value),
    (b's', Takes::Nothing),
    (b'p', Takes::Value),
];

/// What is to be done.
#[derive(Debug)]
pub(in super::super) struct Order<'w> {
    /// The command and its arguments; never empty.
    pub(in super::super) command: Vec<&'w CStr>,
    /// Be the reaper of all descendants.
    pub(in super::super) subreaper: bool,
    /// What this process gets when its parent dies.
    pub(in super::super) death_signal: Option<Signal>,
    /// Signals go to the command's process group.
    pub(in super::super) group: bool,
    /// The exit codes that count as success.
    pub(in super::super) expected: [bool; 256],
    /// 0 is fatal errors alone, 1 warnings, 2 facts, 3 details, 4 everything; so is what is negative.
    pub(in super::super) verbosity: u32,
    /// Orphans that are collected are worth a warning.
    pub(in super::super) warns: bool,
}

/// Why there is nothing to be done.
#[derive(Debug)]
pub(super) enum Stop {
    Version,
    Help,
    License,
    /// The words make no sense, for this reason.
    Usage(Option<Vec<u8>>),
    /// The value of this option makes no sense.
    Value {
        letter: u8,
        value: Vec<u8>,
    },
}

/// Reads the words and the variables.
pub(super) fn parse<'w>(words: &'w [&'w CStr]) -> Result<Order<'w>, Stop> {
    if words == [c"--version"] {
        return Err(Stop::Version);
    }
    let mut order = Order {
        command: Vec::new(),
        subreaper: false,
        death_signal: None,
        group: false,
        expected: [false; 256],
        verbosity: 1,
        warns: false,
    };
    let permutes = std::env::var_os("POSIXLY_CORRECT").is_none();
    let mut reader = Reader::new(Options { short: SHORT, long: &[] }, words, permutes);
    while let Some((letter, value)) = reader.next_option().map_err(|message| Stop::Usage(Some(message)))? {
        let refused = || Stop::Value { letter, value: value.to_vec() };
        match letter {
            b'h' => return Err(Stop::Help),
            b'l' => return Err(Stop::License),
            b'v' => order.verbosity = order.verbosity.saturating_add(1),
            b'w' => order.warns = true,
            b'g' => order.group = true,
            b's' => order.subreaper = true,
            b'p' => order.death_signal = Some(signal(value).ok_or_else(refused)?),
            _ => {
                let code = number(value).and_then(|code| u8::try_from(code).ok()).ok_or_else(refused)?;
                order.expected[usize::from(code)] = true;
            }
        }
    }
    order.command = reader.into_operands();
    if order.command.is_empty() {
        return Err(Stop::Usage(None));
    }
    order.subreaper |= std::env::var_os("TINI_SUBREAPER").is_some();
    order.group |= std::env::var_os("TINI_KILL_PROCESS_GROUP").is_some();
    if let Some(verbosity) = std::env::var_os("TINI_VERBOSITY") {
        order.verbosity = leading_number(verbosity.as_bytes()).cast_unsigned();
    }
    Ok(order)
}

/// As `atoi(3)`: what is no number is 0.
fn leading_number(text: &[u8]) -> i32 {
    let digits = text.trim_ascii_start();
    let length = digits
        .iter()
        .enumerate()
        .take_while(|(place, byte)| byte.is_ascii_digit() || (*place == 0 && matches!(byte, b'-' | b'+')))
        .count();
    std::str::from_utf8(&digits[..length]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
