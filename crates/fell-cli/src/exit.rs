//! What fell tells by its exit code.

use fell::Signal;

/// How fell ends. The numbers are a promise to scripts: see the table in the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; nothing is left.
    Success,
    /// A target is still alive, or zombies were found.
    Remains,
    /// Bad usage or input of every verb but `run`. Nothing was signalled.
    Usage,
    /// A monitoring check: more than the threshold for a warning.
    Warning,
    /// A monitoring check: more than the critical threshold.
    Critical,
    /// A monitoring check: not all could be seen.
    Unknown,
    /// At least one step of a plan failed, or the plan was cancelled.
    StepFailed,
    /// The command succeeded and left processes behind, which was said to be a failure.
    Leftovers,
    /// Something that fell could not end is still alive.
    Survivors,
    /// A time limit was reached.
    TimedOut,
    /// fell itself failed, or bad usage of `run`.
    Failed,
    /// The command was found and can't be executed.
    NotExecutable,
    /// The command was not found.
    NotFound,
    /// The command's own code.
    Command(u8),
    /// The command died of this signal, or fell was told to end by it.
    Signalled(Signal),
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Remains => 1,
            Exit::Usage => 2,
            Exit::Warning => 1,
            Exit::Critical => 2,
            Exit::Unknown => 3,
            Exit::StepFailed => 100,
            Exit::Leftovers => 122,
            Exit::Survivors => 123,
            Exit::TimedOut => 124,
            Exit::Failed => 125,
            Exit::NotExecutable => 126,
            Exit::NotFound => 127,
            Exit::Command(code) => code,
            // At most 128 + 64.
            Exit::Signalled(signal) => 128 + signal.number(),
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> std::process::ExitCode {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        for (exit, code) in [
            (Exit::Success, 0),
            (Exit::Remains, 1),
            (Exit::Usage, 2),
            (Exit::Warning, 1),
            (Exit::Critical, 2),
            (Exit::Unknown, 3),
            (Exit::StepFailed, 100),
            (Exit::Leftovers, 122),
            (Exit::Survivors, 123),
            (Exit::TimedOut, 124),
            (Exit::Failed, 125),
            (Exit::NotExecutable, 126),
            (Exit::NotFound, 127),
            (Exit::Command(0), 0),
            (Exit::Command(7), 7),
            (Exit::Command(255), 255),
            (Exit::Signalled(Signal::INT), 130),
            (Exit::Signalled(Signal::KILL), 137),
            (Exit::Signalled(Signal::TERM), 143),
        ] {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
