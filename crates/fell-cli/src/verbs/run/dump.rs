//! The tree before it is ended: looked into, shown, and asked by the user's own programs.

use crate::args::{OnTimeout, RunArgs};
use crate::output;
use fell::detail::Calendar;
use fell::document::DumpDocument;
use fell::dump::{Dump, DumpOptions};
use fell::released::Claims;
use fell::signals::{SignalMask, SignalStream};
use fell::{Cause, KillPolicy, Progress, RunReport, Running, State, Stream, Supervisor};
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::time::{Duration, Instant};

/// The most lines of a dump that are shown between the command's own output.
const MOST_LINES: usize = 400;
/// How long one program of `--dump-with` may take, and all of them together.
const ONE_LIMIT: Duration = Duration::from_secs(5);
const ALL_LIMIT: Duration = Duration::from_secs(10);
/// How much of what one of them says is kept.
const MOST_TOLD: u64 = 32 * 1024;
/// For how many processes each of them is called.
const MOST_PROCESSES: usize = 32;

/// Whether a dump is to be shown.
pub(super) fn is_shown(args: &RunArgs) -> bool {
    match args.on_timeout {
        Some(what) => what == OnTimeout::Dump,
        None => !args.common.quiet && (args.common.verbose > 0 || !args.dump_with.is_empty()),
    }
}

/// Whether a dump is to be taken.
pub(super) fn is_wanted(args: &RunArgs) -> bool {
    is_shown(args) || args.json || !args.report.is_empty() || args.wait_released.is_some()
}

/// Looks into the tree, which is about to be ended because of this, and shows it if it is to be shown.
pub(super) fn take(running: &Running, args: &RunArgs, cause: Cause, signals: &SignalStream, mask: SignalMask) -> Dump {
    let mut dump = running.dump(DumpOptions::default());
    ask(&mut dump, args, signals, mask);
    if is_shown(args) {
        let limit = |limit: Option<Duration>| {
            limit.map_or_else(String::new, |limit| humantime::format_duration(limit).to_string())
        };
        match cause {
            Cause::TimedOut => show(&format!("time limit of {} reached; what stands:", limit(args.timeout)), &dump),
            Cause::Idle => show(&format!("silent for {}; what stands:", limit(args.idle_timeout)), &dump),
            Cause::Exited => show("the command has ended; what it has left:", &dump),
            Cause::Cancelled(_) | Cause::GuardianLost => show("what stands:", &dump),
        }
    }
    dump
}

/// Shows a tree on stderr.
pub(super) fn show(title: &str, dump: &Dump) {
    let mut lines = DumpDocument::new(dump, &Calendar::now()).lines();
    if let Some(more) = lines.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        lines.truncate(MOST_LINES);
        lines.push(format!("and {more} more lines"));
    }
    // A line of a name that holds a line end stays one.
    let lines: Vec<String> = lines.iter().map(|line| output::printable(line)).collect();
    output::say(format!("{title}\n{}", lines.join("\n")));
}

/// Calls the programs of `--dump-with`: for each process if they name `{pid}`, otherwise once.
fn ask(dump: &mut Dump, args: &RunArgs, signals: &SignalStream, mask: SignalMask) {
    let began = Instant::now();
    for template in &args.dump_with {
        let calls: Vec<String> = match template.contains("{pid}") {
            true => dump
                .processes
                .iter()
                .filter(|dumped| dumped.info.state != State::Zombie)
                .take(MOST_PROCESSES)
                .map(|dumped| template.replace("{pid}", &dumped.info.pid().to_string()))
                .collect(),
            false => vec![template.clone()],
        };
        for call in calls {
            let limit = ALL_LIMIT.saturating_sub(began.elapsed()).min(ONE_LIMIT);
            let told = match limit.is_zero() {
                true => String::from("not called: out of time"),
                false => match call_one(&call, limit, signals, mask) {
                    Ok(told) => told,
                    Err(why) => why,
                },
            };
            dump.told.push((call, told));
        }
    }
}

/// What the program says on stdout and stderr.
///
/// It is a run of its own: limited, and nothing of it is left.
fn call_one(call: &str, limit: Duration, signals: &SignalStream, mask: SignalMask) -> Result<String, String> {
    let no_file = |error: io::Error| format!("no file for its output: {error}");
    let mut file = tempfile::tempfile().map_err(no_file)?;
    let stream = || file.try_clone().map(|file| Stream::Descriptor(file.into())).map_err(no_file);
    let mut running = Supervisor::new("sh")
        .args(["-c", call])
        .stdin(Stream::Null)
        .stdout(stream()?)
        .stderr(stream()?)
        .timeout(Some(limit))
        .kill_policy(KillPolicy { grace: Duration::from_millis(200), ..KillPolicy::default() })
        .settle(Duration::ZERO)
        .foreground(Some(false))
        .signal_mask(mask)
        .spawn()
        .map_err(|error| error.to_string())?;
    let finished = loop {
        match running.wait_until(None, Some(signals.waker())) {
            Ok(Progress::Finished(report)) => break Ok(report),
            // Somebody wants the run to end, or to be shown: that goes first.
            Ok(Progress::Woken) => break Err(String::from("broken off by a signal")),
            Ok(Progress::Elapsed | Progress::EndDue(_)) => {}
            Err(error) => break Err(error.to_string()),
        }
    };
    // A run that is dropped ends its tree.
    drop(running);
    let mut told = told(&mut file).map_err(no_file)?;
    match finished {
        Ok(report) if report.cause == Cause::TimedOut => {
            told.push_str(&format!("\n(ended at its limit of {})", humantime::format_duration(limit)));
        }
        Ok(report) => {
            if let Some(code) = report.status.and_then(|status| status.code()).filter(|code| *code != 0) {
                told.push_str(&format!("\n(exit code {code})"));
            }
        }
        Err(why) => told.push_str(&format!("\n({why})")),
    }
    Ok(String::from(told.trim_start_matches('\n')))
}

fn told(file: &mut File) -> io::Result<String> {
    let length = file.seek(io::SeekFrom::End(0))?;
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(MOST_TOLD).read_to_end(&mut bytes)?;
    let mut text = String::from(String::from_utf8_lossy(&bytes).trim_end_matches('\n'));
    if length > MOST_TOLD {
        text.push_str(&format!("\n(the first {} of {} KiB)", MOST_TOLD / 1024, length / 1024));
    }
    Ok(text)
}

/// Looks whether what the tree held is free again, and waits for it if that was asked for.
pub(super) fn release(report: &mut RunReport, args: &RunArgs) {
    let Some(dump) = &report.dump else { return };
    let claims = Claims::of(dump);
    if !claims.is_empty() {
        report.released = Some(claims.wait(args.wait_released.unwrap_or_default()));
    }
}
