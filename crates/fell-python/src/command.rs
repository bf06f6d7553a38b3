//! The command line.

use pyo3::prelude::*;
use std::ffi::OsString;
use std::io::Write as _;

/// Does what these words ask, the first of which is the name of the program, and gives the exit code. For a process that
/// exists for this alone.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, words: Vec<OsString>) -> PyResult<u8> {
    let code = py.detach(|| fell_cli::main(&words));
    // Nobody else flushes what Rust has kept; who does not want to read it any more has said so.
    match std::io::stdout().flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(code),
    }
}
