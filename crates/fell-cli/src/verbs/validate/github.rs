//! GitHub Actions: annotations, groups and the step summary.

use super::shown;
use crate::args::{GitHub, ValidateArgs};
use crate::output;
use fell_plan::Plan;
use fell_plan::document::{StepDocument, ValidateDocument};
use fell_plan::file;
use fell_plan::report::github;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::SystemTime;

/// A runner of GitHub Actions that listens.
pub(super) struct Actions {
    plan: String,
    summary: Option<PathBuf>,
}

impl Actions {
    /// `None` where nobody listens, or nobody is to be spoken to.
    pub(super) fn new(plan: &Plan, args: &ValidateArgs) -> Option<Actions> {
        let is_there = || std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        let is_wanted = match (args.github, plan.reports.github) {
            (Some(GitHub::On), _) | (None, file::GitHub::On) => true,
            (Some(GitHub::Off), _) | (None, file::GitHub::Off) => false,
            (Some(GitHub::Auto), _) | (None, file::GitHub::Auto) => is_there(),
        };
        let summary = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from);
        is_wanted.then(|| Actions { plan: plan.name.clone(), summary })
    }

    /// One annotation for a step that failed.
    pub(super) fn annotate(&self, step: &StepDocument) {
        if step.verdict != "skipped" && step.verdict != "cancelled" {
            print(&github::annotation(step, &self.plan));
        }
    }

    /// The output of a step in a group, without power over the runner.
    pub(super) fn output(&self, step: &str, title: &str, text: &str) {
        let quoted = quoted(shown::lines(text));
        print(&format!("{}\n{quoted}\n{}", github::group(&format!("step {step}: {title}")), github::END_GROUP));
    }

    /// What a step has just written, without power over the runner: behind its name, where it is not the only one.
    pub(super) fn output_live(&self, step: Option<&str>, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let prefix = step.map_or_else(String::new, |step| format!("{step} | "));
        print(&quoted(shown::lines(&text).map(|line| format!("{prefix}{line}"))));
    }

    /// Adds the summary of the plan.
    pub(super) fn add_summary(&self, document: &ValidateDocument) {
        if let Some(path) = &self.summary
            && let Err(error) = github::add_summary(path, document)
        {
            output::say(format!("the step summary {} can't be written: {error}", path.display()));
        }
    }
}

/// Lines between a word that stops the runner from obeying and one that lets it go on.
fn quoted(lines: impl Iterator<Item = String>) -> String {
    let lines = lines.collect::<Vec<_>>().join("\n");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let token = github::token(&lines, now ^ (u128::from(std::process::id()) << 64));
    github::quoted(&lines, &token)
}

/// The runner reads both streams; on this one, commands and lines keep their order.
fn print(text: &str) {
    // Whoever closed stderr does not want to know.
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}
