//! The drop-ins with [`TREE`](super::TREE) set: the same words and exit codes, and nothing survives.

use super::say::complain;
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
    let refused = |error: &Error| match error {
        Error::NotFound { .. } => 127,
        Error::NotExecutable { .. } => 126,
        _ => timeout::FAILED,
    };
    let mut asked = 0_u32;
    let report = serve(supervisor, served, |running, arrival| {
        asked += 1;
        if asked == 1 { running.terminate(arrival.signal) } else { running.force() }
    });
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            complain(&[own, b": ", error.to_string().as_bytes()]);
            return refused(&error);
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
        Ok(report) => {
            survivors(b"tini", &report).unwrap_or_else(|| tini::remapped(order, exit_code(report.status)))
        }
        Err(error) => {
            tini::fatal(&[error.to_string().as_bytes()]);
            match error {
                Error::NotFound { .. } => 127,
                Error::NotExecutable { .. } => 126,
                _ => tini::FAILED,
            }
        }
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
        Err(error) => {
            complain(&[b"[dumb-init] ", error.to_string().as_bytes()]);
            if matches!(error, Error::NotFound { .. } | Error::NotExecutable { .. }) { 2 } else { dumb_init::FAILED }
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
            Progress::Elapsed => {}
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
