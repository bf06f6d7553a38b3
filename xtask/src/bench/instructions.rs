//! Instruction counts of the hot paths, which are the same on a loaded machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use miette::{IntoDiagnostic, Result, WrapErr, miette};

use crate::place;

/// By how much a path may grow before it is refused.
const TOLERANCE: f64 = 0.05;
/// The paths, as `bench/src/bin/paths.rs` names them; counted in its function `counted` alone.
const PATHS: &[&str] = &["parse", "look", "kill"];
/// A whole run, of which fell's first process is counted.
const SPAWN: &str = "spawn";

/// Counts, and compares with the committed counts or writes them.
pub(super) fn run(programs: &Path, accept: bool) -> Result<()> {
    if place::in_path("valgrind").is_none() {
        return Err(miette!("valgrind is missing; on Debian: apt-get install valgrind"));
    }
    let mut counts = BTreeMap::new();
    for path in PATHS {
        counts.insert((*path).to_owned(), count(programs, "paths", &[path], Some("--toggle-collect=*counted*"))?);
    }
    let nothing = programs.join("nothing").to_string_lossy().into_owned();
    counts.insert(SPAWN.to_owned(), count(programs, "fell", &["run", "--", &nothing], None)?);
    let compiler = compiler()?;
    if accept {
        let mut text = format!(
            "# Instructions of the hot paths, by callgrind; `cargo xtask bench --accept` writes this.\ncompiler {compiler}\n"
        );
        for (path, count) in &counts {
            writeln!(text, "{path} {count}").into_diagnostic()?;
        }
        return fs::write(file(), text).into_diagnostic();
    }
    let committed = Committed::read(&fs::read_to_string(file()).into_diagnostic().wrap_err("bench/instructions")?)?;
    if committed.compiler != compiler {
        println!("bench: the committed counts are of {}, this is {compiler}: nothing to compare", committed.compiler);
        return Ok(());
    }
    let mut grown = Vec::new();
    for (path, count) in &counts {
        let before = *committed.counts.get(path).ok_or_else(|| miette!("bench/instructions has no {path}"))?;
        let change = *count as f64 / before as f64 - 1.0;
        println!("bench: {path:<6} {count:>10} instructions, {:+.1} %", change * 100.0);
        if change > TOLERANCE {
            grown.push(path.as_str());
        }
    }
    match grown.as_slice() {
        [] => Ok(()),
        grown => Err(miette!(
            "more than {} % more instructions: {}; if that is right, say why in the commit, and: cargo xtask bench --accept",
            TOLERANCE * 100.0,
            grown.join(", ")
        )),
    }
}

fn file() -> PathBuf {
    place::root().join("bench/instructions")
}

/// The instructions of a program's first process; `only` narrows them to a function.
fn count(programs: &Path, program: &str, arguments: &[&str], only: Option<&str>) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(only)
        .arg(programs.join(program))
        .args(arguments)
        // The environment is on the path: the same everywhere, the counts are, too.
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/");
    let child = command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .into_diagnostic()?;
    let pid = child.id();
    let Output { status, stderr, .. } = child.wait_with_output().into_diagnostic()?;
    let text = String::from_utf8_lossy(&stderr);
    if !status.success() {
        return Err(miette!("{program} {} ended with {status} below valgrind:\n{text}", arguments.join(" ")));
    }
    collected(&text, pid).ok_or_else(|| miette!("valgrind told no count of {program}:\n{text}"))
}

/// What callgrind says of the process with this PID: `==4711== Collected : 12345`.
fn collected(text: &str, pid: u32) -> Option<u64> {
    let begin = format!("=={pid}== Collected : ");
    text.lines().find_map(|line| line.strip_prefix(&begin))?.trim().parse().ok()
}

fn compiler() -> Result<String> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version").output();
    let text = output.into_diagnostic()?.stdout;
    Ok(String::from_utf8_lossy(&text).split(' ').nth(1).unwrap_or("unknown").to_owned())
}

/// The committed counts.
struct Committed {
    compiler: String,
    counts: BTreeMap<String, u64>,
}

impl Committed {
    fn read(text: &str) -> Result<Committed> {
        let mut compiler = None;
        let mut counts = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line.split_once(' ') {
                Some(("compiler", version)) => compiler = Some(version.to_owned()),
                Some((path, count)) => {
                    counts.insert(path.to_owned(), count.parse().into_diagnostic().wrap_err_with(|| line.to_owned())?);
                }
                None => return Err(miette!("bench/instructions: {line:?} makes no sense")),
            }
        }
        Ok(Committed { compiler: compiler.ok_or_else(|| miette!("bench/instructions names no compiler"))?, counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_the_first_process_is_taken() {
        let text = "==12== Collected : 5\n==7== \n==7== Collected : 1234\n==7== Events    : Ir\n";
        assert_eq!(collected(text, 7), Some(1234));
        assert_eq!(collected(text, 1), None);
    }

    #[test]
    fn the_committed_counts_are_of_every_path() {
        let committed = Committed::read(&fs::read_to_string(file()).unwrap()).unwrap();
        let paths: Vec<&str> = committed.counts.keys().map(String::as_str).collect();
        let mut wanted = [PATHS, &[SPAWN]].concat();
        wanted.sort_unstable();
        assert_eq!(paths, wanted);
    }
}
