//! What became of one process.

use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::plan::Refusal;
use std::fmt;
use std::time::Duration;

/// By which means a process was addressed. A weaker one is named, so that nobody takes it for a stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// A Linux pidfd: can't hit a later owner of the PID.
    Pidfd,
    /// The kernel's own kill of a whole control group.
    Cgroup,
    /// A Windows handle on the process: its PID goes to nobody else while it is held.
    Handle,
    /// The end of a Windows job with all that is in it.
    Job,
    /// The PID, after its start time was compared: a recycling between the two goes unnoticed.
    CheckedPid,
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mechanism::Pidfd => "pidfd",
            Mechanism::Cgroup => "cgroup",
            Mechanism::Handle => "handle",
            Mechanism::Job => "job",
            Mechanism::CheckedPid => "checked-pid",
        })
    }
}

/// What became of one process: each that was planned ends as exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It ended after the first signal, before force was used.
    Exited,
    /// It ended after KILL was sent.
    Killed,
    /// It was gone before anything was sent.
    AlreadyGone,
    /// It had ended before anything was sent, and waits for this parent to collect it.
    Zombie {
        /// Who fails to collect it, where known.
        parent: Option<Pid>,
    },
    /// It is alive, and the caller may not signal it.
    PermissionDenied,
    /// It is alive although KILL was sent.
    Unkillable {
        /// What it was doing when last seen; usually in an uninterruptible wait.
        state: State,
    },
    /// It is alive and was not signalled.
    Refused(Refusal),
    /// It is alive and was asked to be kept.
    Spared,
}

impl Outcome {
    /// Whether it is alive although it was to be ended.
    pub fn is_survivor(self) -> bool {
        match self {
            Outcome::PermissionDenied | Outcome::Unkillable { .. } | Outcome::Refused(_) => true,
            Outcome::Exited | Outcome::Killed | Outcome::AlreadyGone | Outcome::Zombie { .. } | Outcome::Spared => {
                false
            }
        }
    }

    /// Whether it was alive when it was planned and has ended since.
    pub fn is_felled(self) -> bool {
        matches!(self, Outcome::Exited | Outcome::Killed)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Exited => f.write_str("exited in grace"),
            Outcome::Killed => f.write_str("killed by force"),
            Outcome::AlreadyGone => f.write_str("already gone"),
            Outcome::Zombie { parent: Some(parent) } => write!(f, "zombie, waits for its parent {parent}"),
            Outcome::Zombie { parent: None } => f.write_str("zombie, its parent is not known"),
            Outcome::PermissionDenied => f.write_str("alive: permission denied"),
            Outcome::Unkillable { state } => write!(f, "alive: unkillable for now ({state})"),
            Outcome::Refused(refusal) => write!(f, "alive: refused, {refusal}"),
            Outcome::Spared => f.write_str("alive: kept as asked"),
        }
    }
}

/// What became of one process, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessReport {
    /// The process as it was first seen.
    pub info: ProcessInfo,
    /// What became of it.
    pub outcome: Outcome,
    /// By which means it was addressed; `None` if it never was.
    pub mechanism: Option<Mechanism>,
    /// How long after the beginning its end was observed; `None` while it is alive.
    pub after: Option<Duration>,
    /// It has ended, and still waits for this parent, which is outside of the tree, to collect it.
    pub uncollected_by: Option<Pid>,
}
