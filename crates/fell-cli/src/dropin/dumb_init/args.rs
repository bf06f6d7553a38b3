//! The words of `dumb-init`, and its variables.

use super::super::getopt::{Long, Options, Reader, Short, Takes};
use super::super::is_set_to_one;
use fell::Signal;
use std::ffi::CStr;

const SHORT: &[Short] = &[
    (b'h', Takes::Nothing),
    (b'c', Takes::Nothing),
    (b'r', Takes::Value),
    (b'v', Takes::Nothing),
    (b'V', Takes::Nothing),
];
const LONG: &[Long] = &[
    ("help", Takes::Nothing, b'h'),
    ("single-child", Takes::Nothing, b'c'),
    ("rewrite", Takes::Value, b'r'),
    ("verbose", Takes::Nothing, b'v'),
    ("version", Takes::Nothing, b'V'),
];

/// What is to be done.
#[derive(Debug)]
pub(in super::super) struct Order<'w> {
    /// The command and its arguments; never empty.
    pub(in super::super) command: Vec<&'w CStr>,
    /// The command leads a session of its own, and signals go to all of its process group.
    pub(in super::super) session: bool,
    pub(in super::super) verbose: bool,
    rewrites: [Option<u8>; 32],
}

impl Order<'_> {
    /// What becomes of a signal: `None` if it is not passed on. Real-time signals are passed on as they are.
    pub(in super::super) fn rewritten(&self, signal: Signal) -> Option<Signal> {
        match self.rewrite(signal) {
            Some(number) => Signal::from_number(number),
            None => Some(signal),
        }
    }

    /// Whether a rewrite was given, be it to the same signal.
    pub(super) fn is_rewritten(&self, signal: Signal) -> bool {
        self.rewrite(signal).is_some()
    }

    fn rewrite(&self, signal: Signal) -> Option<u8> {
        self.rewrites.get(usize::from(signal.number())).copied().flatten()
    }
}

/// Why there is nothing to be done.
#[derive(Debug)]
pub(super) enum Stop {
    Help,
    Version,
    /// A rewrite makes no sense.
    Rewrite,
    /// The words make no sense, for this reason.
    Usage(Option<Vec<u8>>),
}

/// Reads the words and the variables.
pub(super) fn parse<'w>(words: &'w [&'w CStr]) -> Result<Order<'w>, Stop> {
    let mut order = Order {
        command: Vec::new(),
        session: std::env::var_os("DUMB_INIT_SETSID").is_none_or(|value| value != "0"),
        verbose: is_set_to_one("DUMB_INIT_DEBUG"),
        rewrites: [None; 32],
    };
    let mut reader = Reader::new(Options { short: SHORT, long: LONG }, words, false);
    while let Some((letter, value)) = reader.next_option().map_err(|message| Stop::Usage(Some(message)))? {
        match letter {
            b'h' => return Err(Stop::Help),
            b'V' => return Err(Stop::Version),
            b'v' => order.verbose = true,
            b'c' => order.session = false,
            _ => {
                let (from, to) = rewrite(value).ok_or(Stop::Rewrite)?;
                order.rewrites[usize::from(from)] = Some(to);
            }
        }
    }
    order.command = reader.into_operands();
    if order.command.is_empty() {
        return Err(Stop::Usage(None));
    }
    if order.session {
        // The group of a session's leader is an orphan: there the kernel lets nobody be stopped by these.
        for signal in [Signal::TSTP, Signal::TTIN, Signal::TTOU] {
            order.rewrites[usize::from(signal.number())].get_or_insert(Signal::STOP.number());
        }
    }
    Ok(order)
}

/// `15:2`, as `sscanf(3)` takes two numbers with a colon between them; what follows does not count.
fn rewrite(text: &[u8]) -> Option<(u8, u8)> {
    let (from, rest) = number(text)?;
    let (to, _) = number(rest.strip_prefix(b":")?)?;
    ((1..=31).contains(&from) && to <= 31).then_some((from, to))
}

/// A number at the beginning, and the rest.
fn number(text: &[u8]) -> Option<(u8, &[u8])> {
    let start = text.iter().position(|byte| !matches!(byte, b'\t'..=b'\r' | b' '))?;
    let text = text[start..].strip_prefix(b"+").unwrap_or(&text[start..]);
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..length]).ok()?.parse().ok()?;
    Some((number, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewrites() {
        for text in ["15:2", " 15: 2", "+15:2", "15:2x", "015:02"] {
            assert_eq!(rewrite(text.as_bytes()), Some((15, 2)), "{text:?}");
        }
        assert_eq!(rewrite(b"31:0"), Some((31, 0)));
        for text in ["", "15", "15:", "15::2", "15 :2", "0:2", "32:2", "1:32", "1:-1", "x:y", "1:999"] {
            assert_eq!(rewrite(text.as_bytes()), None, "{text:?}");
        }
    }
}
