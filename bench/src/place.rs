//! Where the measured programs are, and what else a measurement needs to know.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use miette::{IntoDiagnostic, Result, WrapErr, miette};

/// The priority under `SCHED_FIFO`, where that is permitted.
const PRIORITY: u32 = 5;

/// The folders and the means of this run.
#[derive(Clone)]
pub(crate) struct Place {
    programs: PathBuf,
    root: PathBuf,
    /// Of `SCHED_FIFO`; 0 is the ordinary scheduling.
    pub(crate) priority: u32,
    /// Rounds of what is quick to measure.
    pub(crate) rounds: u32,
    /// Rounds of what is slow.
    pub(crate) slow_rounds: u32,
    /// Fewer sizes, too.
    pub(crate) quick: bool,
}

impl Place {
    /// `programs` holds fell and the floors; `root` is the workspace's.
    pub(crate) fn new(programs: &Path, root: &Path, rounds: Option<u32>, quick: bool) -> Result<Place> {
        let rounds = rounds.unwrap_or(if quick { 11 } else { 101 }).max(1);
        let slow_rounds = (rounds / 15).max(3);
        let mut place =
            Place { programs: programs.into(), root: root.into(), priority: PRIORITY, rounds, slow_rounds, quick };
        for name in ["fell", "stopwatch", "herd"] {
            if !place.programs.join(name).is_file() {
                return Err(miette!("{} holds no {name}", programs.display()));
            }
        }
        let is_permitted = Command::new(place.program("stopwatch"))
            .args(["0", &PRIORITY.to_string()])
            .status()
            .into_diagnostic()?
            .success();
        if !is_permitted {
            place.priority = 0;
        }
        Ok(place)
    }

    /// The same with other numbers of rounds.
    pub(crate) fn with_rounds(&self, rounds: u32, slow_rounds: u32) -> Place {
        Place { rounds, slow_rounds, ..self.clone() }
    }

    /// One of the programs that were built for this.
    pub(crate) fn program(&self, name: &str) -> String {
        self.programs.join(name).to_string_lossy().into_owned()
    }

    /// A script beside this program's source.
    pub(crate) fn script(&self, name: &str) -> String {
        self.root.join("bench/peers").join(name).to_string_lossy().into_owned()
    }

    /// Where a file of the results goes.
    pub(crate) fn document(&self, name: &str) -> PathBuf {
        self.root.join("docs").join(name)
    }
}

/// Whether this command can be run and succeeds.
pub(crate) fn passes(words: &[&str]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The first line of what a command prints.
pub(crate) fn first_line(words: &[&str]) -> Result<String> {
    let (program, arguments) = words.split_first().ok_or_else(|| miette!("no command"))?;
    let output =
        Command::new(program).args(arguments).output().into_diagnostic().wrap_err_with(|| format!("{program}"))?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned())
}
