//! The old tools' own tests, run against fell under their names: GNU timeout's, dumb-init's, tini's.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use miette::{IntoDiagnostic, Result, WrapErr, miette};

use crate::{place, programs};

/// By which the script says that it can run nothing here.
const SKIPPED: i32 = 77;

/// Builds fell and runs the suites. Gives what is missing, if something is.
pub(crate) fn run() -> Result<Option<String>> {
    programs::build()?;
    let script = "scripts/peer-suites/run";
    let mut child = Command::new(place::root().join(script))
        .arg(programs::path("fell"))
        .arg(place::target().join("peer-suites"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .into_diagnostic()
        .wrap_err_with(|| format!("{script} does not start"))?;
    let mut last = String::new();
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        last = line.into_diagnostic()?;
        println!("{last}");
    }
    let status = child.wait().into_diagnostic()?;
    match status.code() {
        Some(0) => Ok(None),
        Some(SKIPPED) => Ok(Some(last.trim_start_matches("peer-suites: skipped: ").to_owned())),
        _ => Err(miette!("{script} ended with {status}")),
    }
}
