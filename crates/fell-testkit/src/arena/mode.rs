//! What a contestant is asked to do.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How the end of a victim is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// The contestant runs the command and its limit is reached.
    Run,
    /// The command exits with 0 and leaves children.
    Leftover,
    /// The contestant gets TERM.
    Cancel,
    /// The contestant gets KILL.
    Crash,
    /// The contestant is told the PID of a running tree in a session of its own.
    Kill,
    /// The same, with innocents in the process group of the tree.
    KillShared,
    /// The contestant gets KILL at a random moment of its first milliseconds; only when asked for.
    CrashEarly,
}

impl Mode {
    /// The modes that are played if none are named, in the order of the board.
    pub(crate) const ALL: [Self; 6] =
        [Self::Run, Self::Leftover, Self::Cancel, Self::Crash, Self::Kill, Self::KillShared];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Leftover => "leftover",
            Self::Cancel => "cancel",
            Self::Crash => "crash",
            Self::Kill => "kill",
            Self::KillShared => "kill-shared",
            Self::CrashEarly => "crash-early",
        }
    }

    /// Whether the tree runs already, and the contestant is told its PID.
    pub(crate) fn tells_pid(self) -> bool {
        matches!(self, Self::Kill | Self::KillShared)
    }

    /// Whether the contestant is killed.
    pub(crate) fn crashes(self) -> bool {
        matches!(self, Self::Crash | Self::CrashEarly)
    }

    /// The limit, in seconds, that the contestant is given: none that matters but in the mode that is about it.
    pub(crate) fn limit(self) -> u32 {
        if self == Self::Run { 1 } else { 30 }
    }
}
