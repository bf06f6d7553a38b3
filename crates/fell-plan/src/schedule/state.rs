//! Where a step is in the course of a plan.

use std::time::Duration;

/// Where a step is in the course of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has not started.
    Waiting,
    /// It runs; a service is not ready yet.
    Running {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The service is ready, and steps may use it.
    Ready {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// It was told to end.
    Ending {
        /// Which attempt, from 1.
        attempt: u32,
        /// Because the plan is cancelled, and not because its work is done.
        cancelled: bool,
    },
    /// It failed, and is tried again at this moment.
    BackingOff {
        /// How many attempts have failed.
        attempts: u32,
        /// When the next one begins.
        until: Duration,
    },
    /// It is over.
    Over(Verdict),
}

/// What became of a step: exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It passed at the first attempt.
    Passed,
    /// It passed at a later attempt.
    Flaky,
    /// It failed.
    Failed,
    /// It was ended because the plan was.
    Cancelled,
    /// It never ran.
    Skipped(Reason),
}

/// Why a step never ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// This step, which it needs, did not pass.
    Need(usize),
    /// Another step failed, and the plan was to end at the first failure.
    FailFast,
    /// The plan was cancelled.
    Cancelled,
    /// The plan reached its time limit.
    PlanTimeout,
    /// No step is left that needs this service.
    Unneeded,
}

impl State {
    /// Whether a process of it may be alive.
    pub(crate) fn is_live(self) -> bool {
        matches!(self, State::Running { .. } | State::Ready { .. } | State::Ending { .. })
    }

    /// The verdict, once there is one.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            State::Over(verdict) => Some(verdict),
            _ => None,
        }
    }
}
