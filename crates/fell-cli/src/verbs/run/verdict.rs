//! What a run's report means: the exit code, and what is said of it.

use super::dump;
use crate::args::{LeftoversRule, RunArgs};
use crate::exit::Exit;
use crate::output;
use crate::verbs::kill::line;
use crate::verbs::release;
use fell::document::{OutcomeDocument, ReleaseDocument};
use fell::ending::Ending;
use fell::{Cause, Outcome, ProcessReport, RunReport, Signal};
use std::process::ExitStatus;

/// The exit code.
pub(super) fn of(report: &RunReport, args: &RunArgs) -> Exit {
    let facts = Facts {
        cause: report.cause,
        status: report.status,
        survived: report.survivors().next().is_some(),
        left: unwanted(&report.leftovers).next().is_some(),
    };
    facts.exit(args.leftovers, args.preserve_status)
}

/// What the exit code depends on.
#[derive(Debug, Clone, Copy)]
struct Facts {
    cause: Cause,
    status: Option<ExitStatus>,
    survived: bool,
    left: bool,
}

impl Facts {
    fn exit(self, leftovers: LeftoversRule, preserve_status: bool) -> Exit {
        let own = self.status.map(own_exit);
        if self.survived {
            return Exit::Survivors;
        }
        match self.cause {
            Cause::TimedOut | Cause::Idle if preserve_status => own.unwrap_or(Exit::TimedOut),
            Cause::TimedOut | Cause::Idle => Exit::TimedOut,
            Cause::Cancelled(signal) => Exit::Signalled(signal),
            Cause::GuardianLost => Exit::Failed,
            Cause::Exited => match own {
                Some(Exit::Success) if self.left && leftovers == LeftoversRule::Fail => Exit::Leftovers,
                Some(exit) => exit,
                None => Exit::Failed,
            },
        }
    }
}

fn own_exit(status: ExitStatus) -> Exit {
    match Ending::of(status) {
        Some(Ending::Code(0)) => Exit::Success,
        Some(Ending::Code(code)) => u8::try_from(code).map_or(Exit::Failed, Exit::Command),
        Some(Ending::Signal(number)) => {
            let signal = u8::try_from(number).ok().and_then(Signal::from_number);
            signal.map_or(Exit::Failed, Exit::Signalled)
        }
        None => Exit::Failed,
    }
}

/// The leftovers that were not allowed to stay.
fn unwanted(leftovers: &[ProcessReport]) -> impl Iterator<Item = &ProcessReport> {
    leftovers.iter().filter(|process| process.outcome != Outcome::Spared)
}

/// Says on stderr what a reader must know.
pub(super) fn tell(report: &RunReport, args: &RunArgs) {
    for (layer, why) in &report.containment.missing {
        tracing::debug!("containment: no {layer}: {why}");
    }
    for limit in report.containment.limits() {
        tracing::debug!("containment: {limit}");
    }
    if let Some(kill) = &report.kill {
        for process in &kill.processes {
            tracing::debug!("{}", line(&OutcomeDocument::from(process)).trim_start());
        }
    }
    // What is still alive is said even to those who want no words.
    for process in report.survivors() {
        output::say(format!("still alive: {}", line(&OutcomeDocument::from(process)).trim_start()));
    }
    if args.common.quiet {
        return;
    }
    let felled = report.kill.as_ref().map_or_else(|| String::from("nothing was alive"), ToString::to_string);
    match report.cause {
        Cause::TimedOut => output::say(format!("time limit of {} reached: {felled}", shown(args.timeout))),
        Cause::Idle => output::say(format!("silent for {}: {felled}", shown(args.idle_timeout))),
        Cause::Cancelled(signal) => output::say(format!("ended because of {signal}: {felled}")),
        Cause::GuardianLost => output::say(format!("the guardian was killed: {felled}")),
        Cause::Exited => tell_leftovers(report, args),
    }
    if let Some(release) = report.released.as_ref().filter(|_| args.wait_released.is_some() || dump::is_shown(args)) {
        release::tell(&ReleaseDocument::from(release));
    }
}

fn tell_leftovers(report: &RunReport, args: &RunArgs) {
    let left: Vec<&ProcessReport> = unwanted(&report.leftovers).collect();
    let is_asked_for = matches!(args.leftovers, LeftoversRule::Fail | LeftoversRule::Warn) || args.common.verbose > 0;
    if left.is_empty() || !is_asked_for {
        return;
    }
    output::say(match left.len() {
        1 => format!("{} left 1 process behind:", report.program),
        many => format!("{} left {many} processes behind:", report.program),
    });
    for process in left {
        output::say(line(&OutcomeDocument::from(process)));
    }
}

fn shown(limit: Option<std::time::Duration>) -> String {
    limit.map_or_else(String::new, |limit| humantime::format_duration(limit).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn the_exit_code_tells_what_happened() {
        let fine = Facts { cause: Cause::Exited, status: Some(ExitStatus::from_raw(0)), survived: false, left: false };
        let seven = Some(ExitStatus::from_raw(7 << 8));
        let killed = Some(ExitStatus::from_raw(9));
        let (kill, fail) = (LeftoversRule::Kill, LeftoversRule::Fail);
        for (facts, leftovers, preserve, exit) in [
            (fine, kill, false, Exit::Success),
            (Facts { left: true, ..fine }, kill, false, Exit::Success),
            (Facts { left: true, ..fine }, fail, false, Exit::Leftovers),
            (Facts { left: true, status: seven, ..fine }, fail, false, Exit::Command(7)),
            (Facts { status: seven, ..fine }, kill, false, Exit::Command(7)),
            (Facts { status: killed, ..fine }, kill, false, Exit::Signalled(Signal::KILL)),
            (Facts { status: None, ..fine }, kill, false, Exit::Failed),
            (Facts { cause: Cause::TimedOut, status: killed, ..fine }, kill, false, Exit::TimedOut),
            (Facts { cause: Cause::Idle, status: seven, ..fine }, kill, false, Exit::TimedOut),
            (Facts { cause: Cause::TimedOut, status: seven, ..fine }, kill, true, Exit::Command(7)),
            (Facts { cause: Cause::TimedOut, status: None, ..fine }, kill, true, Exit::TimedOut),
            (Facts { cause: Cause::Cancelled(Signal::INT), ..fine }, kill, false, Exit::Signalled(Signal::INT)),
            (Facts { cause: Cause::GuardianLost, ..fine }, kill, false, Exit::Failed),
            (Facts { survived: true, ..fine }, kill, false, Exit::Survivors),
            (Facts { survived: true, cause: Cause::TimedOut, ..fine }, kill, true, Exit::Survivors),
        ] {
            assert_eq!(facts.exit(leftovers, preserve), exit, "{facts:?} {leftovers:?} {preserve}");
        }
    }
}
