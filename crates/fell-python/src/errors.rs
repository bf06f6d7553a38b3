//! The engine's errors as Python's exceptions.

use fell::Error;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::io;

/// `ENOENT`.
const NO_ENTRY: i32 = 2;

/// `ValueError` for what is refused, `OSError` and its kinds for what the system does not give.
pub(crate) fn raised(error: Error) -> PyErr {
    match error {
        Error::Refused { .. } => PyValueError::new_err(error.to_string()),
        Error::NotFound { program } => PyOSError::new_err((NO_ENTRY, "No such file or directory", program)),
        Error::NotExecutable { program, source } => match source.raw_os_error() {
            Some(errno) => PyOSError::new_err((errno, words_of(&source), program)),
            None => PyOSError::new_err(format!("can't execute {program}: {source}")),
        },
        Error::Setup { step, source } if source.kind() == io::ErrorKind::InvalidInput => {
            PyValueError::new_err(format!("{step}: {source}"))
        }
        Error::Setup { step, source } => system(step, &source),
        other => PyRuntimeError::new_err(other.to_string()),
    }
}

/// What the system said at this step.
pub(crate) fn system(step: &str, source: &io::Error) -> PyErr {
    match source.raw_os_error() {
        Some(errno) => PyOSError::new_err((errno, format!("{step}: {}", words_of(source)))),
        None => PyOSError::new_err(format!("{step}: {source}")),
    }
}

/// Without ` (os error 2)`, which Python tells by itself.
fn words_of(source: &io::Error) -> String {
    let text = source.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
