//! Taking hold of a process: open, then verify, then act.

use crate::id::{ProcessId, Sameness};
use crate::info::{ProcessInfo, State};
use crate::outcome::Mechanism;
use crate::pid::Pid;
use crate::signal::Signal;
use crate::sys::{Handle, Host, Machine, OpenError, ReadError, SignalError};
use crate::tree::is_older;
use std::fmt;
use std::io;

/// A process that is held, so that a signal can't reach a later owner of its PID.
///
/// It was opened first and its identity compared afterwards: what the row says is true of the
/// process behind the handle. Only a pinned process can be signalled.
pub struct Pinned<H = <Host as Machine>::Handle> {
    handle: H,
    info: ProcessInfo,
}

/// Why a process could not be pinned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// No process has this PID any more, or another one has it now.
    #[error("process is gone")]
    Gone,
    /// The system refuses.
    #[error("process can't be opened")]
    Failed(#[from] io::Error),
}

impl From<OpenError> for PinError {
    fn from(error: OpenError) -> PinError {
        match error {
            OpenError::Gone => PinError::Gone,
            OpenError::Failed(error) => PinError::Failed(error),
        }
    }
}

/// What came of the try to take a child into a tree.
pub(crate) enum Adoption<H> {
    /// It is a child, and held.
    Child(Pinned<H>),
    /// It ended, and was collected, before it could be held.
    Gone,
    /// It is older than its parent, so that the parent's PID was recycled: not a child.
    Stranger,
    /// It may have been a child; that could not be verified any more, or not at all.
    Unverified(String),
}

impl Pinned {
    /// Takes hold of a process of this host and verifies that it is the one that is meant.
    ///
    /// # Errors
    ///
    /// [`PinError::Gone`] if the process has been collected, or its PID belongs to another one now;
    /// [`PinError::Failed`] if the system refuses for another reason.
    pub fn new(id: &ProcessId) -> Result<Pinned, PinError> {
        Pinned::on(&Host::new(), id)
    }
}

impl<H: Handle> Pinned<H> {
    /// Takes hold of a process of this machine and verifies that it is the one that is meant.
    ///
    /// # Errors
    ///
    /// As [`Pinned::new`].
    pub fn on<M: Machine<Handle = H>>(machine: &M, id: &ProcessId) -> Result<Pinned<H>, PinError> {
        let handle = machine.open(id.pid)?;
        if handle.id().compare(id) == Sameness::Different {
            return Err(PinError::Gone);
        }
        let info = match machine.read(id.pid) {
            Ok(row) => verified(&handle, row).ok_or(PinError::Gone)?,
            Err(_) if handle.has_ended() => return Err(PinError::Gone),
            // Alive and not to be read: hidden from the caller. The handle alone is the identity.
            Err(ReadError::Gone | ReadError::Unsupported) => ProcessInfo::bare(handle.id(), None),
            Err(ReadError::Failed(error)) => return Err(PinError::Failed(error)),
        };
        if info.id.compare(id) == Sameness::Different {
            return Err(PinError::Gone);
        }
        Ok(Pinned { handle, info })
    }

    /// Takes hold of a process that was listed as a child of this pinned one.
    ///
    /// `listed_at` is the machine's clock in ticks before the parent was last seen alive before its
    /// children were listed. Proof that the handle is on the child: either the row, read through a held handle,
    /// names the parent, and the parent is alive afterwards, so that its PID was its own all the time;
    /// or the process has started before the listing, so that it is the one that was listed, whoever its
    /// parent is by now.
    pub(crate) fn adopt<M: Machine<Handle = H>>(&self, machine: &M, pid: Pid, listed_at: u64) -> Adoption<H> {
        let handle = match machine.open(pid) {
            Ok(handle) => handle,
            Err(OpenError::Gone) => return Adoption::Gone,
            Err(OpenError::Failed(error)) => return Adoption::Unverified(format!("can't be opened: {error}")),
        };
        let row = match machine.read(pid) {
            Ok(row) => row,
            Err(_) if handle.has_ended() => return Adoption::Gone,
            Err(error) => return self.adopt_unread(machine, handle, &error),
        };
        let Some(info) = verified(&handle, row) else { return Adoption::Gone };
        if is_older(&info, &self.info) {
            return Adoption::Stranger;
        }
        let was_listed = info.id.birth.start.is_some_and(|start| start < listed_at);
        // The second proof costs a question to the system.
        if was_listed || (info.parent == Some(self.pid()) && (machine.keeps_parents() || !self.has_ended())) {
            Adoption::Child(Pinned { handle, info })
        } else {
            Adoption::Unverified(String::from("listed as a child, and had another parent when it was read"))
        }
    }

    /// A child whose row can't be read is still one if, while it is held and alive, its living parent lists it.
    fn adopt_unread<M: Machine<Handle = H>>(&self, machine: &M, handle: H, error: &ReadError) -> Adoption<H> {
        let pid = handle.id().pid;
        let listed = machine.children(self.pid()).is_ok_and(|children| children.contains(&pid));
        if listed && !self.has_ended() && !handle.has_ended() {
            let info = ProcessInfo::bare(handle.id(), Some(self.pid()));
            Adoption::Child(Pinned { handle, info })
        } else {
            Adoption::Unverified(match error {
                ReadError::Failed(error) => format!("can't be read: {error}"),
                ReadError::Gone | ReadError::Unsupported => String::from("can't be read"),
            })
        }
    }

    /// Who it is.
    pub fn id(&self) -> ProcessId {
        self.info.id
    }

    /// Its PID.
    pub fn pid(&self) -> Pid {
        self.info.pid()
    }

    /// Its row, as it was when the process was pinned.
    pub fn info(&self) -> &ProcessInfo {
        &self.info
    }

    /// How it is addressed.
    pub fn mechanism(&self) -> Mechanism {
        self.handle.mechanism()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// [`SignalError::Gone`] if it has ended and was collected, [`SignalError::Denied`] if the caller may not signal it.
    pub fn signal(&self, signal: Signal) -> Result<(), SignalError> {
        self.handle.signal(signal)
    }

    /// Whether it has ended: no thread of it runs any more, collected or not.
    pub fn has_ended(&self) -> bool {
        self.handle.has_ended()
    }

    /// Whether it is known to have ended and to have been collected.
    pub(crate) fn is_gone(&self) -> bool {
        self.handle.is_gone()
    }

    pub(crate) fn handle(&self) -> &H {
        &self.handle
    }
}

impl<H: Handle> fmt::Debug for Pinned<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("info", &self.info).field("mechanism", &self.mechanism()).finish()
    }
}

/// The row, completed from the handle, if it is the row of the process behind the handle.
///
/// The row was read after the handle was opened: if the process runs on after the read, its PID was its
/// own all the time. If it has ended, only the row of a zombie can still be its own.
fn verified<H: Handle>(handle: &H, row: ProcessInfo) -> Option<ProcessInfo> {
    let id = row.id.merged(&handle.id());
    let differs = handle.id().compare(&row.id) == Sameness::Different;
    let is_left = handle.has_ended() && !matches!(row.state, State::Zombie | State::Dead);
    (!differs && !is_left).then_some(ProcessInfo { id, ..row })
}
