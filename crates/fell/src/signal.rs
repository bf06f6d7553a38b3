//! Signals by name and number.

use std::fmt;
use std::str::FromStr;

/// A signal that can be sent: 1 to 64, numbered as Linux does on x86 and Arm.
///
/// Other systems number some of them differently; the machine layer translates by name there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];
const ALIASES: [(&str, u8); 4] = [("IOT", 6), ("CLD", 17), ("POLL", 29), ("UNUSED", 31)];
/// The real-time signals that the C library leaves to programs.
const RTMIN: u8 = 34;
const RTMAX: u8 = 64;

macro_rules! signals {
    ($($(#[$doc:meta])* $name:ident = $number:literal),* $(,)?) => {
        impl Signal { $($(#[$doc])* pub const $name: Signal = Signal($number);)* }
    };
}
signals! {
    /// The terminal is gone.
    HUP = 1,
    /// Ctrl-C.
    INT = 2,
    /// Ctrl-\.
    QUIT = 3,
    /// A bad instruction.
    ILL = 4,
    /// A breakpoint.
    TRAP = 5,
    /// `abort(3)`.
    ABRT = 6,
    /// A bad access to memory.
    BUS = 7,
    /// A bad operation in arithmetic.
    FPE = 8,
    /// Ends a process at once; can't be caught.
    KILL = 9,
    /// For the program's own use.
    USR1 = 10,
    /// A bad reference to memory.
    SEGV = 11,
    /// For the program's own use.
    USR2 = 12,
    /// A timer has run out.
    ALRM = 14,
    /// The polite request to end: can be caught, and answered by cleaning up.
    TERM = 15,
    /// A child has ended.
    CHLD = 17,
    /// Goes on, if stopped.
    CONT = 18,
    /// Stops a process; can't be caught.
    STOP = 19,
    /// Ctrl-Z.
    TSTP = 20,
    /// In the background, and reading from the terminal.
    TTIN = 21,
    /// In the background, and writing to the terminal.
    TTOU = 22,
    /// Urgent data has come in.
    URG = 23,
    /// The terminal's size has changed.
    WINCH = 28,
    /// A bad system call.
    SYS = 31,
}

impl Signal {
    /// The signal with this number, if it is 1 to 64.
    pub fn from_number(number: u8) -> Option<Signal> {
        (1..=RTMAX).contains(&number).then_some(Signal(number))
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The number as system calls take it.
    pub fn as_raw(self) -> i32 {
        i32::from(self.0)
    }
}

/// The name without `SIG`: `TERM`, `RTMIN+2`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n @ 1..=31 => f.write_str(NAMES[usize::from(n) - 1]),
            RTMIN => f.write_str("RTMIN"),
            RTMAX => f.write_str("RTMAX"),
            n @ 35..=49 => write!(f, "RTMIN+{}", n - RTMIN),
            n @ 50..=63 => write!(f, "RTMAX-{}", RTMAX - n),
            n => n.fmt(f),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIG{self}")
    }
}

/// The text names no signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseSignalError;

impl fmt::Display for ParseSignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a signal: expected a name or number such as TERM, SIGTERM, term or 15")
    }
}

impl std::error::Error for ParseSignalError {}

impl FromStr for Signal {
    type Err = ParseSignalError;

    fn from_str(text: &str) -> Result<Signal, ParseSignalError> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().ok().and_then(Signal::from_number).ok_or(ParseSignalError);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(index) = NAMES.iter().position(|known| *known == name) {
            return u8::try_from(index + 1).ok().and_then(Signal::from_number).ok_or(ParseSignalError);
        }
        if let Some((_, number)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
            return Ok(Signal(*number));
        }
        let offset = |digits: &str| match digits.bytes().all(|b| b.is_ascii_digit()) {
            true => digits.parse::<u8>().ok(),
            false => None,
        };
        let number = match name {
            "RTMIN" => Some(RTMIN),
            "RTMAX" => Some(RTMAX),
            _ => match (name.strip_prefix("RTMIN+"), name.strip_prefix("RTMAX-")) {
                (Some(digits), _) => offset(digits).and_then(|n| RTMIN.checked_add(n)),
                (_, Some(digits)) => offset(digits).and_then(|n| RTMAX.checked_sub(n)),
                _ => None,
            },
        };
        number.filter(|n| (RTMIN..=RTMAX).contains(n)).map(Signal).ok_or(ParseSignalError)
    }
}

/// A set of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalSet(u64);

impl SignalSet {
    /// No signal.
    pub const EMPTY: SignalSet = SignalSet(0);

    /// Every signal but the two that the C library keeps for itself.
    pub const ALL: SignalSet = SignalSet(!(1 << 31 | 1 << 32));

    /// What an init passes on: every signal that is sent by somebody, and not by a fault of this very process, by the
    /// end of a child, or by a terminal that this process may not use.
    pub const FORWARDABLE: SignalSet = SignalSet::ALL
        .without(Signal::KILL)
        .without(Signal::STOP)
        .without(Signal::CHLD)
        .without(Signal::ILL)
        .without(Signal::TRAP)
        .without(Signal::ABRT)
        .without(Signal::BUS)
        .without(Signal::FPE)
        .without(Signal::SEGV)
        .without(Signal::SYS)
        .without(Signal::TTIN)
        .without(Signal::TTOU);

    /// These signals.
    pub fn of(signals: &[Signal]) -> SignalSet {
        signals.iter().copied().fold(SignalSet::EMPTY, SignalSet::with)
    }

    /// The set and this signal.
    #[must_use]
    pub const fn with(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 | 1 << (signal.number() - 1))
    }

    /// The set without this signal.
    #[must_use]
    pub const fn without(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 & !(1 << (signal.number() - 1)))
    }

    /// Whether the signal is in the set.
    pub fn contains(self, signal: Signal) -> bool {
        self.0 & 1 << (signal.number() - 1) != 0
    }

    /// The signals in the set, lowest first.
    pub fn signals(self) -> impl Iterator<Item = Signal> {
        (1..=64).filter_map(Signal::from_number).filter(move |signal| self.contains(*signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_prints_a_name_that_parses_back() {
        for number in 1..=64 {
            let signal = Signal::from_number(number).unwrap();
            assert_eq!(signal.to_string().parse(), Ok(signal));
            assert_eq!(number.to_string().parse(), Ok(signal));
        }
    }

    #[test]
    fn takes_every_usual_spelling_and_no_other() {
        for text in ["TERM", "SIGTERM", "term", "SigTerm", "15"] {
            assert_eq!(text.parse(), Ok(Signal::TERM), "{text}");
        }
        assert_eq!("POLL".parse::<Signal>().unwrap().to_string(), "IO");
        for text in ["", "0", "65", "-9", "SIG", "TERMX", "RTMIN+31", "RTMAX-31", "RTMIN+", "RTMIN+-1", "999"] {
            assert_eq!(text.parse::<Signal>(), Err(ParseSignalError), "{text:?}");
        }
    }
}
