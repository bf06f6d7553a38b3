//! The end of a plan: a table, and one line.

use crate::output::{self, Align, Colour, Table};
use fell_plan::document::ValidateDocument;
use fell_plan::report::duration;

/// A row a step: verdict, time, attempts, leftovers, why.
pub(super) fn table(report: &ValidateDocument, colour: Colour) -> String {
    let mut table = Table::new(&[
        (colour.heading("STEP"), Align::Left),
        (colour.heading("VERDICT"), Align::Left),
        (colour.heading("TIME"), Align::Right),
        (colour.heading("TRIES"), Align::Right),
        (colour.heading("LEFT"), Align::Right),
        (colour.heading("WHY"), Align::Left),
    ]);
    for step in &report.steps {
        let left: usize = step.attempts.iter().map(|attempt| attempt.leftovers().count()).sum();
        let verdict = match step.ok {
            Some(ok) if step.verdict != "skipped" => colour.verdict(ok, &step.verdict),
            _ => step.verdict.clone(),
        };
        table.row(vec![
            step.name.clone(),
            verdict,
            duration(step.elapsed_ms),
            step.attempts.len().to_string(),
            left.to_string(),
            step.reason.as_deref().map_or_else(String::new, output::printable),
        ]);
    }
    table.to_string()
}

/// `plan release-gate: failed in 12.3s: 3 passed, 1 failed`.
pub(super) fn summary(report: &ValidateDocument) -> String {
    let counts = &report.counts;
    let counted: Vec<String> = [
        (counts.passed, "passed"),
        (counts.flaky, "flaky"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.skipped, "skipped"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let zombies = match report.zombies {
        Some(zombies @ 1..) => format!(", {zombies} zombies of fell itself"),
        _ => String::new(),
    };
    let took = duration(report.elapsed_ms);
    let counted = if counted.is_empty() { String::from("no steps") } else { counted.join(", ") };
    format!("plan {}: {} in {took}: {counted}{zombies}", report.plan, report.verdict)
}
