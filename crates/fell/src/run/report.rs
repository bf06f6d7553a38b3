//! What becomes of a run.

use crate::dump::Dump;
use crate::id::ProcessId;
use crate::outcome::ProcessReport;
use crate::released::Release;
use crate::report::Report;
use crate::scope::Containment;
use crate::signal::Signal;
use crate::snapshot::Snapshot;
use std::process::ExitStatus;
use std::time::Duration;

/// What living descendants mean after the command has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leftovers {
    /// They are ended, and the command's status counts.
    #[default]
    Kill,
    /// They are ended, and the run has failed.
    Fail,
    /// They are ended, and the caller says so.
    Warn,
    /// They are left alone.
    Allow,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The command ended by itself.
    Exited,
    /// The time limit was reached.
    TimedOut,
    /// The command was silent for as long as it may be.
    Idle,
    /// The caller wanted it to end, because of this signal.
    Cancelled(Signal),
    /// The guardian was killed.
    GuardianLost,
}

/// What became of a run: only what was observed.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// The run's name, which its processes carry in `FELL_RUN`.
    pub run: String,
    /// The command as it was given.
    pub program: String,
    /// The command's process.
    pub command: ProcessId,
    /// How the command ended; `None` if that was not seen.
    pub status: Option<ExitStatus>,
    /// Why the run ended.
    pub cause: Cause,
    /// What was alive when the command had ended by itself and the time to settle was over.
    pub leftovers: Vec<ProcessReport>,
    /// What became of the processes that had to be ended, leftovers included; `None` if there were none.
    pub kill: Option<Report>,
    /// The tree as it stood when the limit was reached, before anything was signalled.
    pub at_limit: Option<Snapshot>,
    /// The same tree from the inside, for a caller that has taken it: see [`Running::dump`](super::Running::dump).
    pub dump: Option<Dump>,
    /// What has become of what the tree held, for a caller that has looked: see [`Claims`](crate::released::Claims).
    pub released: Option<Release>,
    /// What held the run together.
    pub containment: Containment,
    /// How long it took.
    pub elapsed: Duration,
}

impl RunReport {
    /// The processes that are alive although they were to be ended.
    pub fn survivors(&self) -> impl Iterator<Item = &ProcessReport> {
        self.kill.iter().flat_map(Report::survivors)
    }
}

/// Why [`Running::wait_until`](super::Running::wait_until) came back.
#[derive(Debug)]
pub enum Progress {
    /// The run is over.
    Finished(Box<RunReport>),
    /// The caller's descriptor has something to read.
    Woken,
    /// The caller's moment has come.
    Elapsed,
    /// The tree is to be ended because of this, and nothing was signalled yet: the next wait does so. Only for who asked
    /// for it by [`Supervisor::announce_end`](super::Supervisor::announce_end), and once.
    EndDue(Cause),
}
