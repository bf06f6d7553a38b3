//! One made-up process, from its birth to its burial and beyond.

use super::nature::Nature;
use crate::id::{Birth, ProcessId};
use crate::pid::Pid;
use crate::signal::Signal;
use std::time::Duration;

/// A process of this world, told from every other that had or will have its PID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub(super) usize);

/// How far a process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// At least one thread runs, or could.
    Alive,
    /// Ended, and its PID not yet free.
    Zombie,
    /// Ended and collected.
    Collected,
}

/// A signal that the caller sent and the machine took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The signal.
    pub signal: Signal,
    /// When.
    pub at: Duration,
    /// In which call.
    pub call: u64,
    /// Whether the process was alive.
    pub alive: bool,
}

/// A change of parents, since the former one had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adoption {
    /// The parent that ended.
    pub from: Instance,
    /// The new parent.
    pub to: Instance,
    /// In which call.
    pub call: u64,
}

/// All there is to know about a process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its number.
    pub pid: Pid,
    /// When it started, in ticks.
    pub start: u64,
    /// What no other process has.
    pub inode: u64,
    /// Who forked it.
    pub born_of: Option<Instance>,
    /// Who is its parent now.
    pub parent: Option<Instance>,
    /// How it behaves.
    pub nature: Nature,
    /// How far it has come.
    pub life: Life,
    /// Whether it is stopped.
    pub stopped: bool,
    /// Whether KILL has reached it: then it does nothing any more.
    pub killed: bool,
    /// Whether a request to end waits until it runs again.
    pub asked: bool,
    /// In which call it was born.
    pub born_in: u64,
    /// In which call it ended.
    pub ended_in: Option<u64>,
    /// In which call its row was first asked for, whether or not the caller may see it.
    pub read_in: Option<u64>,
    /// Its parents as rows read by the caller showed them, and in which call. For those of a table, see [`World::tables`](super::World::tables).
    pub shown_under: Vec<(Instance, u64)>,
    /// In which call its children were first listed for the caller, and in which last.
    pub listed_in: Option<(u64, u64)>,
    /// Its changes of parents.
    pub adoptions: Vec<Adoption>,
    /// What the caller sent to it.
    pub deliveries: Vec<Delivery>,
}

impl Process {
    /// Its whole identity.
    pub fn id(&self) -> ProcessId {
        ProcessId { pid: self.pid, birth: Birth { start: Some(self.start), inode: Some(self.inode) } }
    }

    /// Whether it is alive.
    pub fn is_alive(&self) -> bool {
        self.life == Life::Alive
    }

    /// Whether it was sent this signal.
    pub fn got(&self, signal: Signal) -> bool {
        self.deliveries.iter().any(|delivery| delivery.signal == signal)
    }

    /// Whether it runs its own program now.
    pub(super) fn is_active(&self) -> bool {
        self.is_alive() && !self.stopped && !self.killed && !self.nature.uninterruptible
    }
}
