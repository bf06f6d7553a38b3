//! The report in Markdown.

use super::junit::rows;
use super::{duration, text::shortened};
use crate::document::{AttemptDocument, StepDocument, ValidateDocument};
use crate::output::tail;
use std::fmt::Write as _;
use std::path::Path;

/// How much of a failed step's output is shown.
const TAIL_LINES: usize = 40;
const TAIL_BYTES: u64 = 8 * 1024;

/// The report in Markdown.
pub fn markdown(document: &ValidateDocument) -> String {
    let mut text = head(document);
    for step in document.steps.iter().filter(|step| step.ok == Some(false)) {
        text.push_str(&section(step));
    }
    text
}

/// The report in Markdown within so many bytes: failures that have no room are left out, and said to be.
pub fn summary(document: &ValidateDocument, most: usize) -> String {
    let mut text = head(document);
    let reserve = 200;
    let failed = document.steps.iter().filter(|step| step.ok == Some(false));
    let mut left_out = 0_usize;
    for section in failed.map(section) {
        if text.len() + section.len() + reserve <= most {
            text.push_str(&section);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        text.push_str(&format!("\n{left_out} more failed; there is no room here for their details.\n"));
    }
    if text.len() > most {
        let end = (0..=most.saturating_sub(reserve)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n\nThere is no room here for the rest.\n");
    }
    text
}

fn head(document: &ValidateDocument) -> String {
    let counts = &document.counts;
    let mut text = format!("## {}: {}\n\n", inline(&document.plan), document.verdict);
    let mut counted = Vec::new();
    for (count, word) in [
        (counts.passed, "passed"),
        (counts.flaky, "flaky"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.skipped, "skipped"),
        (counts.pending, "not over"),
    ] {
        if count > 0 {
            counted.push(format!("{count} {word}"));
        }
    }
    let shard = document.shard.as_ref().map_or_else(String::new, |shard| format!(", shard {shard}"));
    text.push_str(&format!("{} in {}{shard}.\n\n", counted.join(", "), duration(document.elapsed_ms)));
    text.push_str("| step | verdict | time | attempts | left behind | why |\n|---|---|---|---|---|---|\n");
    for step in &document.steps {
        let left: usize = step.attempts.iter().map(|attempt| attempt.leftovers().count()).sum();
        let row = format!(
            "| {} | {} | {} | {} | {left} | {} |\n",
            inline(&step.name),
            step.verdict,
            duration(step.elapsed_ms),
            step.attempts.len(),
            step.reason.as_deref().map_or_else(String::new, inline)
        );
        text.push_str(&row);
    }
    text
}

fn section(step: &StepDocument) -> String {
    let mut text =
        format!("\n### {}: {}\n", inline(&step.name), inline(step.reason.as_deref().unwrap_or(&step.verdict)));
    if let Some(attempt) = step.attempts.last() {
        details(&mut text, attempt);
    }
    text
}

fn details(text: &mut String, attempt: &AttemptDocument) {
    for (title, tree) in [("The tree at the limit", &attempt.at_limit), ("What was left", &attempt.left)] {
        if let Some(tree) = tree {
            block(text, title, &rows(tree).join("\n"));
        }
    }
    if let Some(kill) = attempt.run.as_ref().and_then(|run| run.kill.as_ref()) {
        let lines: Vec<String> = kill
            .processes
            .iter()
            .take(256)
            .map(|process| format!("{} {}: {}", process.pid, process.name, process.detail))
            .collect();
        block(text, &kill.summary, &lines.join("\n"));
    }
    let (end, is_cut) = tail(Path::new(&attempt.output), TAIL_LINES, TAIL_BYTES);
    let title = if is_cut {
        format!("The end of its output; all of it is in {}", attempt.output)
    } else {
        String::from("Its output")
    };
    block(text, &title, &end);
}

fn block(text: &mut String, title: &str, body: &str) {
    if body.is_empty() {
        return;
    }
    // The fence is longer than any that the body may hold.
    let fence = "`".repeat(longest_run(body).max(2) + 1);
    let body: String = body.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect();
    // Writing to a text does not fail.
    write!(text, "\n{}:\n\n{fence}text\n{body}\n{fence}\n", inline(title)).unwrap_or_default();
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

/// A text for one line of Markdown, without meaning of its own there.
fn inline(text: &str) -> String {
    let mut shown = String::new();
    for letter in shortened(text, 300).chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' => {
                shown.push('\\');
                shown.push(letter);
            }
            _ if letter.is_control() => shown.push(' '),
            _ => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_place() {
        assert_eq!(inline("a|b\n<c>"), "a\\|b \\<c\\>");
        let mut text = String::new();
        block(&mut text, "x", "a ```` b");
        assert_eq!(text, "\nx:\n\n`````text\na ```` b\n`````\n");
    }
}
