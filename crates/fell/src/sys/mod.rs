//! The machine: everything that touches the system.
//!
//! The duties of a machine, and what the rest of the engine relies on:
//!
//! - [`Machine::open`] returns a handle on whoever owns the PID now. It proves nothing about who
//!   that is; [`Pinned`](crate::Pinned) reads the row afterwards and compares.
//! - A handle stays with its process. [`Handle::signal`] after the process has ended is
//!   [`SignalError::Gone`], whoever has the PID by then; where the system can't promise that, the
//!   handle's [`mechanism`](Handle::mechanism) says so.
//! - [`Handle::has_ended`] is true when no thread of the process runs any more, collected or not.
//! - [`Machine::children`] misses no child that existed before the call and lives on after it, while the
//!   parent is stopped. While the parent forks, it may; callers look again.
//! - Clock and ticks never run backwards.

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
pub(crate) mod bsd;
mod entry;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub(crate) mod headroom;
#[cfg_attr(not(guardian), allow(dead_code, reason = "only Linux lets a process act in another"))]
pub(crate) mod inject;
#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[doc(hidden)]
pub mod parse;
#[cfg(windows)]
pub(crate) mod windows;

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
pub use bsd::{
    BorrowedDescriptor, Bsd as Host, BsdHandle, Collected, Listening, OwnedDescriptor, RawDescriptor,
    entry::Words,
    init,
    mask::SignalMask,
    signals::{Arrival, SignalStream},
};
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
pub(crate) use bsd::{
    child::{OwnStream, duplicate_number, null_device},
    clock::since_boot_at,
    pump::Pump,
    status::{signal_of, status_from_raw},
    stubs::{
        for_each_abandoned, held_locks, listening_addresses, see_inside, things_of_own_output, things_of_path, users,
    },
    vessel::{Command, LaunchError, Vessel},
};
#[cfg(target_os = "linux")]
pub use linux::{
    Abilities, BorrowedDescriptor, Collected, Linux as Host, LinuxHandle, Listening, OwnedDescriptor, RawDescriptor,
    entry::Words,
    init,
    mask::SignalMask,
    signals::{Arrival, SignalStream},
};
#[cfg(target_os = "linux")]
pub(crate) use linux::{
    Terms,
    cgroup::Cgroup,
    child::{
        OwnStream, become_subreaper, collect, collect_any, duplicate_number, has_children, is_in_foreground,
        null_device,
    },
    clock::since_boot_at,
    detail::users,
    inside::{held_locks, listening_addresses, see_inside, things_of_own_output, things_of_path},
    launch::{Command, Launch},
    link::{Message, Step, delegate, receive, release},
    namespace::Namespace,
    pump::Pump,
    record::Record,
    start::{signal_of, status_from_raw},
    timespec,
    trace::for_each_abandoned,
};
#[cfg(windows)]
pub use windows::{
    BorrowedDescriptor, Collected, Listening, OwnedDescriptor, RawDescriptor, Windows as Host, WindowsHandle, Words,
    console::{Arrival, SignalMask, SignalStream},
    init,
};
#[cfg(windows)]
pub(crate) use windows::{
    clock::since_boot_at,
    ports::listening_addresses,
    pump::Pump,
    status::{signal_of, status_from_raw},
    stdio::{OwnStream, duplicate_number, null_device},
    stubs::{for_each_abandoned, held_locks, see_inside, things_of_own_output, things_of_path, users},
    vessel::{Command, LaunchError, Vessel},
};

use crate::id::ProcessId;
use crate::info::ProcessInfo;
use crate::lineage::LifeEvent;
use crate::outcome::Mechanism;
use crate::pid::Pid;
use crate::signal::Signal;
use crate::snapshot::Snapshot;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a process could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// No process has this PID.
    Gone,
    /// The system refuses.
    Failed(io::Error),
}

/// Why a row, or a list of children, could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// No process has this PID, or it is hidden from the caller; the two look alike.
    Gone,
    /// The system does not offer it at all.
    Unsupported,
    /// The system refuses, or what it gave makes no sense.
    Failed(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Gone => f.write_str("gone or hidden"),
            ReadError::Unsupported => f.write_str("not offered by this system"),
            ReadError::Failed(error) => error.fmt(f),
        }
    }
}

