//! A command that leaves nothing behind.

use crate::arguments::{limit, seconds, signal};
use crate::errors::{raised, system};
use crate::log::Log;
use crate::look::json;
use crate::wait::{SLICE, after};
use fell::detail::{Calendar, Detail};
use fell::document::{ProcessDocument, RunDocument};
use fell::scope::MARK;
use fell::{Cause, Contain, KillPolicy, Leftovers, Pid, ProcessInfo, Progress, Running, Signal, Snapshot};
use fell::{State as ProcState, Stream, Supervisor};
use pyo3::exceptions::{PyProcessLookupError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::{Mutex, PoisonError};

/// This process's own children that guard runs. Locked only while the interpreter is held, as a fork holds it.
static GUARDS: Mutex<BTreeSet<Pid>> = Mutex::new(BTreeSet::new());

/// Whether this child of ours guards a run, which collects it.
pub(crate) fn is_of_a_run(pid: Pid) -> bool {
    GUARDS.lock().unwrap_or_else(PoisonError::into_inner).contains(&pid)
}

pyo3::create_exception!(
    fell._fell,
    RunOver,
    PyValueError,
    "The run is over: there is nothing to be done to it any more."
);

/// A command's stream as Python gives it: a descriptor, or one of these.
const INHERITED: i32 = -1;
const NOTHING: i32 = -3;

/// A command that was started, and all that descends from it.
#[pyclass(module = "fell._fell", frozen)]
pub(crate) struct Run {
    state: Mutex<State>,
    /// The process that started it: a fork of that has a copy of this, and no right to the run.
    owner: u32,
    child: Option<Pid>,
}

struct State {
    /// `None` when it is over.
    running: Option<Running>,
    signal: Signal,
    /// The tree as it stood when the caller saw that it was silent for too long.
    silent: Option<Snapshot>,
}

impl State {
    fn running(&mut self) -> PyResult<&mut Running> {
        self.running.as_mut().ok_or_else(|| RunOver::new_err("the run is over"))
    }
}

#[pymethods]
impl Run {
    /// Starts the command.
    #[new]
    #[pyo3(signature = (
        program, arguments, *, env, cwd, stdin, stdout, stderr, timeout, idle_timeout, grace, first, leftovers, allow, settle,
        contain, foreground
    ))]
    #[expect(clippy::too_many_arguments, reason = "one for each argument in Python")]
    fn new(
        py: Python<'_>,
        program: PyBackedBytes,
        arguments: Vec<PyBackedBytes>,
        env: Option<Vec<(PyBackedBytes, PyBackedBytes)>>,
        cwd: Option<PyBackedBytes>,
        stdin: i32,
        stdout: i32,
        stderr: i32,
        timeout: Option<&Bound<'_, PyAny>>,
        idle_timeout: Option<&Bound<'_, PyAny>>,
        grace: &Bound<'_, PyAny>,
        first: &Bound<'_, PyAny>,
        leftovers: &str,
        allow: Vec<String>,
        settle: &Bound<'_, PyAny>,
        contain: &str,
        foreground: Option<bool>,
    ) -> PyResult<Run> {
        let signal = signal(first)?;
        let policy = KillPolicy { signal, grace: seconds("grace", grace)?, ..KillPolicy::default() };
        let mut supervisor = Supervisor::new(os_string(&program))
            .args(arguments.iter().map(os_string))
            .stdin(stream(stdin)?)
            .stdout(stream(stdout)?)
            .stderr(stream(stderr)?)
            .timeout(limit("timeout", timeout)?)
            .idle_timeout(limit("idle_timeout", idle_timeout)?)
            .kill_policy(policy)
            .leftovers(leftovers_of(leftovers)?)
            .allow(allow)
            .settle(seconds("settle", settle)?)
            .contain(contain_of(contain)?)
            .foreground(foreground);
        if let Some(directory) = cwd {
            supervisor = supervisor.current_dir(os_string(&directory));
        }
        if let Some(env) = env {
            supervisor = with_environment(supervisor, &env);
        }
        let log = Log::open(py)?;
        // With the interpreter held: the environment is read, which another thread may change through Python.
        let running = supervisor.spawn().map_err(raised);
        log.flush()?;
        let running = running?;
        let child = running.child();
        GUARDS.lock().unwrap_or_else(PoisonError::into_inner).extend(child);
        let state = State { running: Some(running), signal, silent: None };
        Ok(Run { state: Mutex::new(state), owner: std::process::id(), child })
    }

    /// Waits until the run is over, which gives its report as JSON (`RunDocument`); or until `wake` has something to read, or
    /// this many seconds have passed, which gives `None`. Looks for signals.
    #[pyo3(signature = (time, wake=None))]
    fn wait(&self, py: Python<'_>, time: &Bound<'_, PyAny>, wake: Option<i32>) -> PyResult<Option<String>> {
        let until = after(seconds("time", time)?);
        let wake = wake.map(fell::duplicate).transpose().map_err(|error| system("waking", &error))?;
        let log = Log::open(py)?;
        loop {
            let slice = after(SLICE).min(until);
            let progress = self.with(py, |state| {
                let running = state.running()?;
                let wake = wake.as_ref().map(std::os::fd::AsFd::as_fd);
                running.wait_until(Some(slice), wake).map_err(raised)
            });
            log.flush()?;
            match progress {
                Ok(Progress::Finished(report)) => return self.finished(py, *report).map(Some),
                Ok(Progress::Woken) => {
                    py.check_signals()?;
                    return Ok(None);
                }
                Ok(Progress::Elapsed | Progress::EndDue(_)) => {
                    py.check_signals()?;
                    if slice >= until {
                        return Ok(None);
                    }
                }
                Err(error) => {
                    self.over(py)?;
                    return Err(error);
                }
            }
        }
    }

    /// Begins to end the tree, in grace, because of this signal.
    fn terminate(&self, py: Python<'_>, because_of: &Bound<'_, PyAny>) -> PyResult<()> {
        let signal = signal(because_of)?;
        self.with(py, |state| state.running()?.terminate(signal).map_err(raised))
    }

    /// Begins to end the tree, in grace, because it was silent for too long.
    fn end_silent(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |state| {
            let signal = state.signal;
            let running = state.running()?;
            let snapshot = running.look();
            let command = running.command();
            let is_alive = |row: &ProcessInfo| Some(row.pid()) == command && row.state != ProcState::Zombie;
            // Otherwise it has ended by itself, and what is silent are leftovers.
            if snapshot.rows.iter().any(is_alive) {
                running.terminate(signal).map_err(raised)?;
                state.silent = Some(snapshot);
            }
            Ok(())
        })
    }

    /// Uses force now.
    fn force(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |state| state.running()?.force().map_err(raised))
    }

    /// Sends the command itself a signal.
    fn send_signal(&self, py: Python<'_>, number: &Bound<'_, PyAny>) -> PyResult<()> {
        let signal = signal(number)?;
        self.with(py, |state| {
            state.running()?.forward(signal).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => PyProcessLookupError::new_err("the command has ended"),
                _ => system("sending the signal", &error),
            })
        })
    }

    /// The command's PID, once it was forked.
    #[getter]
    fn pid(&self, py: Python<'_>) -> PyResult<Option<u32>> {
        self.with(py, |state| Ok(state.running()?.command().map(Pid::get)))
    }

    /// Whether it is known by now that the command could not be executed: waiting raises why.
    fn has_failed(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |state| Ok(state.running()?.has_failed()))
    }

    /// The tree as it stands, as JSON (a list of `ProcessDocument`).
    fn look(&self, py: Python<'_>) -> PyResult<String> {
        let rows: Vec<ProcessDocument> = self.with(py, |state| {
            let snapshot = state.running()?.look();
            let calendar = Calendar::now();
            Ok(snapshot.rows.iter().map(|row| ProcessDocument::new(row, Detail::default(), &calendar)).collect())
        })?;
        json(&rows)
    }
}

