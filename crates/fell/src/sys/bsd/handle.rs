//! A process by its PID and start, which are compared before each signal.

use super::{facts, signal};
use crate::id::{ProcessId, Sameness};
use crate::info::State;
use crate::outcome::Mechanism;
use crate::signal::Signal;
use crate::sys::{Handle, ReadError, SignalError};
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// A process that is known by its PID and start. A recycling between the comparison and the signal goes unnoticed.
#[derive(Debug)]
pub struct BsdHandle(ProcessId);

/// What came of collecting a child.
#[derive(Debug)]
pub enum Collected {
    /// It had ended like this, and is gone now.
    Status(ExitStatus),
    /// It has not ended.
    Alive,
    /// It is no child of this process, or somebody else collected it.
    NoChild,
}

impl BsdHandle {
    pub(super) fn new(id: ProcessId) -> BsdHandle {
        BsdHandle(id)
    }

    /// The state of the process; `None` if it is gone.
    fn state(&self) -> Result<Option<State>, ReadError> {
        match facts::row(self.0.pid) {
            Ok(row) if row.id.compare(&self.0) == Sameness::Different => Ok(None),
            Ok(row) => Ok(Some(row.state)),
            Err(ReadError::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the process has ended *and* its parent has collected it.
    pub fn is_collected(&self) -> bool {
        matches!(self.state(), Ok(None))
    }

    /// Waits until the process has been collected, or the time is over; returns whether it has.
    pub fn wait_until_collected(&self, timeout: Duration) -> bool {
        let deadline = super::clock::since_boot().saturating_add(timeout);
        while !self.is_collected() {
            if super::clock::since_boot() >= deadline {
                return false;
            }
            super::clock::pause(super::RECHECK);
        }
        true
    }

    /// Collects the process if it is a child of this process that has ended; never another one.
    ///
    /// # Errors
    ///
    /// What the system said, other than that it is no child.
    pub fn collect(&self) -> io::Result<Collected> {
        use rustix::process::{WaitOptions, waitpid};
        use std::os::unix::process::ExitStatusExt;
        let Some(pid) = rustix::process::Pid::from_raw(self.0.pid.as_raw()) else { return Ok(Collected::NoChild) };
        match waitpid(Some(pid), WaitOptions::NOHANG) {
            Ok(None) => Ok(Collected::Alive),
            Ok(Some((_, status))) => Ok(Collected::Status(ExitStatus::from_raw(status.as_raw()))),
            Err(rustix::io::Errno::CHILD) => Ok(Collected::NoChild),
            Err(error) => Err(error.into()),
        }
    }
}

impl Handle for BsdHandle {
    fn id(&self) -> ProcessId {
        self.0
    }

    fn mechanism(&self) -> Mechanism {
        Mechanism::CheckedPid
    }

    #[expect(clippy::disallowed_methods, reason = "no handle is to be had: the start was compared just before")]
    fn signal(&self, signal: Signal) -> Result<(), SignalError> {
        match self.state() {
            Ok(Some(_)) => {}
            Ok(None) => return Err(SignalError::Gone),
            Err(ReadError::Failed(error)) => return Err(SignalError::Failed(error)),
            Err(ReadError::Gone | ReadError::Unsupported) => return Err(SignalError::Unsupported),
        }
        let number = signal::number(signal).ok_or(SignalError::Unsupported)?;
        // SAFETY: plain numbers; a Pid is above 0, so this never addresses a group.
        if unsafe { libc::kill(self.0.pid.as_raw(), number) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::ESRCH) => Err(SignalError::Gone),
            Some(libc::EPERM) => Err(SignalError::Denied),
            _ => Err(SignalError::Failed(error)),
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self.state(), Ok(None | Some(State::Zombie | State::Dead)))
    }
}
