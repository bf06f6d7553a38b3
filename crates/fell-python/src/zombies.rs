//! Processes that have ended and that nobody has collected.

use crate::arguments::pid;
use crate::log::Log;
use crate::look::json;
use crate::run::is_of_a_run;
use fell::document::ZombiesDocument;
use fell::zombie::{InjectError, Reaping, Zombie};
use fell::{Pid, ProcessId};
use pyo3::exceptions::{PyNotImplementedError, PyPermissionError, PyRuntimeError};
use pyo3::prelude::*;
use std::collections::HashSet;
use std::time::Duration;

/// How long a parent may take to answer the first request.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a parent may take that has let one request pass already.
const IMPATIENCE: Duration = Duration::from_millis(10);
/// How many requests in a row may go unanswered.
const REQUESTS: u32 = 5;

/// The PIDs of all zombies of the system.
#[pyfunction]
pub(crate) fn zombie_pids(py: Python<'_>) -> PyResult<Vec<u32>> {
    let list = listed(py)?;
    let mut pids: Vec<u32> = list.iter().map(|zombie| zombie.info.pid().get()).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// All zombies of the system, as JSON (`ZombiesDocument`).
#[pyfunction]
pub(crate) fn zombies(py: Python<'_>) -> PyResult<String> {
    let log = Log::open(py)?;
    let document = py.detach(|| ZombiesDocument::new(&fell::zombies()));
    log.flush()?;
    json(&document)
}

fn listed(py: Python<'_>) -> PyResult<Vec<Zombie>> {
    let log = Log::open(py)?;
    let list = py.detach(|| fell::zombies().list);
    log.flush()?;
    Ok(list)
}

/// Collects the caller's own zombies, each by its PID, but for those that `tracked()`, called after they were listed, names;
/// none at all if that can't tell. Gives the PIDs of those that were collected.
#[pyfunction]
pub(crate) fn reap(py: Python<'_>, tracked: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let mut ours: Vec<ProcessId> =
        listed(py)?.iter().filter(|zombie| zombie.is_ours).map(|zombie| zombie.info.id).collect();
    ours.retain(|id| !is_of_a_run(id.pid));
    if ours.is_empty() {
        return Ok(Vec::new());
    }
    let Some(tracked) = tracked.call0()?.extract::<Option<HashSet<u32>>>()? else { return Ok(Vec::new()) };
    // With the interpreter held: nobody begins to track one of them in between.
    let reaped = ours.iter().filter(|id| !tracked.contains(&id.pid.get()));
    Ok(reaped.filter(|id| matches!(fell::reap(id), Reaping::Reaped(_))).map(|id| id.pid.get()).collect())
}

/// Asks a process to collect its zombies, and gives how many of them are gone then.
#[pyfunction]
pub(crate) fn nudge(py: Python<'_>, parent: &Bound<'_, PyAny>) -> PyResult<usize> {
    let parent = pid(parent)?;
    let before: Vec<ProcessId> = of_parent(&listed(py)?, parent);
    let mut unanswered = 0;
    for id in &before {
        if unanswered >= REQUESTS {
            break;
        }
        let patience = if unanswered == 0 { PATIENCE } else { IMPATIENCE };
        match py.detach(|| fell::zombie::nudge(id, patience)) {
            Reaping::Nudged { worked: false, .. } => unanswered += 1,
            _ => unanswered = 0,
        }
        py.check_signals()?;
    }
    if before.is_empty() {
        return Ok(0);
    }
    let after = of_parent(&listed(py)?, parent);
    Ok(before.iter().filter(|id| !after.iter().any(|left| left.pid == id.pid)).count())
}

/// Makes a process collect its zombies, and gives how many it has collected.
#[pyfunction]
pub(crate) fn inject(py: Python<'_>, parent: &Bound<'_, PyAny>) -> PyResult<usize> {
    let parent = pid(parent)?;
    let log = Log::open(py)?;
    let results = py.detach(|| {
        let zombies = fell::zombies().of_parent(parent);
        let ids: Vec<ProcessId> = zombies.list.iter().map(|zombie| zombie.info.id).collect();
        match zombies.owners.first().and_then(|owner| owner.info.as_ref()) {
            Some(info) => fell::zombie::inject(&info.id, &ids),
            None => Ok(Vec::new()),
        }
    });
    log.flush()?;
    match results {
        Ok(results) => Ok(results.iter().filter(|result| matches!(result, Reaping::Injected { .. })).count()),
        Err(InjectError::Gone) => Ok(0),
        Err(error @ InjectError::Denied(_)) => Err(PyPermissionError::new_err(error.to_string())),
        Err(error @ InjectError::Unsupported) => Err(PyNotImplementedError::new_err(error.to_string())),
        Err(error) => Err(PyRuntimeError::new_err(error.to_string())),
    }
}

fn of_parent(list: &[Zombie], parent: Pid) -> Vec<ProcessId> {
    list.iter().filter(|zombie| zombie.info.parent == Some(parent)).map(|zombie| zombie.info.id).collect()
}