/// Why a signal was not sent.
#[derive(Debug)]
pub enum SignalError {
    /// The process has ended and was collected.
    Gone,
    /// The caller may not signal it.
    Denied,
    /// The system has no such request for this process: on Windows, one without a window can't be asked to end.
    Unsupported,
    /// The system refuses for another reason.
    Failed(io::Error),
}

/// A hold on one process.
pub trait Handle {
    /// Who it is, as far as the handle alone tells.
    fn id(&self) -> ProcessId;
    /// How the process is addressed.
    fn mechanism(&self) -> Mechanism;
    /// Sends a signal to the process.
    ///
    /// # Errors
    ///
    /// As [`SignalError`] lists them.
    fn signal(&self, signal: Signal) -> Result<(), SignalError>;
    /// Whether the process has ended, collected or not.
    fn has_ended(&self) -> bool;
    /// Whether it has ended and was collected, so that it has no row any more. `false` as well where a handle can't tell
    /// for less than a row costs.
    fn is_gone(&self) -> bool {
        false
    }
}

/// What the engine asks of a system.
pub trait Machine {
    /// Its hold on a process.
    type Handle: Handle;

    /// The caller's own PID.
    fn own(&self) -> Pid;
    /// The clock since boot.
    fn now(&self) -> Duration;
    /// The clock in the units of [`Birth::start`](crate::id::Birth::start).
    fn ticks(&self) -> u64;
    /// Takes hold of whoever owns this PID.
    ///
    /// # Errors
    ///
    /// As [`OpenError`] lists them.
    fn open(&self, pid: Pid) -> Result<Self::Handle, OpenError>;
    /// Reads one row of the process table.
    ///
    /// # Errors
    ///
    /// As [`ReadError`] lists them.
    fn read(&self, pid: Pid) -> Result<ProcessInfo, ReadError>;
    /// The children of all threads of a process.
    ///
    /// # Errors
    ///
    /// As [`ReadError`] lists them; `Unsupported` where only [`table`](Machine::table) can tell.
    fn children(&self, pid: Pid) -> Result<Vec<Pid>, ReadError>;
    /// The same for a process whose row was read just now, by a caller who will look again: what it has forked from a
    /// thread that is younger than the row may be missed.
    ///
    /// # Errors
    ///
    /// As [`children`](Machine::children).
    fn children_of(&self, row: &ProcessInfo) -> Result<Vec<Pid>, ReadError> {
        self.children(row.pid())
    }
    /// Reads the whole process table.
    fn table(&self) -> Snapshot;
    /// Whether a process keeps the parent that it was born to, also when that one has ended, whose PID goes to nobody else
    /// while it is held. Elsewhere, orphans get another parent.
    fn keeps_parents(&self) -> bool {
        false
    }
    /// Follows births and deaths from now on, where the system offers that.
    fn follow_lives(&self) -> Option<Box<dyn Lives + Send>> {
        None
    }
    /// Waits until one of these processes has ended, or the time is over, or, at the latest, until
    /// a system without such a wait wants to be asked again.
    fn wait(&self, handles: &[&Self::Handle], timeout: Duration);
}

/// Whether something can be had from this system, and what that is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// What it is.
    pub name: &'static str,
    /// Whether it can be had.
    pub available: bool,
    /// What was seen: a version, a path, or what the system said.
    pub detail: String,
    /// What having it is good for, and what is lost without.
    pub meaning: &'static str,
}

/// The births and deaths of all processes of the system, from some moment on.
pub trait Lives: Send {
    /// The next one; `None` when nothing else has happened so far.
    ///
    /// # Errors
    ///
    /// [`Lost`] if some were lost; the next call goes on behind them.
    fn next(&mut self) -> Result<Option<LifeEvent>, Lost>;
}

/// Some events were lost: more happened than there was room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// A kernel object that holds exactly the processes of one run, and can end them all at once.
pub trait Enclosure: Send {
    /// What it is.
    fn mechanism(&self) -> Mechanism;
    /// Ends every process inside.
    ///
    /// # Errors
    ///
    /// What the system said; then nothing may have been ended.
    fn kill(&self) -> io::Result<()>;
}
