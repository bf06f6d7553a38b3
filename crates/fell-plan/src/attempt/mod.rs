//! One attempt at a step: a run under limits, and what it means.

mod control;
mod idle;
mod judge;
mod ready;
mod wake;
mod watch;

pub(crate) use control::{Ears, Voice, Word, line};
pub(crate) use judge::{Ended, Result};

use crate::document::AttemptDocument;
use crate::file::Rule;
use crate::output::OutputFile;
use crate::plan::Step;
use crate::verdict::Failure;
use fell::detail::Calendar;
use fell::document::milliseconds;
use fell::signals::SignalMask;
use fell::{Error, KillPolicy, Leftovers, Stream, Supervisor};
use std::path::Path;
use std::time::{Duration, SystemTime};
use watch::Watch;

/// An attempt that is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) step: &'a Step,
    /// Which attempt, from 1.
    pub(crate) number: u32,
    /// The directory for its output.
    pub(crate) outputs: &'a Path,
    /// When the plan's limit is reached, and that limit, if it counts for this step.
    pub(crate) plan_deadline: Option<(Duration, Duration)>,
    /// The signal mask that the command starts with.
    pub(crate) mask: Option<SignalMask>,
}

/// The clock since boot, as the engine counts.
pub(crate) fn now() -> Duration {
    Calendar::now().now
}

/// Makes the attempt. `on_ready` is told when a service is ready, and after what time.
pub(crate) fn attempt(task: &Task<'_>, ears: &Ears, on_ready: &dyn Fn(Duration)) -> Ended {
    let began = now();
    let started_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let mut document = AttemptDocument {
        number: task.number,
        result: String::new(),
        failure: None,
        message: None,
        started_at,
        elapsed_ms: 0,
        limit_ms: limit(task, began).map(milliseconds),
        ready_after_ms: None,
        output: String::new(),
        output_bytes: 0,
        run: None,
        at_limit: None,
        left: None,
        allowed: Vec::new(),
    };
    let output = match OutputFile::create(task.outputs, &task.step.name, task.number) {
        Ok(output) => output,
        Err(error) => {
            let why = format!("no file for its output in {}: {error}", task.outputs.display());
            return Ended::failed(Failure::NotStarted(why), document);
        }
    };
    document.output = output.path.display().to_string();
    let running = supervisor(task, &output, began).and_then(|supervisor| supervisor.spawn().map_err(why));
    let ended = match running {
        Ok(running) => Watch::new(task, running, output, began).until_finished(ears, on_ready, document),
        Err(why) => Ended::failed(Failure::NotStarted(why), document),
    };
    ended.after(now().saturating_sub(began))
}

/// The shorter of the step's limit and what is left of the plan's.
fn limit(task: &Task<'_>, now: Duration) -> Option<Duration> {
    let of_plan = task.plan_deadline.map(|(deadline, _)| deadline.saturating_sub(now));
    [task.step.timeout, of_plan].into_iter().flatten().min()
}

fn supervisor(task: &Task<'_>, output: &OutputFile, now: Duration) -> std::result::Result<Supervisor, String> {
    let Task { step, number, .. } = task;
    let [program, arguments @ ..] = step.command.as_slice() else {
        return Err(String::from("it has no command"));
    };
    let stream = || output.handle().map(|file| Stream::Descriptor(file.into())).map_err(|error| error.to_string());
    let mut supervisor = Supervisor::new(program)
        .args(arguments)
        .current_dir(&step.dir)
        .env("FELL_STEP", &step.name)
        .env("FELL_ATTEMPT", number.to_string())
        .stdin(Stream::Null)
        .stdout(stream()?)
        .stderr(stream()?)
        .timeout(limit(task, now))
        .announce_end(true)
        .kill_policy(KillPolicy { signal: step.signal, grace: step.grace, ..KillPolicy::default() })
        .leftovers(match step.leftovers.rule {
            Rule::Kill => Leftovers::Kill,
            Rule::Fail => Leftovers::Fail,
            Rule::Warn => Leftovers::Warn,
            Rule::Allow => Leftovers::Allow,
        })
        .settle(step.leftovers.settle)
        .allow(step.leftovers.allow.iter().map(|(name, _)| name.clone()).collect())
        .foreground(Some(false));
    for (name, value) in &step.env {
        supervisor = supervisor.env(name, value);
    }
    Ok(match task.mask {
        Some(mask) => supervisor.signal_mask(mask),
        None => supervisor,
    })
}

/// An error of the engine with its causes, in one line.
fn why(error: Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
