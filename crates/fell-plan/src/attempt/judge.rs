//! What the end of a run means for its step.

use crate::document::{AllowedDocument, AttemptDocument};
use crate::file::Rule;
use crate::plan::Step;
use crate::verdict::Failure;
use fell::detail::Calendar;
use fell::document::{RunDocument, milliseconds};
use fell::ending::Ending;
use fell::{Cause, Outcome, RunReport};
use std::time::Duration;

/// Why a run was told to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It was not.
    Nothing,
    /// It reached this limit.
    Limit(Failure),
    /// The plan was cancelled.
    Cancelled,
    /// The service was not needed any more.
    Retired,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Result {
    Passed,
    Failed(Failure),
    Cancelled,
}

/// An attempt that has ended, with all that is told of it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) result: Result,
    pub(crate) document: AttemptDocument,
}

impl Ended {
    fn new(result: Result, document: AttemptDocument) -> Ended {
        let (word, failure) = match &result {
            Result::Passed => ("passed", None),
            Result::Failed(failure) => ("failed", Some(failure)),
            Result::Cancelled => ("cancelled", None),
        };
        let document = AttemptDocument {
            result: String::from(word),
            failure: failure.map(|failure| failure.kind().to_string()),
            message: failure.map(Failure::to_string),
            ..document
        };
        Ended { result, document }
    }

    /// One that failed.
    pub(crate) fn failed(failure: Failure, document: AttemptDocument) -> Ended {
        Ended::new(Result::Failed(failure), document)
    }

    /// The same with the time that it took.
    pub(super) fn after(mut self, elapsed: Duration) -> Ended {
        self.document.elapsed_ms = milliseconds(elapsed);
        self
    }
}

/// What this report means.
pub(super) fn judge(step: &Step, mut report: RunReport, told: Told, document: AttemptDocument) -> Ended {
    // The tree at the limit is in the attempt, from the inside.
    report.at_limit = None;
    // The engine was asked to end the tree; it can't know why.
    match &told {
        Told::Limit(Failure::IdleTimeout(_)) => report.cause = Cause::Idle,
        Told::Limit(_) => report.cause = Cause::TimedOut,
        Told::Nothing | Told::Cancelled | Told::Retired => {}
    }
    let result = result(step, &report, told);
    let allowed = allowed(step, &report);
    let run = Some(RunDocument::new(&report, &Calendar::now(), None));
    Ended::new(result, AttemptDocument { run, allowed, ..document })
}

fn result(step: &Step, report: &RunReport, told: Told) -> Result {
    let survivors = report.survivors().count();
    if survivors > 0 {
        return Result::Failed(Failure::Survivors(survivors));
    }
    match (told, report.cause) {
        (Told::Limit(failure), _) => return Result::Failed(failure),
        (Told::Cancelled, _) => return Result::Cancelled,
        (Told::Retired, _) => return Result::Passed,
        (Told::Nothing, Cause::TimedOut | Cause::Idle) => {
            let limit = step.timeout.unwrap_or(report.elapsed);
            return Result::Failed(Failure::Timeout(limit));
        }
        (Told::Nothing, Cause::GuardianLost) => {
            return Result::Failed(Failure::Lost(String::from("the guardian of its run was killed")));
        }
        (Told::Nothing, Cause::Exited | Cause::Cancelled(_)) => {}
    }
    let ending = report.status.and_then(Ending::of);
    if step.service.is_some() {
        return Result::Failed(Failure::EndedEarly(ending.and_then(Ending::code)));
    }
    let unwanted = report.leftovers.iter().filter(|process| process.outcome != Outcome::Spared).count();
    match ending {
        Some(Ending::Code(0)) if unwanted > 0 && step.leftovers.rule == Rule::Fail => {
            Result::Failed(Failure::Leftovers(unwanted))
        }
        Some(Ending::Code(0)) => Result::Passed,
        Some(Ending::Code(code)) => Result::Failed(Failure::Code(code)),
        Some(Ending::Signal(number)) => Result::Failed(Failure::Signal(number)),
        None => Result::Failed(Failure::Lost(String::from("how it ended was not seen"))),
    }
}

fn allowed(step: &Step, report: &RunReport) -> Vec<AllowedDocument> {
    let stayed = |name: &str| -> Vec<u32> {
        let spared = report.leftovers.iter().filter(|process| process.outcome == Outcome::Spared);
        spared.filter(|process| process.info.name == name).map(|process| process.info.pid().get()).collect()
    };
    let documents = step.leftovers.allow.iter().map(|(name, reason)| AllowedDocument {
        name: name.clone(),
        reason: reason.clone(),
        pids: stayed(name),
    });
    documents.filter(|allowed| !allowed.pids.is_empty()).collect()
}
