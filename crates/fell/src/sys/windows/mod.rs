//! Windows: handles that keep a PID from being given away, one question for the whole process table, and jobs.

pub(crate) mod clock;
pub(crate) mod command;
pub(crate) mod console;
mod handle;
pub mod init;
mod job;
mod kept;
pub(crate) mod ports;
mod probe;
mod process;
pub(crate) mod pump;
pub(crate) mod status;
pub(crate) mod stdio;
pub(crate) mod stubs;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod vessel;
mod window;

pub use handle::{Collected, WindowsHandle};
pub use init::Words;
pub use ports::Listening;

use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::snapshot::{Cost, Coverage, Gap, Snapshot};
use crate::sys::{Machine, OpenError, ReadError};
use std::ffi::OsString;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::time::Duration;
use windows_sys::Win32::Foundation::WAIT_FAILED;
use windows_sys::Win32::System::Threading::{GetCurrentProcessId, Sleep, WaitForMultipleObjects};

/// A file, pipe or event that this process holds open.
pub type OwnedDescriptor = std::os::windows::io::OwnedHandle;
/// One that is open for as long as it is borrowed.
pub type BorrowedDescriptor<'a> = std::os::windows::io::BorrowedHandle<'a>;
/// The number by which other languages know one.
pub type RawDescriptor = std::os::windows::io::RawHandle;

/// How many objects one wait takes: `MAXIMUM_WAIT_OBJECTS`.
const MOST_WAITED_ON: usize = 64;

/// This system.
#[derive(Debug, Default)]
pub struct Windows(());

impl Windows {
    /// This system. Opens nothing until it is asked.
    pub const fn new() -> Windows {
        Windows(())
    }

    /// Nothing is counted here: the table comes from one question.
    pub fn cost(&self) -> Cost {
        Cost::default()
    }

    /// Not told: a process's user is a name here, and no number.
    ///
    /// # Errors
    ///
    /// Always [`ReadError::Unsupported`].
    pub fn user(&self, _pid: Pid) -> Result<u32, ReadError> {
        Err(ReadError::Unsupported)
    }

    /// The command line, taken apart as its C runtime does.
    ///
    /// # Errors
    ///
    /// As [`Machine::read`]; Windows before 8.1 does not tell it.
    pub fn command_line(&self, pid: Pid) -> Result<Vec<OsString>, ReadError> {
        process::command_line(pid)
    }

    /// Not told: the environment of another process is its own memory.
    ///
    /// # Errors
    ///
    /// Always [`ReadError::Unsupported`].
    pub fn variable(&self, _pid: Pid, _name: &str) -> Result<Option<OsString>, ReadError> {
        Err(ReadError::Unsupported)
    }

    /// None here: PID and creation time are the whole identity.
    pub fn inode(&self, _id: &crate::id::ProcessId) -> Option<u64> {
        None
    }

    /// A process that has ended has no thread.
    ///
    /// # Errors
    ///
    /// None.
    pub fn living_threads(&self, _pid: Pid) -> Result<usize, ReadError> {
        Ok(0)
    }

    /// For how long a process has been dead.
    pub fn dead_for(&self, pid: Pid) -> Option<Duration> {
        process::dead_for(pid)
    }

    /// Processes that have ended and are kept by somebody's handle, which the table does not list.
    pub fn unlisted_dead(&self, table: &Snapshot) -> Vec<ProcessInfo> {
        kept::list(table)
    }

    /// The processes that listen on a TCP port.
    ///
    /// # Errors
    ///
    /// As [`ReadError`] lists them.
    pub fn listeners(&self, port: u16) -> Result<Listening, ReadError> {
        ports::listeners(port)
    }
}

impl Machine for Windows {
    type Handle = WindowsHandle;

    fn own(&self) -> Pid {
        // SAFETY: no preconditions.
        Pid::new(unsafe { GetCurrentProcessId() }).unwrap_or(Pid::INIT)
    }

    fn now(&self) -> Duration {
        clock::since_boot()
    }

    fn ticks(&self) -> u64 {
        clock::calendar_ticks()
    }

    fn open(&self, pid: Pid) -> Result<WindowsHandle, OpenError> {
        WindowsHandle::open(pid)
    }

    fn read(&self, pid: Pid) -> Result<ProcessInfo, ReadError> {
        process::read(pid)
    }

    /// The system keeps no such lists.
    fn children(&self, _pid: Pid) -> Result<Vec<Pid>, ReadError> {
        Err(ReadError::Unsupported)
    }

    fn table(&self) -> Snapshot {
        let mut snapshot = Snapshot::new(self.now(), Coverage::Table);
        match table::rows() {
            Ok(rows) => snapshot.rows = rows,
            Err(error) => snapshot.gaps.push(Gap { pid: None, what: format!("process table: {error}") }),
        }
        snapshot
    }

    fn keeps_parents(&self) -> bool {
        true
    }

    fn wait(&self, handles: &[&WindowsHandle], timeout: Duration) {
        let raw: Vec<_> = handles.iter().take(MOST_WAITED_ON).map(|handle| handle.raw()).collect();
        wait_any(&raw, Some(timeout));
    }
}

/// Waits until one of these is signalled or the time is over. Gives the first that is.
fn wait_any(handles: &[windows_sys::Win32::Foundation::HANDLE], timeout: Option<Duration>) -> Option<usize> {
    let timeout = timeout.map_or(u32::MAX, milliseconds);
    if handles.is_empty() {
        // SAFETY: no preconditions.
        unsafe { Sleep(timeout) };
        return None;
    }
    let count = u32::try_from(handles.len().min(MOST_WAITED_ON)).unwrap_or(1);
    // SAFETY: the array holds `count` handles, which the callers keep open.
    let woken = unsafe { WaitForMultipleObjects(count, handles.as_ptr(), 0, timeout) };
    if woken == WAIT_FAILED {
        // A handle without the right to wait: don't spin.
        // SAFETY: no preconditions.
        unsafe { Sleep(timeout.min(2)) };
        return None;
    }
    usize::try_from(woken).ok().filter(|index| *index < handles.len())
}

/// The whole milliseconds that last at least as long; never the number that means for ever.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX).min(u32::MAX - 1)
}

/// What the last call of this thread failed with.
fn last_error() -> io::Error {
    io::Error::last_os_error()
}

/// The error of a call that gives no truth.
fn check(done: windows_sys::core::BOOL) -> io::Result<()> {
    if done == 0 { Err(last_error()) } else { Ok(()) }
}

/// A handle that is owned, for a call.
fn raw(handle: &impl AsRawHandle) -> windows_sys::Win32::Foundation::HANDLE {
    handle.as_raw_handle()
}
