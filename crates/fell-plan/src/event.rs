//! What happens while a plan runs, told as it happens.

use crate::document::{AttemptDocument, StepDocument, ValidateDocument};
use fell::Signal;
use std::time::Duration;

/// Something that has happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// An attempt begins.
    Started {
        /// The step.
        step: &'a str,
        /// Which attempt, from 1.
        attempt: u32,
        /// How many there may be.
        attempts: u32,
        /// Whether it is a service.
        service: bool,
        /// Its time limit.
        limit: Option<Duration>,
    },
    /// A step has written to its output. Told only to an audience that [wants it](Audience::wants_output).
    Output {
        /// The step.
        step: &'a str,
        /// Whole lines, or a part of one that is very long; the end of an attempt ends its last line too.
        text: &'a [u8],
    },
    /// A service is ready.
    Ready {
        /// The service.
        step: &'a str,
        /// How long that took.
        after: Duration,
    },
    /// An attempt has failed, and there will be another.
    Retrying {
        /// The step.
        step: &'a StepDocument,
        /// The attempt.
        attempt: &'a AttemptDocument,
        /// How long until the next one.
        delay: Duration,
    },
    /// A step has its verdict.
    Over {
        /// The step.
        step: &'a StepDocument,
    },
    /// The plan is being cancelled.
    Cancelling {
        /// The signal that asked for it.
        signal: Signal,
        /// Whether force is used now.
        force: bool,
    },
    /// The plan reached its time limit.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The plan is over.
    Finished {
        /// What became of it.
        report: &'a ValidateDocument,
    },
}

/// Who is told what happens.
pub trait Audience {
    /// Something has happened.
    fn tell(&mut self, event: Event<'_>);

    /// How often [`tick`](Audience::tick) is wanted while nothing happens.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// Whether the output of the steps is to be told as it is written.
    fn wants_output(&self) -> bool {
        false
    }

    /// Time has passed.
    fn tick(&mut self) {}
}
