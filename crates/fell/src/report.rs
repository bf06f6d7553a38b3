//! What became of a tree.

use crate::id::ProcessId;
use crate::outcome::{Outcome, ProcessReport};
use crate::snapshot::Gap;
use std::fmt;
use std::time::Duration;

/// What became of a tree: only what was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The root of the tree.
    pub target: ProcessId,
    /// One entry a process, parents before children; newcomers follow.
    pub processes: Vec<ProcessReport>,
    /// What could not be read while looking. With a gap, a member may have been missed.
    pub gaps: Vec<Gap>,
    /// How often the tree was looked at.
    pub looks: u32,
    /// How long it all took.
    pub elapsed: Duration,
}

impl Report {
    /// The report on a target that was gone before anything was done.
    pub fn already_gone(target: ProcessId) -> Report {
        Report { target, processes: Vec::new(), gaps: Vec::new(), looks: 0, elapsed: Duration::ZERO }
    }

    /// Adds what another round on the same tree has given.
    pub fn extend(&mut self, other: Report) {
        let Report { target: _, processes, gaps, looks, elapsed } = other;
        self.processes.extend(processes);
        self.gaps.extend(gaps);
        self.looks += looks;
        self.elapsed += elapsed;
    }

    /// The members that are alive although they were to be ended.
    pub fn survivors(&self) -> impl Iterator<Item = &ProcessReport> {
        self.processes.iter().filter(|process| process.outcome.is_survivor())
    }

    /// Whether nothing that was to be ended is alive.
    pub fn is_clean(&self) -> bool {
        self.survivors().next().is_none()
    }

    /// How many members ended as `outcome` tells.
    pub fn count(&self, outcome: impl Fn(Outcome) -> bool) -> usize {
        self.processes.iter().filter(|process| outcome(process.outcome)).count()
    }
}

/// The summary in one line: `felled 7 of 7 in 312 ms (5 in grace, 2 by force)`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grace = self.count(|outcome| outcome == Outcome::Exited);
        let force = self.count(|outcome| outcome == Outcome::Killed);
        let alive = self.survivors().count();
        if grace + force + alive == 0 {
            return match self.gaps.first() {
                None => f.write_str("already gone: nothing was alive"),
                // Nothing seen is not nothing there.
                Some(gap) => f.write_str(&gap.what),
            };
        }
        let total = grace + force + alive;
        write!(
            f,
            "felled {} of {total} in {} ms ({grace} in grace, {force} by force)",
            grace + force,
            self.elapsed.as_millis()
        )?;
        if alive > 0 {
            write!(f, ", {alive} still alive")?;
        }
        Ok(())
    }
}