impl Run {
    /// Does something with the run, without the interpreter.
    fn with<T: Send>(&self, py: Python<'_>, deed: impl FnOnce(&mut State) -> PyResult<T> + Send) -> PyResult<T> {
        if std::process::id() != self.owner {
            return Err(PyRuntimeError::new_err(
                "the run belongs to the process that started it, not to a fork of that",
            ));
        }
        py.detach(|| deed(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Lets go of a run that is over.
    fn over(&self, py: Python<'_>) -> PyResult<Option<Snapshot>> {
        let silent = self.with(py, |state| {
            state.running = None;
            Ok(state.silent.take())
        });
        self.forget_child();
        silent
    }

    fn forget_child(&self) {
        if let Some(child) = self.child {
            GUARDS.lock().unwrap_or_else(PoisonError::into_inner).remove(&child);
        }
    }

    fn finished(&self, py: Python<'_>, mut report: fell::RunReport) -> PyResult<String> {
        if let (Some(snapshot), Cause::Cancelled(_)) = (self.over(py)?, report.cause) {
            report.cause = Cause::Idle;
            report.at_limit = Some(snapshot);
        }
        json(&RunDocument::new(&report, &Calendar::now(), None))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = state.running.take() else { return };
        if std::process::id() != self.owner {
            // A copy in a fork: its end is not the run's.
            std::mem::forget(running);
            return;
        }
        // Waits for the end of the tree, so without the interpreter, if there still is one.
        let mut running = Some(running);
        Python::try_attach(|py| {
            let running = running.take();
            py.detach(|| drop(running));
            self.forget_child();
        });
        drop(running);
    }
}

fn os_string(bytes: &PyBackedBytes) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

fn stream(number: i32) -> PyResult<Stream> {
    match number {
        INHERITED => Ok(Stream::Inherit),
        NOTHING => Ok(Stream::Null),
        number => {
            fell::duplicate(number).map(Stream::Descriptor).map_err(|error| system("connecting a stream", &error))
        }
    }
}

/// The given environment instead of this process's own. The mark of an outer run stays: who is in it can't leave it.
fn with_environment(mut supervisor: Supervisor, env: &[(PyBackedBytes, PyBackedBytes)]) -> Supervisor {
    let names: HashSet<OsString> = env.iter().map(|(name, _)| os_string(name)).collect();
    for (name, _) in std::env::vars_os() {
        if name != MARK && !names.contains(&name) {
            supervisor = supervisor.env_remove(name);
        }
    }
    env.iter().fold(supervisor, |supervisor, (name, value)| supervisor.env(os_string(name), os_string(value)))
}

fn leftovers_of(word: &str) -> PyResult<Leftovers> {
    match word {
        "kill" => Ok(Leftovers::Kill),
        "fail" => Ok(Leftovers::Fail),
        "warn" => Ok(Leftovers::Warn),
        "allow" => Ok(Leftovers::Allow),
        _ => Err(PyValueError::new_err(format!("leftovers is 'kill', 'fail', 'warn' or 'allow', not {word:?}"))),
    }
}

fn contain_of(word: &str) -> PyResult<Contain> {
    match word {
        "auto" => Ok(Contain::Auto),
        "cgroup" => Ok(Contain::Cgroup),
        "reaper" => Ok(Contain::Reaper),
        "group" => Ok(Contain::Group),
        _ => Err(PyValueError::new_err(format!("contain is 'auto', 'cgroup', 'reaper' or 'group', not {word:?}"))),
    }
}
