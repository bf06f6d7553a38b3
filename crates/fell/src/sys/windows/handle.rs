//! A hold on one process: its PID goes to nobody else while the handle is open.

use super::{check, last_error, process, raw, wait_any, window};
use crate::id::{Birth, ProcessId};
use crate::outcome::Mechanism;
use crate::pid::Pid;
use crate::signal::Signal;
use crate::sys::{Handle, OpenError, SignalError};
use std::io;
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::process::ExitStatus;
use std::time::Duration;
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, HANDLE, NTSTATUS};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_ACCESS_RIGHTS, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SUSPEND_RESUME, PROCESS_SYNCHRONIZE,
    PROCESS_TERMINATE, TerminateProcess,
};

/// The exit code of what was ended by force: that of a Unix shell for a process that KILL has ended.
pub(super) const KILLED: u32 = 137;

const LOOK: PROCESS_ACCESS_RIGHTS = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtSuspendProcess(process: HANDLE) -> NTSTATUS;
    fn NtResumeProcess(process: HANDLE) -> NTSTATUS;
}

/// A hold on one process.
#[derive(Debug)]
pub struct WindowsHandle {
    pid: Pid,
    process: OwnedHandle,
    start: Option<u64>,
    /// Whether the system allows this caller to end it.
    may_end: bool,
}

/// What came of collecting a child.
#[derive(Debug)]
pub enum Collected {
    /// It had ended like this.
    Status(ExitStatus),
    /// It has not ended.
    Alive,
    /// It is kept by a handle of somebody else, who alone can let it go.
    NoChild,
}

/// Opens a process with these rights.
pub(super) fn open(pid: Pid, rights: PROCESS_ACCESS_RIGHTS) -> io::Result<OwnedHandle> {
    // SAFETY: plain numbers.
    let handle = unsafe { OpenProcess(rights, 0, pid.get()) };
    if handle.is_null() {
        return Err(last_error());
    }
    // SAFETY: the system has just given us this handle, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

pub(super) fn is_denied(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_ACCESS_DENIED.cast_signed())
}

/// What the system says of a PID that nobody has.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_INVALID_PARAMETER.cast_signed())
}

/// Whether the process behind a handle has ended.
pub(super) fn has_ended(process: &OwnedHandle) -> bool {
    wait_any(&[raw(process)], Some(Duration::ZERO)).is_some()
}

impl WindowsHandle {
    /// With all rights that ending it needs, or, where those are refused, with those to look at it and to wait for it.
    pub(super) fn open(pid: Pid) -> Result<WindowsHandle, OpenError> {
        let opened = match open(pid, LOOK | PROCESS_TERMINATE | PROCESS_SUSPEND_RESUME) {
            Err(error) if is_denied(&error) => open(pid, LOOK).map(|process| (process, false)),
            opened => opened.map(|process| (process, true)),
        };
        match opened {
            Ok((process, may_end)) => {
                Ok(WindowsHandle { pid, start: process::times(&process).map(|times| times.start), process, may_end })
            }
            Err(error) if is_gone(&error) => Err(OpenError::Gone),
            Err(error) => Err(OpenError::Failed(error)),
        }
    }

    pub(super) fn raw(&self) -> HANDLE {
        raw(&self.process)
    }

    /// The process itself.
    pub(super) fn process(&self) -> &OwnedHandle {
        &self.process
    }

    /// Whether nobody keeps the process. Never known while this handle keeps it.
    pub fn is_collected(&self) -> bool {
        false
    }

    /// Gives `false`: this handle keeps the process.
    pub fn wait_until_collected(&self, _timeout: Duration) -> bool {
        false
    }

    /// Nobody collects on Windows: a process that has ended is kept by handles, and those are others'.
    ///
    /// # Errors
    ///
    /// None.
    pub fn collect(&self) -> io::Result<Collected> {
        Ok(if self.has_ended() { Collected::NoChild } else { Collected::Alive })
    }

    fn kill(&self) -> Result<(), SignalError> {
        if !self.may_end {
            return Err(if self.has_ended() { SignalError::Gone } else { SignalError::Denied });
        }
        // SAFETY: the handle is open, with the right to end the process.
        match check(unsafe { TerminateProcess(self.raw(), KILLED) }) {
            Ok(()) => Ok(()),
            // The system refuses to end again what has ended.
            Err(_) if self.has_ended() => Err(SignalError::Gone),
            Err(error) if is_denied(&error) => Err(SignalError::Denied),
            Err(error) => Err(SignalError::Failed(error)),
        }
    }

    fn switch(&self, call: unsafe extern "system" fn(HANDLE) -> NTSTATUS) -> Result<(), SignalError> {
        if !self.may_end {
            return Err(SignalError::Denied);
        }
        // SAFETY: the handle is open, with the right to stop and resume the process.
        match unsafe { call(self.raw()) } {
            0.. => Ok(()),
            _ if self.has_ended() => Err(SignalError::Gone),
            status => Err(SignalError::Failed(io::Error::other(format!("NTSTATUS {:#010x}", status.cast_unsigned())))),
        }
    }
}

impl Handle for WindowsHandle {
    fn id(&self) -> ProcessId {
        ProcessId { pid: self.pid, birth: Birth { start: self.start, inode: None } }
    }

    fn mechanism(&self) -> Mechanism {
        Mechanism::Handle
    }

    /// KILL ends the process, STOP and CONT stop and resume all its threads. The polite requests close its windows, and
    /// are unsupported for a process without one.
    fn signal(&self, signal: Signal) -> Result<(), SignalError> {
        match signal {
            Signal::KILL => self.kill(),
            Signal::STOP => self.switch(NtSuspendProcess),
            Signal::CONT => self.switch(NtResumeProcess),
            _ if self.has_ended() => Err(SignalError::Gone),
            Signal::TERM | Signal::INT | Signal::HUP | Signal::QUIT if window::close_all(self.pid) > 0 => Ok(()),
            _ => Err(SignalError::Unsupported),
        }
    }

    fn has_ended(&self) -> bool {
        has_ended(&self.process)
    }
}
