//! How an attempt at a step can fail.

use crate::file::Condition;
use std::fmt;
use std::time::Duration;

/// Why an attempt at a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It ended with this code.
    Code(i32),
    /// It ended by the signal with this number.
    Signal(i32),
    /// It reached its time limit.
    Timeout(Duration),
    /// The plan reached its time limit.
    PlanTimeout(Duration),
    /// It was silent for this long.
    IdleTimeout(Duration),
    /// It succeeded and left so many processes behind.
    Leftovers(usize),
    /// So many of its processes are alive although they were to be ended.
    Survivors(usize),
    /// The service was not ready in this time.
    NotReady(Duration),
    /// The service ended, though steps needed it.
    EndedEarly(Option<i32>),
    /// It could not be started.
    NotStarted(String),
    /// What became of it was not seen.
    Lost(String),
}

/// The kind of a failure, as reports name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// It ended by itself, and not well.
    Exit,
    /// It reached a time limit.
    Timeout,
    /// It was silent for too long.
    IdleTimeout,
    /// It left something behind.
    Leftovers,
    /// It could not be run.
    Error,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FailureKind::Exit => "exit",
            FailureKind::Timeout => "timeout",
            FailureKind::IdleTimeout => "idle-timeout",
            FailureKind::Leftovers => "leftovers",
            FailureKind::Error => "error",
        })
    }
}

impl Failure {
    /// Its kind.
    pub fn kind(&self) -> FailureKind {
        match self {
            Failure::Code(_) | Failure::Signal(_) | Failure::EndedEarly(_) => FailureKind::Exit,
            Failure::Timeout(_) | Failure::PlanTimeout(_) | Failure::NotReady(_) => FailureKind::Timeout,
            Failure::IdleTimeout(_) => FailureKind::IdleTimeout,
            Failure::Leftovers(_) | Failure::Survivors(_) => FailureKind::Leftovers,
            Failure::NotStarted(_) | Failure::Lost(_) => FailureKind::Error,
        }
    }

    /// Whether a step is tried again for it. Nothing named means any failure; what reached the plan's limit has no time
    /// left.
    pub fn meets(&self, conditions: &[Condition]) -> bool {
        if matches!(self, Failure::PlanTimeout(_)) {
            return false;
        }
        let kind = self.kind();
        let meets = |condition: &Condition| match condition {
            Condition::Code(code) => *self == Failure::Code(*code) || *self == Failure::EndedEarly(Some(*code)),
            Condition::Exit => kind == FailureKind::Exit,
            Condition::Timeout => matches!(kind, FailureKind::Timeout | FailureKind::IdleTimeout),
            Condition::IdleTimeout => kind == FailureKind::IdleTimeout,
            Condition::Leftovers => kind == FailureKind::Leftovers,
        };
        conditions.is_empty() || conditions.iter().any(meets)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |time: &Duration| humantime::format_duration(*time);
        let processes =
            |count: &usize| if *count == 1 { String::from("1 process") } else { format!("{count} processes") };
        match self {
            Failure::Code(code) => write!(f, "exit code {code}"),
            Failure::Signal(number) => match u8::try_from(*number).ok().and_then(fell::Signal::from_number) {
                Some(signal) => write!(f, "died of signal {signal}"),
                None => write!(f, "died of signal {number}"),
            },
            Failure::Timeout(limit) => write!(f, "reached its time limit of {}", shown(limit)),
            Failure::PlanTimeout(limit) => write!(f, "the plan reached its time limit of {}", shown(limit)),
            Failure::IdleTimeout(limit) => write!(f, "no output for {}", shown(limit)),
            Failure::Leftovers(count) => write!(f, "succeeded, but left {} behind", processes(count)),
            Failure::Survivors(count) => write!(f, "{} could not be ended", processes(count)),
            Failure::NotReady(limit) => write!(f, "not ready within {}", shown(limit)),
            Failure::EndedEarly(Some(code)) => write!(f, "the service ended with exit code {code} while it was needed"),
            Failure::EndedEarly(None) => f.write_str("the service ended while it was needed"),
            Failure::NotStarted(why) => write!(f, "could not be started: {why}"),
            Failure::Lost(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_is_never_left_out() {
        let limit = Duration::from_secs(1);
        assert!(Failure::Timeout(limit).meets(&[Condition::Timeout, Condition::Code(75)]));
        assert!(Failure::IdleTimeout(limit).meets(&[Condition::Timeout]));
        assert!(!Failure::Timeout(limit).meets(&[Condition::IdleTimeout]));
        assert!(Failure::Code(75).meets(&[Condition::Timeout, Condition::Code(75)]));
        assert!(!Failure::Code(1).meets(&[Condition::Timeout, Condition::Code(75)]));
        assert!(Failure::Signal(9).meets(&[Condition::Exit]));
        assert!(Failure::Leftovers(1).meets(&[]));
        assert!(!Failure::PlanTimeout(limit).meets(&[]));
    }
}
