//! What has become of the plan so far, as its document.

use crate::attempt::now;
use crate::document::{AttemptDocument, Counts, StepDocument, ValidateDocument};
use crate::plan::{Plan, Step};
use crate::schedule::{Reason, Scheduler, State, Stop, Verdict};
use fell::Signal;
use fell::document::milliseconds;
use std::time::{Duration, SystemTime};

/// What has become of the plan so far.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) document: ValidateDocument,
    began: Duration,
}

impl Record {
    pub(super) fn new(plan: &Plan) -> Record {
        let document = ValidateDocument {
            schema: String::from(ValidateDocument::SCHEMA),
            event: String::from("report"),
            plan: plan.name.clone(),
            verdict: String::from("running"),
            cancelled_by: None,
            timed_out: false,
            shard: plan.shard.clone(),
            started_at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            elapsed_ms: 0,
            exit_code: None,
            counts: Counts::default(),
            steps: plan.steps.iter().map(|step| waiting(step, plan)).collect(),
            deselected: plan.deselected.clone(),
            zombies: None,
        };
        Record { document, began: now() }
    }

    /// An attempt has ended.
    pub(super) fn attempt(&mut self, step: usize, attempt: AttemptDocument) {
        let step = &mut self.document.steps[step];
        step.elapsed_ms = step.elapsed_ms.saturating_add(attempt.elapsed_ms);
        step.attempts.push(attempt);
    }

    /// The plan was cancelled by this signal.
    pub(super) fn cancelled(&mut self, signal: Signal) {
        self.document.cancelled_by.get_or_insert_with(|| signal.to_string());
    }

    /// Takes over where the steps are. Those that have got their verdict since are returned.
    pub(super) fn update(&mut self, scheduler: &Scheduler, plan: &Plan) -> Vec<usize> {
        let mut over = Vec::new();
        for (index, state) in scheduler.states().iter().enumerate() {
            let step = &mut self.document.steps[index];
            let Some(verdict) = state.verdict() else {
                step.verdict = String::from(if *state == State::Waiting { "waiting" } else { "running" });
                continue;
            };
            if step.ok.is_none() {
                decide(step, verdict, &plan.steps[index], plan);
                over.push(index);
            }
        }
        self.document.elapsed_ms = milliseconds(now().saturating_sub(self.began));
        self.document.counts = count(&self.document.steps);
        over
    }

    /// The plan is over.
    pub(super) fn finish(&mut self, scheduler: &Scheduler, zombies: usize) {
        let is_ok = self.document.steps.iter().all(|step| step.ok == Some(true)) && zombies == 0;
        self.document.timed_out |= scheduler.stopped() == Some(Stop::PlanTimeout);
        let was_cancelled = matches!(scheduler.stopped(), Some(Stop::Cancelled | Stop::Forced));
        let (verdict, code) = match (was_cancelled, is_ok) {
            (true, _) => ("cancelled", 100),
            (false, true) => ("passed", 0),
            (false, false) => ("failed", 100),
        };
        self.document.verdict = String::from(verdict);
        self.document.exit_code = Some(code);
        self.document.zombies = u64::try_from(zombies).ok();
        self.document.elapsed_ms = milliseconds(now().saturating_sub(self.began));
    }
}

fn waiting(step: &Step, plan: &Plan) -> StepDocument {
    StepDocument {
        name: step.name.clone(),
        kind: String::from(if step.service.is_some() { "service" } else { "step" }),
        needs: step.needs.iter().map(|need| plan.steps[*need].name.clone()).collect(),
        always: step.always,
        verdict: String::from("waiting"),
        ok: None,
        reason: None,
        failure: None,
        elapsed_ms: 0,
        attempts: Vec::new(),
    }
}

fn decide(document: &mut StepDocument, verdict: Verdict, step: &Step, plan: &Plan) {
    let last_failure = document.attempts.iter().rev().find(|attempt| attempt.failure.is_some());
    let message = last_failure.and_then(|attempt| attempt.message.clone());
    let failure = last_failure.and_then(|attempt| attempt.failure.clone());
    let (word, ok, reason, failure) = match verdict {
        Verdict::Passed => ("passed", true, None, None),
        Verdict::Flaky => {
            let number = document.attempts.len();
            let why = message.map(|message| format!("passed at attempt {number}, after: {message}"));
            ("flaky", !step.flaky_fails, why, failure)
        }
        Verdict::Failed => ("failed", false, message, failure),
        Verdict::Cancelled => ("cancelled", false, Some(String::from("the plan was cancelled")), None),
        Verdict::Skipped(reason) => {
            let (why, ok) = match reason {
                Reason::Need(need) => (format!("needs {}, which did not pass", plan.steps[need].name), false),
                Reason::FailFast => (String::from("another step failed"), false),
                Reason::Cancelled => (String::from("the plan was cancelled"), false),
                Reason::PlanTimeout => (String::from("the plan reached its time limit"), false),
                Reason::Unneeded => (String::from("no step that needs it ran"), true),
            };
            ("skipped", ok, Some(why), None)
        }
    };
    document.verdict = String::from(word);
    document.ok = Some(ok);
    document.reason = reason;
    document.failure = failure;
}

fn count(steps: &[StepDocument]) -> Counts {
    let mut counts = Counts::default();
    for step in steps {
        let count = match step.verdict.as_str() {
            "passed" => &mut counts.passed,
            "flaky" => &mut counts.flaky,
            "failed" => &mut counts.failed,
            "cancelled" => &mut counts.cancelled,
            "skipped" => &mut counts.skipped,
            _ => &mut counts.pending,
        };
        *count += 1;
    }
    counts
}
