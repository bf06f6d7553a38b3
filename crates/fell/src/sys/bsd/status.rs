//! How a process ended.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The number of the signal that a process with this status died of, if it did.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// The status that `wait(2)` tells in this number.
pub(crate) fn status_from_raw(status: i32) -> ExitStatus {
    ExitStatus::from_raw(status)
}
