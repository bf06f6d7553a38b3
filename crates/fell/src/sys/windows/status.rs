//! How a process ended.

use std::os::windows::process::ExitStatusExt;
use std::process::ExitStatus;

/// There are no signals to die of here.
pub(crate) fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

/// The status of a process with this exit code.
pub(crate) fn status_from_raw(code: i32) -> ExitStatus {
    ExitStatus::from_raw(code.cast_unsigned())
}
