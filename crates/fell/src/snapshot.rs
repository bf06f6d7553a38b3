//! What was seen in one look at the process table.

use crate::info::ProcessInfo;
use crate::pid::Pid;
use std::time::Duration;

/// How much of the table a look took in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Every process that the caller may see.
    Table,
    /// These processes and their descendants, found through the kernel's lists of children.
    Descendants(Vec<Pid>),
}

/// Something that a look could not read. A gap never shrinks a tree silently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The process that it is about; `None` if it is about the whole table.
    pub pid: Option<Pid>,
    /// What could not be read, and why: `children: permission denied`.
    pub what: String,
}

/// What a look cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Files opened and read.
    pub files: u64,
    /// Directories listed.
    pub directories: u64,
}

/// The processes that one look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// One row a process, in the order in which they were found; each PID once.
    pub rows: Vec<ProcessInfo>,
    /// When the look began, on the system's clock since boot.
    pub taken_at: Duration,
    /// How much was looked at.
    pub coverage: Coverage,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// What it cost.
    pub cost: Cost,
}

impl Snapshot {
    /// An empty snapshot, to be filled.
    pub fn new(taken_at: Duration, coverage: Coverage) -> Snapshot {
        Snapshot { rows: Vec::new(), taken_at, coverage, gaps: Vec::new(), cost: Cost::default() }
    }

    /// The row of this PID, if it was seen.
    pub fn row(&self, pid: Pid) -> Option<&ProcessInfo> {
        self.rows.iter().find(|row| row.pid() == pid)
    }
}
