//! Ending a tree that already runs.

use crate::arguments::{seconds, signal, target};
use crate::errors::raised;
use crate::log::Log;
use crate::wait::{SLICE, after};
use fell::document::TargetDocument;
use fell::{Extent, Felling, KillPolicy, Pid, Refusal, ancestors};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::time::Duration;

/// Ends a process tree, and gives the report as JSON (`TargetDocument`).
///
/// An exception that a signal handler raises meanwhile makes it use force at once, and goes on when that is done.
#[pyfunction]
#[pyo3(signature = (process, *, grace, first, force_limit, include_parent, escaped, refuse_own))]
#[expect(clippy::too_many_arguments, reason = "one for each argument in Python")]
pub(crate) fn kill_tree(
    py: Python<'_>,
    process: &Bound<'_, PyAny>,
    grace: &Bound<'_, PyAny>,
    first: &Bound<'_, PyAny>,
    force_limit: &Bound<'_, PyAny>,
    include_parent: bool,
    escaped: bool,
    refuse_own: bool,
) -> PyResult<String> {
    let id = target(process)?;
    let policy = KillPolicy {
        signal: signal(first)?,
        grace: seconds("grace", grace)?,
        force_limit: seconds("force_limit", force_limit)?,
        extent: if include_parent { Extent::Tree } else { Extent::Descendants },
        ancestors: false,
        escaped,
    };
    if let Some(refusal) = refusal(id.pid, refuse_own) {
        return Err(raised(fell::Error::Refused { target: id, refusal }));
    }
    let log = Log::open(py)?;
    let felling = py.detach(|| Felling::begin(id, &policy)).map_err(raised);
    log.flush()?;
    let report = complete(py, &log, felling?)?;
    let document = TargetDocument::new(id.to_string(), &report);
    serde_json::to_string(&document).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

fn complete(py: Python<'_>, log: &Log<'_>, mut felling: Felling) -> PyResult<fell::Report> {
    loop {
        let progress = py.detach(|| felling.advance(after(SLICE))).map_err(raised);
        let logged = log.flush();
        if let Err(raised_meanwhile) = logged.and_then(|()| py.check_signals()) {
            if let Ok(None) = progress {
                // Bounded by the limit on force.
                let forced = py.detach(|| {
                    felling.force();
                    felling.advance(Duration::MAX)
                });
                forced.map_err(raised)?;
            }
            return Err(raised_meanwhile);
        }
        if let Some(report) = progress? {
            return Ok(report);
        }
    }
}

/// Whose descendants are not to be ended either: all of those of the system, and those among whom the caller is. The caller's own
/// may be, unless the caller says otherwise.
fn refusal(pid: Pid, refuse_own: bool) -> Option<Refusal> {
    let own = Pid::new(std::process::id())?;
    if pid == Pid::INIT {
        Some(Refusal::Init)
    } else if pid == own {
        refuse_own.then_some(Refusal::Own)
    } else if ancestors(own).iter().any(|row| row.pid() == pid) {
        Some(Refusal::Ancestor)
    } else {
        None
    }
}
