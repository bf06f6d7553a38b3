//! Looking at processes.

use crate::arguments::{pid, target};
use crate::log::Log;
use fell::abandoned::abandoned_runs;
use fell::detail::{Calendar, Details};
use fell::document::{DoctorDocument, GapDocument, ProcessDocument, TreeDocument};
use fell::{ProcessId, ProcessInfo, Tree, look_at};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// A process and its descendants in a few words each.
#[pyfunction]
pub(crate) fn tree_info<'py>(py: Python<'py>, process: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let id = ProcessId::unborn(pid(process)?);
    let tree = py.detach(|| Tree::rooted(&id, &look_at(&id)));
    let root = tree.root().map(|root| words(py, root)).transpose()?;
    let children: Vec<_> = tree.descendants().iter().map(|node| words(py, &node.info)).collect::<PyResult<_>>()?;
    let info = PyDict::new(py);
    info.set_item(intern!(py, "parent"), root)?;
    info.set_item(intern!(py, "children"), PyList::new(py, children)?)?;
    info.set_item(intern!(py, "total_count"), tree.nodes.len())?;
    Ok(info)
}

fn words<'py>(py: Python<'py>, info: &ProcessInfo) -> PyResult<Bound<'py, PyDict>> {
    let words = PyDict::new(py);
    words.set_item(intern!(py, "pid"), info.pid().get())?;
    words.set_item(intern!(py, "name"), &info.name)?;
    words.set_item(intern!(py, "status"), info.state.to_string())?;
    words.set_item(intern!(py, "ppid"), info.parent.map(fell::Pid::get))?;
    words.set_item(intern!(py, "id"), info.id.to_string())?;
    Ok(words)
}

/// A process and its descendants, as JSON (`TreeDocument`); `None` if it is gone.
#[pyfunction]
pub(crate) fn tree(py: Python<'_>, process: &Bound<'_, PyAny>, redact: bool) -> PyResult<Option<String>> {
    let id = target(process)?;
    let log = Log::open(py)?;
    let document = py.detach(|| {
        let snapshot = look_at(&id);
        let tree = Tree::rooted(&id, &snapshot);
        let mut details = Details::new();
        let calendar = Calendar::now();
        let mut document_of = |info: &ProcessInfo| {
            let detail = details.of(&info.id);
            match redact {
                true => ProcessDocument::new(info, detail, &calendar),
                false => ProcessDocument::with_secrets(info, detail, &calendar),
            }
        };
        let parent = document_of(tree.root()?);
        let children = tree.descendants().iter().map(|node| document_of(&node.info)).collect();
        Some(TreeDocument::new(parent, children, snapshot.gaps.iter().map(GapDocument::from).collect()))
    });
    log.flush()?;
    document.as_ref().map(json).transpose()
}

/// What this host allows, as JSON (`DoctorDocument`).
#[pyfunction]
pub(crate) fn doctor(py: Python<'_>) -> PyResult<String> {
    let log = Log::open(py)?;
    let document = py.detach(|| DoctorDocument::new(&fell::doctor::doctor(), &abandoned_runs()));
    log.flush()?;
    json(&document)
}

/// A document as Python gets it.
///
/// # Errors
///
/// `RuntimeError` for one that can't be written: there is none such.
pub(crate) fn json(document: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(document).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}
