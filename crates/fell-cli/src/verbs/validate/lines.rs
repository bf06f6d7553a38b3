//! What happens, in lines: `step e2e: PASS 12.3s`.

use crate::output::{self, Colour};
use fell_plan::Event;
use fell_plan::document::{AttemptDocument, StepDocument};
use fell_plan::report::{duration, rows};
use std::time::Duration;

/// The most processes of a tree that are shown.
const MOST_ROWS: usize = 40;

/// The line for an event that has one of its own.
pub(super) fn line(event: Event<'_>) -> Option<String> {
    match event {
        Event::Started { step, attempt, attempts, service, limit } => {
            let kind = if service { "service" } else { "step" };
            let number = if attempt > 1 { format!(" (attempt {attempt} of {attempts})") } else { String::new() };
            let limit = limit.map_or_else(String::new, |limit| format!(", limit {}", shown(limit)));
            Some(format!("{kind} {step}: started{number}{limit}"))
        }
        Event::Ready { step, after } => Some(format!("service {step}: ready after {}", short(after))),
        Event::Retrying { step, attempt, delay } => {
            let why = attempt.message.as_deref().unwrap_or("failed");
            let again = if delay.is_zero() { String::from("now") } else { format!("in {}", shown(delay)) };
            let took = duration(attempt.elapsed_ms);
            Some(format!("step {}: RETRY {took}: {why}; attempt {} {again}", step.name, attempt.number + 1))
        }
        Event::Cancelling { signal, force: false } => Some(format!("{signal}: ending what runs; once more uses force")),
        Event::Cancelling { signal, force: true } => Some(format!("{signal} again: using force")),
        Event::TimedOut { limit } => Some(format!("the plan reached its time limit of {}", shown(limit))),
        Event::Output { .. } | Event::Over { .. } | Event::Finished { .. } => None,
    }
}

/// The line for a step that has its verdict.
pub(super) fn over(step: &StepDocument, colour: Colour) -> String {
    let word = match step.verdict.as_str() {
        "passed" => "PASS",
        "flaky" => "FLAKY",
        "failed" => "FAIL",
        "cancelled" => "CANCELLED",
        "skipped" => "SKIP",
        other => other,
    };
    let word = match step.ok {
        Some(ok) if step.verdict != "skipped" => colour.verdict(ok, word),
        _ => String::from(word),
    };
    let took = if step.attempts.is_empty() { String::new() } else { format!(" {}", duration(step.elapsed_ms)) };
    let reason = step.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", output::printable(reason)));
    format!("{} {}: {word}{took}{reason}", step.kind, step.name)
}

/// What was left by steps that passed all the same.
pub(super) fn warnings(step: &StepDocument) -> Vec<String> {
    let mut lines = Vec::new();
    for attempt in &step.attempts {
        for process in attempt.leftovers() {
            let name = output::printable(&process.name);
            lines.push(format!("{} {}: left {} {name} behind: {}", step.kind, step.name, process.pid, process.detail));
        }
        for allowed in &attempt.allowed {
            let reason = output::printable(&allowed.reason);
            lines.push(format!("{} {}: {} may stay: {reason}", step.kind, step.name, output::printable(&allowed.name)));
        }
    }
    lines
}

/// What is known of a failed attempt: the tree as it stood, and what became of it.
pub(super) fn details(attempt: &AttemptDocument) -> Vec<String> {
    let mut lines = Vec::new();
    for (title, tree) in [("the tree at the limit:", &attempt.at_limit), ("what was left:", &attempt.left)] {
        if let Some(tree) = tree {
            lines.push(format!("  {title}"));
            let rows = rows(tree);
            lines.extend(rows.iter().take(MOST_ROWS).map(|row| format!("    {}", output::printable(row))));
            lines.extend((rows.len() > MOST_ROWS).then(|| format!("    and {} more", rows.len() - MOST_ROWS)));
        }
    }
    if let Some(kill) = attempt.run.as_ref().and_then(|run| run.kill.as_ref()) {
        lines.push(format!("  {}", kill.summary));
        let outcome = |process: &fell::document::OutcomeDocument| {
            format!("    {} {}: {}", process.pid, output::printable(&process.name), process.detail)
        };
        lines.extend(kill.processes.iter().take(MOST_ROWS).map(outcome));
    }
    lines
}

/// How to run a step again, with what it needs.
pub(super) fn again(step: &StepDocument, plan: Option<&std::path::Path>) -> String {
    let plan = plan.map_or_else(String::new, |plan| format!(" {}", output::printable(&plan.display().to_string())));
    format!("step {name}: to run it again: fell validate{plan} --only {name}", name = step.name)
}

/// A limit, as the plan would write it.
fn shown(time: Duration) -> String {
    humantime::format_duration(Duration::from_millis(fell::document::milliseconds(time))).to_string()
}

fn short(time: Duration) -> String {
    duration(fell::document::milliseconds(time))
}
