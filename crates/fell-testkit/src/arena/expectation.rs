//! What is right, for a victim in a mode.

use super::mode::Mode;
use fell_testkit::Trick;

/// What a contestant that keeps all promises does to a victim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expectation {
    /// How many processes finish their clean-up; `None` if none has one, or nobody could know of it.
    pub(crate) cleaned: Option<u32>,
    /// The exit codes that tell the truth, of a contestant that keeps to fell's table.
    pub(crate) codes: &'static [i32],
}

/// Whether the root of this trick ends by itself, before anybody ends it.
pub(crate) fn root_leaves(trick: Trick) -> bool {
    matches!(trick, Trick::ShellLeaves | Trick::LoneDaemon | Trick::ParentExitsFirst | Trick::Rabbit)
}

/// The role of those that leave the tree of this trick all the time, one before anybody can look and the next after it.
///
/// Told the PID of the root, nobody can find them; what is asked is that no more of them come.
pub(crate) fn escapes(trick: Trick) -> Option<&'static str> {
    match trick {
        Trick::RabbitSessions | Trick::RabbitHerd => Some("rabbit"),
        Trick::LateDaemons => Some("late daemon"),
        _ => None,
    }
}

impl Expectation {
    /// What is right.
    pub(crate) fn of(trick: Trick, mode: Mode) -> Self {
        let cleaned = match trick {
            // Nobody knows how far it had come.
            _ if mode == Mode::CrashEarly => None,
            Trick::Graceful | Trick::GracefulStopped => Some(1),
            Trick::GracefulTree => Some(trick.shape(trick.count()).ready),
            // Told the PID of its starter, nobody can prove that the daemon belongs to it.
            Trick::GracefulDaemon if mode.tells_pid() => None,
            Trick::GracefulDaemon => Some(1),
            _ => None,
        };
        let codes: &[i32] = match mode {
            Mode::Run | Mode::Leftover if mode == Mode::Leftover || root_leaves(trick) => &[0],
            Mode::Run => &[124],
            // The contestant may be done before the signal arrives.
            Mode::Cancel if root_leaves(trick) => &[0, 143],
            Mode::Cancel => &[143],
            // It was killed, and says nothing.
            Mode::Crash | Mode::CrashEarly => &[],
            Mode::Leftover | Mode::Kill | Mode::KillShared => &[0],
        };
        Self { cleaned, codes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_is_not_over_time() {
        assert_eq!(Expectation::of(Trick::Plain, Mode::Run).codes, [124]);
        assert_eq!(Expectation::of(Trick::LoneDaemon, Mode::Run).codes, [0]);
        assert_eq!(Expectation::of(Trick::Plain, Mode::Leftover).codes, [0]);
    }

    #[test]
    fn grace_is_asked_of_whoever_can_be_found() {
        assert_eq!(Expectation::of(Trick::GracefulTree, Mode::Kill).cleaned, Some(4));
        assert_eq!(Expectation::of(Trick::GracefulDaemon, Mode::Kill).cleaned, None);
        assert_eq!(Expectation::of(Trick::GracefulDaemon, Mode::Crash).cleaned, Some(1));
    }
}
