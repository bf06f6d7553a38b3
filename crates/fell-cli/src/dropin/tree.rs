//! The drop-ins with [`TREE`](super::TREE) set: the same words and exit codes, and nothing survives.

use super::say::{complain, quoted, why};
use super::{dumb_init, timeout, tini};
use fell::init::SignalSet;
use fell::signals::{Arrival, SignalStream};
use fell::{Cause, Error, KillPolicy, Progress, RunReport, Running, Signal, Supervisor};
use std::ffi::{CStr, OsStr};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

/// The exit code for what is still alive although everything was tried.
const SURVIVORS: u8 = 123;
/// How soon a signal is tried again that came before the command was there.
const SOON: Duration = Duration::from_millis(5);

/// `timeout`: the first signal goes to the whole tree, and force follows after the grace.
pub(super) fn timeout(own: &[u8], order: &timeout::Order<'_>) -> u8 {
    let default = KillPolicy::default();
    let grace = if order.kill_after.is_zero() { default.grace } else { order.kill_after };
    // Signal 0 ends nothing: then the limit is where KILL comes in, if it does.
    let (signal, limit) = match order.signal {
        Some(signal) => (signal, order.limit),
        None if order.kill_after.is_zero() => (Signal::TERM, Duration::ZERO),
        None => (Signal::KILL, order.limit.saturating_add(order.kill_after)),
    };
    let supervisor = supervisor(&order.command)
        .timeout((!order.limit.is_zero() && !limit.is_zero()).then_some(limit))
        .foreground(order.foreground.then_some(true))
        .kill_policy(KillPolicy { signal, grace, ..default });
    let served = ENDING.into_iter().fold(SignalSet::EMPTY, SignalSet::with);
    let mut asked = 0_u32;
    let report = serve(supervisor, served, |running, arrival| {
        asked += 1;
        if asked == 1 { running.terminate(arrival.signal) } else { running.force() }
    });
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            return match Refusal::of(&error) {
                Refusal::Command { code, why } => {
                    complain(&[own, b": failed to run command ", &quoted(order.command[0]), b": ", why.as_bytes()]);
                    code
                }
                Refusal::Own(why) => {
                    complain(&[own, b": ", why.as_bytes()]);
                    timeout::FAILED
                }
            };
        }
    };
    let timed_out = report.cause == Cause::TimedOut;
    if timed_out && order.verbose {
        timeout::announcement(own, Some(signal), order.command[0]);
    }
    if let Some(code) = survivors(own, &report) {
        return code;
    }
    let ended_by = report.status.and_then(|status| status.signal());
    let killed = ended_by == Some(Signal::KILL.as_raw());
    if timed_out && !order.preserve_status && !killed {
        return timeout::TIMED_OUT;
    }
    match ended_by.and_then(|number| u8::try_from(number).ok()).and_then(Signal::from_number) {
        Some(signal) if !timed_out => fell::init::die_of(signal),
        _ => {}
    }
    exit_code(report.status)
}

/// `tini`: signals go to the command; when it has ended, the rest is ended in grace.
pub(super) fn tini(order: &tini::Order<'_>) -> u8 {
    if let Err(code) = tini::take_office(order) {
        return code;
    }
    match serve(supervisor(&order.command), PASSED_ON, |running, arrival| pass_on(running, arrival.signal)) {
        Ok(report) => survivors(b"tini", &report).unwrap_or_else(|| tini::remapped(order, exit_code(report.status))),
        Err(error) => match Refusal::of(&error) {
            Refusal::Command { code, why } => {
                tini::fatal(&[b"exec ", order.command[0].to_bytes(), b" failed: ", why.as_bytes()]);
                code
            }
            Refusal::Own(why) => {
                tini::fatal(&[why.as_bytes()]);
                tini::FAILED
            }
        },
    }
}

