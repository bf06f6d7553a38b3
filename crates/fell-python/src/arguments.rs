//! Python's arguments as the engine's words.

use fell::{Pid, ProcessId, Signal};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};
use std::time::Duration;

/// A process number: an integer above 0.
///
/// # Errors
///
/// `TypeError` for what is no integer, `ValueError` for a number that is no PID.
pub(crate) fn pid(number: &Bound<'_, PyAny>) -> PyResult<Pid> {
    let py = number.py();
    if number.is_instance_of::<PyBool>() {
        return Err(PyTypeError::new_err("a PID is an integer, not bool"));
    }
    let wrong = |why: &str| PyValueError::new_err(format!("{number} is no PID: {why}"));
    match number.extract::<i64>() {
        Ok(0) => Err(wrong("0 addresses the caller's own process group")),
        Ok(..0) => Err(wrong("a negative number addresses a process group")),
        Ok(positive) => {
            u32::try_from(positive).ok().and_then(Pid::new).ok_or_else(|| wrong("no system gives out such a number"))
        }
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => Err(wrong("no system gives out such a number")),
        Err(error) if error.is_instance_of::<PyTypeError>(py) => {
            let kind = number.get_type().qualname()?;
            Err(PyTypeError::new_err(format!("a PID is an integer, not {kind}")))
        }
        Err(error) => Err(error),
    }
}

/// A process: its number, or `"PID:INODE"`.
///
/// # Errors
///
/// As [`pid`].
pub(crate) fn target(word: &Bound<'_, PyAny>) -> PyResult<ProcessId> {
    match word.cast::<PyString>() {
        Ok(text) => {
            let text = text.to_cow()?;
            text.parse().map_err(|error| PyValueError::new_err(format!("{text:?} is no process: {error}")))
        }
        Err(_) => pid(word).map(ProcessId::unborn),
    }
}

/// A time in seconds: not negative. Infinity is as good as for ever.
///
/// # Errors
///
/// `TypeError` for what is no number, `ValueError` for a negative one and for NaN.
pub(crate) fn seconds(name: &str, number: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds: f64 = number.extract()?;
    if seconds.is_nan() || seconds < 0.0 {
        return Err(PyValueError::new_err(format!(
            "{name} is a time in seconds and not negative, but {number} was given"
        )));
    }
    // Only what is too long for a clock fails by now.
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// The same where there may be no limit.
///
/// # Errors
///
/// As [`seconds`].
pub(crate) fn limit(name: &str, number: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Duration>> {
    number.map(|number| seconds(name, number)).transpose()
}

/// A signal: its number, or its name such as `"TERM"` or `"SIGTERM"`.
///
/// # Errors
///
/// `TypeError` for what is neither a number nor a text, `ValueError` for one that names no signal.
pub(crate) fn signal(word: &Bound<'_, PyAny>) -> PyResult<Signal> {
    let parsed = match word.cast::<PyString>() {
        Ok(text) => text.to_cow()?.parse().ok(),
        Err(_) => u8::try_from(word.extract::<i64>()?).ok().and_then(Signal::from_number),
    };
    parsed.ok_or_else(|| PyValueError::new_err(format!("{word} names no signal")))
}
