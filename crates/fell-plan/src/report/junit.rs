//! JUnit XML in the dialect that Jenkins reads: a test case a step that is over.

use super::xml_text;
use crate::document::{AttemptDocument, StepDocument, ValidateDocument};
use crate::output::tail;
use fell::document::DumpDocument;
use quick_junit::{FlakyOrRerun, NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How much of a step's output is in the report: its end.
const MOST_BYTES: u64 = 64 * 1024;
const MOST_LINES: usize = 1000;

/// The report as JUnit XML.
///
/// # Errors
///
/// It can't be put into XML.
pub fn junit(document: &ValidateDocument) -> io::Result<String> {
    let mut suite = TestSuite::new(&*xml_text(&document.plan));
    suite.set_time(Duration::from_millis(document.elapsed_ms));
    suite.extra.insert("timestamp".into(), without_zone(&document.started_at).into());
    suite.add_property(("verdict", document.verdict.as_str()));
    if let Some(shard) = &document.shard {
        suite.add_property(("shard", shard.as_str()));
    }
    suite.add_test_cases(document.steps.iter().filter(|step| step.ok.is_some()).map(|step| case(step, document)));
    let mut report = Report::new(&*xml_text(&document.plan));
    report.set_time(Duration::from_millis(document.elapsed_ms));
    report.add_test_suite(suite);
    report.to_string().map(|text| strict(&text)).map_err(io::Error::other)
}

/// The schema of Jenkins's xUnit plug-in (junit-10.xsd) knows no `skipped` of `testsuites`.
fn strict(text: &str) -> String {
    let tag = text.find("<testsuites ").and_then(|start| Some(start..start + text.get(start..)?.find('>')?));
    let Some(tag) = tag else { return String::from(text) };
    let head = &text[tag.clone()];
    // No value of an attribute holds a bare quote.
    let Some((before, rest)) = head.split_once(" skipped=\"") else { return String::from(text) };
    let Some((_, after)) = rest.split_once('"') else { return String::from(text) };
    format!("{}{before}{after}{}", &text[..tag.start], &text[tag.end..])
}

/// `xs:dateTime` as Ant writes it.
fn without_zone(time: &str) -> &str {
    time.split(['.', 'Z']).next().unwrap_or(time)
}

fn case(step: &StepDocument, document: &ValidateDocument) -> TestCase {
    let mut case = TestCase::new(&*xml_text(&step.name), status(step));
    case.set_classname(&*xml_text(&document.plan));
    case.set_time(Duration::from_millis(step.elapsed_ms));
    if let Some(attempt) = step.attempts.last()
        && step.ok == Some(false)
    {
        let output = output(attempt);
        if !output.is_empty() {
            case.set_system_out(&*xml_text(&output));
        }
    }
    case
}

fn status(step: &StepDocument) -> TestCaseStatus {
    let reason = step.reason.as_deref().unwrap_or(&step.verdict);
    let (last, earlier) = match step.attempts.split_last() {
        Some((last, earlier)) => (Some(last), earlier),
        None => (None, &[][..]),
    };
    let mut status = match (step.ok, step.verdict.as_str()) {
        (_, "skipped") => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(&*xml_text(reason));
            return status;
        }
        (Some(true), _) => TestCaseStatus::success(),
        _ => {
            let failure = step.failure.as_deref().unwrap_or(&step.verdict);
            let mut status = TestCaseStatus::non_success(kind(failure));
            status.set_type(failure);
            status.set_message(&*xml_text(reason));
            if let Some(attempt) = last {
                status.set_description(&*xml_text(&description(attempt)));
            }
            status
        }
    };
    for attempt in earlier {
        status.add_rerun(rerun(attempt));
    }
    if step.verdict == "flaky" && step.ok == Some(false) {
        status.set_rerun_kind(FlakyOrRerun::Flaky);
    }
    status
}

fn kind(failure: &str) -> NonSuccessKind {
    if failure == "error" { NonSuccessKind::Error } else { NonSuccessKind::Failure }
}

fn rerun(attempt: &AttemptDocument) -> TestRerun {
    let failure = attempt.failure.as_deref().unwrap_or(&attempt.result);
    let mut rerun = TestRerun::new(kind(failure));
    rerun.set_type(failure);
    if let Some(message) = &attempt.message {
        rerun.set_message(&*xml_text(message));
    }
    rerun.set_stack_trace(&*xml_text(&description(attempt)));
    rerun.set_system_out(&*xml_text(&output(attempt)));
    rerun
}

fn output(attempt: &AttemptDocument) -> String {
    let (text, is_cut) = tail(Path::new(&attempt.output), MOST_LINES, MOST_BYTES);
    if is_cut { format!("[all {} bytes are in {}]\n{text}", attempt.output_bytes, attempt.output) } else { text }
}

/// What is known of a failure, in lines.
fn description(attempt: &AttemptDocument) -> String {
    let mut text = String::new();
    let mut line = |what: std::fmt::Arguments<'_>| {
        // Writing to a text does not fail.
        writeln!(text, "{what}").unwrap_or_default();
    };
    if let Some(message) = &attempt.message {
        line(format_args!("attempt {}: {message}", attempt.number));
    }
    for (title, tree) in [("the tree at the limit:", &attempt.at_limit), ("what was left:", &attempt.left)] {
        if let Some(tree) = tree {
            line(format_args!("{title}"));
            for row in rows(tree) {
                line(format_args!("  {row}"));
            }
        }
    }
    if let Some(kill) = attempt.run.as_ref().and_then(|run| run.kill.as_ref()) {
        line(format_args!("{}", kill.summary));
        for process in kill.processes.iter().take(MOST_LINES) {
            line(format_args!("  {} {}: {}", process.pid, process.name, process.detail));
        }
    }
    line(format_args!("output: {} ({} bytes)", attempt.output, attempt.output_bytes));
    text
}

/// What is known of a tree, in lines.
pub fn rows(tree: &DumpDocument) -> Vec<String> {
    tree.lines()
}
