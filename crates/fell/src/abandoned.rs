//! Runs whose supervisor and guardian were both killed: what is left of them, and its end.

use crate::error::Error;
use crate::escaped::marked_by;
use crate::info::ProcessInfo;
use crate::kill::{Aids, Escalation};
use crate::look::protected;
use crate::pin::Pinned;
use crate::policy::{Extent, KillPolicy};
use crate::report::Report;
use crate::sys::{self, Host};
use std::time::Duration;
use tracing::warn;

/// How long a run may be kept from its own command by what another has left.
const FORCE_LIMIT: Duration = Duration::from_secs(1);

/// A run that nobody watches any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbandonedRun {
    /// Its name.
    pub run: String,
    /// What is alive of it.
    pub processes: Vec<ProcessInfo>,
}

/// The runs of the caller that nobody watches any more. Signals nothing.
pub fn abandoned_runs() -> Vec<AbandonedRun> {
    let machine = Host::new();
    let mut found = Vec::new();
    sys::for_each_abandoned(|trace| {
        let mut processes = marked_by(&machine, trace.run());
        let inside = trace.members().into_iter().filter_map(|pid| sys::Machine::read(&machine, pid).ok());
        let unmarked: Vec<_> = inside.filter(|row| processes.iter().all(|known| known.pid() != row.pid())).collect();
        processes.extend(unmarked);
        found.push(AbandonedRun { run: trace.run().to_owned(), processes });
    });
    found
}

/// Ends what is left of runs that nobody watches any more, by force, and removes their traces. Gives what was ended.
///
/// Every `fell run` does this after it has started its own command.
pub fn end_abandoned_runs() -> Vec<Report> {
    let policy = KillPolicy { grace: Duration::ZERO, force_limit: FORCE_LIMIT, ..KillPolicy::default() };
    let mut reports = Vec::new();
    sys::for_each_abandoned(|trace| {
        if let Err(error) = trace.kill() {
            warn!(run = trace.run(), %error, "an abandoned run's cgroup could not be killed");
        }
        match end_run(trace.run(), &policy) {
            Ok(Some(report)) => {
                warn!(run = trace.run(), "abandoned run: {report}");
                if report.is_clean() {
                    trace.remove();
                }
                reports.push(report);
            }
            Ok(None) => trace.remove(),
            Err(error) => warn!(run = trace.run(), %error, "an abandoned run could not be ended"),
        }
    });
    reports
}

/// Ends every process that carries the mark of this run, and all that descends from them. `None` if there is none.
///
/// # Errors
///
/// As [`kill_tree`](crate::kill_tree).
pub fn end_run(run: &str, policy: &KillPolicy) -> Result<Option<Report>, Error> {
    let machine = Host::new();
    let mut members = marked_by(&machine, run).into_iter().filter_map(|row| Pinned::on(&machine, &row.id).ok());
    let Some(first) = members.next() else { return Ok(None) };
    let policy = KillPolicy { extent: Extent::Tree, ..policy.clone() };
    let mut escalation = Escalation::below(&machine, first, policy, protected(&machine), Aids::default())?;
    for member in members {
        escalation.include(&machine, member);
    }
    Ok(Some(escalation.complete(&machine)))
}
