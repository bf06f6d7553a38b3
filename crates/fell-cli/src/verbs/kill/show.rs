//! What is told of a kill.

use super::Aim;
use crate::args::KillArgs;
use crate::failure::Failure;
use crate::output::{self, JsonLines};
use crate::verbs::release;
use fell::document::{EscapedDocument, KillDocument, OutcomeDocument, ProcessReference, TargetDocument};
use fell::escaped::Evidence;

/// Prints what became of all targets, or would.
///
/// # Errors
///
/// stdout can't be written to.
pub(super) fn report(args: &KillArgs, document: &KillDocument) -> Result<(), Failure> {
    if args.json {
        for target in &document.targets {
            for process in &target.processes {
                output::json(&Event { schema: KillDocument::SCHEMA, event: "process", process }, JsonLines::One)?;
            }
        }
        return output::json(document, JsonLines::One);
    }
    for target in &document.targets {
        if !args.common.quiet {
            processes(target, args.include_escaped)?;
        }
        if !args.common.quiet || target.clean == Some(false) {
            match document.targets.len() {
                1 => output::say(&target.summary),
                _ => output::say(format!("{}: {}", target.target, target.summary)),
            }
        }
    }
    if let Some(release) = document.released.as_ref().filter(|_| !args.common.quiet) {
        release::tell(release);
    }
    Ok(())
}

fn processes(target: &TargetDocument, include_escaped: bool) -> Result<(), Failure> {
    for process in &target.processes {
        output::result(line(process))?;
    }
    for EscapedDocument { process: ProcessReference { id: _, pid, name }, evidence, proven } in
        target.escaped.iter().flatten()
    {
        let fate =
            if *proven || include_escaped { "would be ended" } else { "would be kept without --include-escaped" };
        output::result(format!("{pid:>7}  {:<15}  {fate}: left the tree, {evidence}", output::printable(name)))?;
    }
    Ok(())
}

/// One of several lines of JSON before the report.
#[derive(serde::Serialize)]
struct Event<'a> {
    schema: &'static str,
    event: &'static str,
    #[serde(flatten)]
    process: &'a OutcomeDocument,
}

/// PID, name, outcome, time taken.
pub(in crate::verbs) fn line(process: &OutcomeDocument) -> String {
    let mut line = format!("{:>7}  {:<15}  {}", process.pid, output::printable(&process.name), process.detail);
    if let Some(after) = process.after_ms {
        line.push_str(&format!("  {after} ms"));
    }
    match process.uncollected_by {
        Some(parent) if process.outcome.as_deref() != Some("zombie") => {
            line.push_str(&format!("  (waits for its parent {parent} to collect it)"));
        }
        _ => {}
    }
    line
}

/// Says who seems to have left the trees and is kept.
pub(super) fn kept(aims: &[Aim]) {
    for escaped in aims.iter().flat_map(Aim::escaped).filter(|escaped| !matches!(escaped.evidence, Evidence::Mark(_))) {
        let (pid, name) = (escaped.info.pid(), &escaped.info.name);
        output::say(format!(
            "{pid} {name} is kept: it left the tree, and {}; --include-escaped ends it",
            escaped.evidence
        ));
    }
}
