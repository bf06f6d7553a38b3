//! macOS and FreeBSD: the process table, and PIDs whose start is compared before each signal.
//!
//! Compiled and linted, and never run. A run is held by its process group and by what the table says of descent: a process that
//! leaves both is lost. What these systems offer beyond (`PROC_REAP_KILL`, audit tokens) is not used yet.

pub(crate) mod child;
pub(crate) mod clock;
#[path = "../linux/entry.rs"]
pub(crate) mod entry;
#[cfg(target_os = "freebsd")]
#[path = "freebsd.rs"]
mod facts;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod facts;
mod handle;
pub mod init;
#[path = "../linux/mask.rs"]
pub(crate) mod mask;
#[path = "../linux/pump.rs"]
pub(crate) mod pump;
mod signal;
pub(crate) mod signals;
pub(crate) mod status;
pub(crate) mod stubs;
#[path = "../linux/terminal.rs"]
pub(crate) mod terminal;
pub(crate) mod vessel;

pub use handle::{BsdHandle, Collected};

use crate::id::ProcessId;
use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::snapshot::{Cost, Coverage, Gap, Snapshot};
use crate::sys::{Machine, OpenError, Probed, ReadError};
use std::ffi::OsString;
use std::time::Duration;

/// A file, pipe or socket that this process holds open.
pub type OwnedDescriptor = rustix::fd::OwnedFd;
/// One that is open for as long as it is borrowed.
pub type BorrowedDescriptor<'a> = rustix::fd::BorrowedFd<'a>;
/// The number by which other languages know one.
pub type RawDescriptor = rustix::fd::RawFd;

/// How long a wait lasts at most that nothing ends.
const RECHECK: Duration = Duration::from_millis(2);

/// Who listens on a port.
#[derive(Debug)]
pub struct Listening {
    /// The processes.
    pub pids: Vec<Pid>,
    /// What could not be looked into.
    pub gaps: Vec<Gap>,
}

/// This system.
#[derive(Debug, Default)]
pub struct Bsd(());

impl Bsd {
    /// This system. Opens nothing until it is asked.
    pub const fn new() -> Bsd {
        Bsd(())
    }

    /// Nothing is counted here.
    pub fn cost(&self) -> Cost {
        Cost::default()
    }

    /// The user that a process belongs to.
    ///
    /// # Errors
    ///
    /// As [`Machine::read`].
    pub fn user(&self, pid: Pid) -> Result<u32, ReadError> {
        facts::user(pid)
    }

    /// Not told yet.
    ///
    /// # Errors
    ///
    /// Always [`ReadError::Unsupported`].
    pub fn command_line(&self, _pid: Pid) -> Result<Vec<OsString>, ReadError> {
        Err(ReadError::Unsupported)
    }

    /// Not told yet.
    ///
    /// # Errors
    ///
    /// Always [`ReadError::Unsupported`].
    pub fn variable(&self, _pid: Pid, _name: &str) -> Result<Option<OsString>, ReadError> {
        Err(ReadError::Unsupported)
    }

    /// None here.
    pub fn inode(&self, _id: &ProcessId) -> Option<u64> {
        None
    }

    /// A zombie has no thread.
    ///
    /// # Errors
    ///
    /// None.
    pub fn living_threads(&self, _pid: Pid) -> Result<usize, ReadError> {
        Ok(0)
    }

    /// Not told.
    pub fn dead_for(&self, _pid: Pid) -> Option<Duration> {
        None
    }

    /// Zombies that the table does not list: none.
    pub fn unlisted_dead(&self, _table: &Snapshot) -> Vec<ProcessInfo> {
        Vec::new()
    }

    /// Not told yet.
    ///
    /// # Errors
    ///
    /// Always [`ReadError::Unsupported`].
    pub fn listeners(&self, _port: u16) -> Result<Listening, ReadError> {
        Err(ReadError::Unsupported)
    }

    /// Probes the host.
    pub fn probe(&self) -> Vec<Probed> {
        let rows = facts::rows();
        vec![Probed {
            name: "process-table",
            available: rows.is_ok(),
            detail: match rows {
                Ok(rows) => format!("{} processes", rows.len()),
                Err(error) => error.to_string(),
            },
            meaning: "names, parents and births of all processes; without it, no tree is found",
        }]
    }
}

impl Machine for Bsd {
    type Handle = BsdHandle;

    fn own(&self) -> Pid {
        Pid::from_raw(rustix::process::getpid().as_raw_nonzero().get()).unwrap_or(Pid::INIT)
    }

    fn now(&self) -> Duration {
        clock::since_boot()
    }

    fn ticks(&self) -> u64 {
        clock::calendar_ticks()
    }

    fn open(&self, pid: Pid) -> Result<BsdHandle, OpenError> {
        match facts::row(pid) {
            Ok(row) => Ok(BsdHandle::new(row.id)),
            Err(ReadError::Gone) => Err(OpenError::Gone),
            Err(ReadError::Unsupported) => Err(OpenError::Failed(std::io::ErrorKind::Unsupported.into())),
            Err(ReadError::Failed(error)) => Err(OpenError::Failed(error)),
        }
    }

    fn read(&self, pid: Pid) -> Result<ProcessInfo, ReadError> {
        facts::row(pid)
    }

    fn children(&self, _pid: Pid) -> Result<Vec<Pid>, ReadError> {
        Err(ReadError::Unsupported)
    }

    fn table(&self) -> Snapshot {
        let mut snapshot = Snapshot::new(self.now(), Coverage::Table);
        match facts::rows() {
            Ok(rows) => snapshot.rows = rows,
            Err(error) => snapshot.gaps.push(Gap { pid: None, what: format!("process table: {error}") }),
        }
        snapshot
    }

    fn wait(&self, _handles: &[&BsdHandle], timeout: Duration) {
        clock::pause(timeout.min(RECHECK));
    }
}