/// `dumb-init`: as `tini`, with its rewrites.
pub(super) fn dumb_init(order: &dumb_init::Order<'_>) -> u8 {
    let supervisor = supervisor(&order.command);
    let report = serve(supervisor, PASSED_ON, |running, arrival| match order.rewritten(arrival.signal) {
        Some(signal) => pass_on(running, signal),
        None => Ok(()),
    });
    match report {
        Ok(report) => survivors(b"dumb-init", &report).unwrap_or_else(|| exit_code(report.status)),
        Err(error) => match Refusal::of(&error) {
            Refusal::Command { why, .. } => {
                complain(&[b"[dumb-init] ", order.command[0].to_bytes(), b": ", why.as_bytes()]);
                2
            }
            Refusal::Own(why) => {
                complain(&[b"[dumb-init] ", why.as_bytes()]);
                dumb_init::FAILED
            }
        },
    }
}

/// Why there was no run, in the old tools' words.
enum Refusal {
    /// The command could not be executed; with the exit code that shells give to that.
    Command { code: u8, why: String },
    /// fell itself failed.
    Own(String),
}

impl Refusal {
    fn of(error: &Error) -> Refusal {
        match error {
            Error::NotFound { .. } => Refusal::Command { code: 127, why: String::from("No such file or directory") },
            Error::NotExecutable { source, .. } => Refusal::Command { code: 126, why: why(source) },
            other => Refusal::Own(other.to_string()),
        }
    }
}

/// What ends the tree of a `timeout`.
const ENDING: [Signal; 5] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::ALRM];

/// What an init passes on. TSTP stops it like anybody else, so that the shell above sees that.
const PASSED_ON: SignalSet = SignalSet::FORWARDABLE.without(Signal::TSTP);

fn supervisor(command: &[&CStr]) -> Supervisor {
    let word = |word: &CStr| OsStr::from_bytes(word.to_bytes()).to_owned();
    let (program, arguments) = command.split_first().map_or((c"", &[][..]), |(program, rest)| (*program, rest));
    Supervisor::new(word(program)).args(arguments.iter().map(|argument| word(argument))).exclusive(true)
}

/// Runs it, and gives each signal to `act`, once the command is there.
fn serve(
    supervisor: Supervisor,
    signals: SignalSet,
    mut act: impl FnMut(&mut Running, Arrival) -> Result<(), Error>,
) -> Result<RunReport, Error> {
    let failed = |source| Error::Setup { step: "reading signals", source };
    let signals: Vec<Signal> = signals.signals().collect();
    let stream = SignalStream::block_and_open(&signals).map_err(failed)?;
    let mut running = supervisor.signal_mask(stream.former_mask()).spawn()?;
    let mut waiting = Vec::new();
    loop {
        let soon = (!waiting.is_empty()).then(|| fell::init::since_boot().saturating_add(SOON));
        match running.wait_until(soon, Some(stream.as_fd()))? {
            Progress::Finished(report) => return Ok(*report),
            Progress::Woken => {
                while let Some(arrival) = stream.next().map_err(failed)? {
                    waiting.push(arrival);
                }
            }
            Progress::Elapsed | Progress::EndDue(_) => {}
        }
        if running.command().is_some() {
            for arrival in waiting.drain(..) {
                act(&mut running, arrival)?;
            }
        }
    }
}

/// The command may have ended, or become somebody else's: then a signal is lost, as it is with the original.
fn pass_on(running: &mut Running, signal: Signal) -> Result<(), Error> {
    running.forward(signal).unwrap_or(());
    Ok(())
}

/// Says what is still alive; gives the exit code for that.
fn survivors(own: &[u8], report: &RunReport) -> Option<u8> {
    let mut code = None;
    for process in report.survivors() {
        let pid = process.info.pid().to_string();
        complain(&[own, b": still alive: ", pid.as_bytes()]);
        code = Some(SURVIVORS);
    }
    code
}

fn exit_code(status: Option<ExitStatus>) -> u8 {
    let code = status.and_then(|status| status.code().or_else(|| status.signal().map(|number| 128 + number)));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(timeout::FAILED)
}
