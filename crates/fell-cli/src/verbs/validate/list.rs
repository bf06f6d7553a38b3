//! `fell validate --list` and `--dry-run`.

use crate::args::ValidateArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Align, JsonLines, Table};
use fell_plan::{Plan, Sign, Step};
use serde::Serialize;
use std::time::Duration;

/// A plan that is not run.
#[derive(Debug, Serialize)]
struct Listing<'a> {
    schema: &'static str,
    event: &'static str,
    plan: &'a str,
    jobs: usize,
    timeout_ms: Option<u64>,
    steps: Vec<Row<'a>>,
    deselected: &'a [String],
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    kind: &'static str,
    needs: Vec<&'a str>,
    always: bool,
    /// The earliest round in which it may run, from 1.
    round: usize,
    command: Vec<String>,
    dir: String,
    timeout_ms: Option<u64>,
    idle_timeout_ms: Option<u64>,
    retries: u32,
}

/// Prints the steps.
///
/// # Errors
///
/// stdout can't be written to.
pub(super) fn list(plan: &Plan, args: &ValidateArgs) -> Result<Exit, Failure> {
    if args.json {
        output::json(&listing(plan), JsonLines::One)?;
        return Ok(Exit::Success);
    }
    let colour = output::choose(args.common.color);
    let headings = ["STEP", "KIND", "NEEDS", "LIMIT", "COMMAND"];
    let mut table = Table::new(&headings.map(|heading| (colour.heading(heading), Align::Left)));
    for step in &plan.steps {
        table.row(vec![
            step.name.clone(),
            String::from(kind(step)),
            needs(step, plan).join(", "),
            shown(step.timeout),
            output::printable(&fell::redact::redact(&step.command).join(" ")),
        ]);
    }
    output::result(table)?;
    Ok(Exit::Success)
}

/// Prints what would be run, and in which order.
///
/// # Errors
///
/// stdout can't be written to.
pub(super) fn dry_run(plan: &Plan, args: &ValidateArgs) -> Result<Exit, Failure> {
    let listing = listing(plan);
    if args.json {
        output::json(&listing, JsonLines::One)?;
        return Ok(Exit::Success);
    }
    output::result(format!(
        "plan {}: {} steps, at most {} at once, limit {}",
        output::printable(&plan.name),
        plan.steps.len(),
        plan.jobs,
        shown(plan.timeout)
    ))?;
    let last = listing.steps.iter().map(|row| row.round).max().unwrap_or(0);
    for round in 1..=last {
        for (row, step) in listing.steps.iter().zip(&plan.steps).filter(|(row, _)| row.round == round) {
            let command = output::printable(&row.command.join(" "));
            output::result(format!("{round:>3}  {}: {command}{}", row.name, terms(step)))?;
        }
    }
    Ok(Exit::Success)
}

fn terms(step: &Step) -> String {
    let mut terms = Vec::new();
    if let Some(limit) = step.timeout {
        terms.push(format!("limit {}", shown(Some(limit))));
    }
    if let Some(limit) = step.idle_timeout {
        terms.push(format!("silence {}", shown(Some(limit))));
    }
    if step.retries.count > 0 {
        terms.push(format!("retries {}", step.retries.count));
    }
    match step.service.as_ref().map(|readiness| &readiness.sign) {
        Some(Sign::Started) => terms.push(String::from("service")),
        Some(Sign::Log(text)) => terms.push(format!("service, ready at output {text:?}")),
        Some(Sign::Port(port)) => terms.push(format!("service, ready at port {port}")),
        Some(Sign::Command(command)) => terms.push(format!("service, ready when {} succeeds", command.join(" "))),
        None => {}
    }
    if step.always {
        terms.push(String::from("always"));
    }
    if terms.is_empty() { String::new() } else { output::printable(&format!("  ({})", terms.join(", "))) }
}

fn listing(plan: &Plan) -> Listing<'_> {
    let rounds = rounds(plan);
    let rows = plan.steps.iter().zip(rounds).map(|(step, round)| Row {
        name: &step.name,
        kind: kind(step),
        needs: needs(step, plan),
        always: step.always,
        round,
        command: fell::redact::redact(&step.command),
        dir: step.dir.display().to_string(),
        timeout_ms: step.timeout.map(fell::document::milliseconds),
        idle_timeout_ms: step.idle_timeout.map(fell::document::milliseconds),
        retries: step.retries.count,
    });
    Listing {
        schema: "fell/validate/1",
        event: "plan",
        plan: &plan.name,
        jobs: plan.jobs,
        timeout_ms: plan.timeout.map(fell::document::milliseconds),
        steps: rows.collect(),
        deselected: &plan.deselected,
    }
}

/// The earliest round in which each step may run: one after the last of those that it needs.
fn rounds(plan: &Plan) -> Vec<usize> {
    let mut rounds = vec![1_usize; plan.steps.len()];
    // There is no ring, so each pass settles one more round at least.
    for _ in 0..plan.steps.len() {
        for (index, step) in plan.steps.iter().enumerate() {
            let after = step.needs.iter().map(|need| rounds[*need] + 1).max().unwrap_or(1);
            rounds[index] = after;
        }
    }
    let others = plan.steps.iter().zip(&rounds).filter(|(step, _)| !step.always).map(|(_, round)| *round);
    let last = others.max().unwrap_or(0) + 1;
    for (round, step) in rounds.iter_mut().zip(&plan.steps) {
        if step.always && step.needs.is_empty() {
            *round = last;
        }
    }
    rounds
}

fn kind(step: &Step) -> &'static str {
    match (&step.service, step.always) {
        (Some(_), _) => "service",
        (None, true) => "always",
        (None, false) => "step",
    }
}

fn needs<'a>(step: &Step, plan: &'a Plan) -> Vec<&'a str> {
    step.needs.iter().map(|need| plan.steps[*need].name.as_str()).collect()
}

fn shown(limit: Option<Duration>) -> String {
    limit.map_or_else(|| String::from("-"), |limit| humantime::format_duration(limit).to_string())
}
