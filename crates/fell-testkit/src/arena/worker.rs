//! A process that plays games, one at a time, as it is told on its standard input.

use super::case::Case;
use super::cell;
use super::contestant::Contestant;
use super::play::{Player, TMPDIR};
use super::record::{Record, Verdict};
use super::warden::Warden;
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

/// What a worker is told first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Briefing {
    /// Its starter, without which it does not go on.
    pub(crate) starter: u32,
    /// The program under test.
    pub(crate) fell: PathBuf,
    /// Who takes part.
    pub(crate) contestants: Vec<Contestant>,
}

/// Plays what it is told until its standard input ends.
pub(crate) fn serve() -> io::Result<ExitCode> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut lines = io::stdin().lock().lines();
    let briefing: Briefing = match lines.next() {
        Some(line) => serde_json::from_str(&line?)?,
        None => return Ok(ExitCode::SUCCESS),
    };
    if rustix::process::getppid() != Pid::from_raw(briefing.starter as i32) {
        return Ok(ExitCode::FAILURE);
    }
    let warden = Warden::start(Command::spawn)?;
    // Everything that a game makes lies in here, so that the warden knows of it whenever this process is killed.
    let scratch = tempfile::Builder::new().prefix("fell-arena-").tempdir()?;
    let _watched = warden.watch_folder(scratch.path())?;
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))?;
    let temporary = std::env::var_os(TMPDIR);
    // SAFETY: this process has one thread.
    unsafe { std::env::set_var(TMPDIR, scratch.path()) };
    let mut missing = HashMap::new();
    for line in lines {
        let case: Case = serde_json::from_str(&line?)?;
        let record = match briefing.contestants.iter().find(|one| one.name == case.contestant) {
            Some(contestant) => {
                let lacks = missing.entry(contestant.name.clone()).or_insert_with(|| lacks(contestant));
                match lacks {
                    Some(what) => Record::new(case).not_played(Verdict::Skipped, format!("{what} is not installed")),
                    None => play(
                        case,
                        &Player { contestant, fell: &briefing.fell, warden: &warden, temporary: temporary.as_deref() },
                    ),
                }
            }
            None => Record::new(case).failed("nobody has that name"),
        };
        println!("{}", serde_json::to_string(&record)?);
        io::stdout().flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn play(case: Case, player: &Player<'_>) -> Record {
    if case.isolated && cell::is_permitted() {
        let game = case.clone();
        cell::play(move || player.play(game)).unwrap_or_else(|error| Record::new(case).failed(format!("cell: {error}")))
    } else {
        player.play(case)
    }
}

/// What a contestant needs and this user does not have.
fn lacks(contestant: &Contestant) -> Option<String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &str| {
        let permitted = rustix::fs::Access::EXEC_OK;
        std::env::split_paths(&folders).any(|folder| rustix::fs::access(folder.join(program), permitted).is_ok())
    };
    if let Some(program) = contestant.requires.iter().find(|program| !is_there(program)) {
        return Some(program.clone());
    }
    let module = contestant.module.as_ref()?;
    let mut python = Command::new("python3");
    python.args(["-c", &format!("import {module}")]).stdin(Stdio::null()).stderr(Stdio::null());
    let imported = python.status().is_ok_and(|status| status.success());
    (!imported).then(|| format!("Python's {module}"))
}
