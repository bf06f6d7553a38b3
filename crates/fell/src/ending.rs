//! How a process ended.

use crate::sys;
use std::process::ExitStatus;

/// How a process ended: by itself, or by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit code.
    Code(i32),
    /// By the signal with this number.
    Signal(i32),
}

impl Ending {
    /// How the process with this status ended; `None` if the status tells of something else, such as a stop.
    pub fn of(status: ExitStatus) -> Option<Ending> {
        status.code().map(Ending::Code).or_else(|| sys::signal_of(status).map(Ending::Signal))
    }

    /// The same for a status in `wait(2)`'s encoding.
    pub fn of_raw(status: i32) -> Option<Ending> {
        Ending::of(sys::status_from_raw(status))
    }

    /// The exit code, if it ended by itself.
    pub fn code(self) -> Option<i32> {
        match self {
            Ending::Code(code) => Some(code),
            Ending::Signal(_) => None,
        }
    }

    /// The number of the signal, if it ended by one.
    pub fn signal(self) -> Option<i32> {
        match self {
            Ending::Code(_) => None,
            Ending::Signal(number) => Some(number),
        }
    }
}
