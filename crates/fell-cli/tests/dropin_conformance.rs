//! The drop-ins side by side with the tools that they stand in for, where these are installed: the same exit code, the
//! same words on both streams, the same effect.
//!
//! Each line is run by a shell once with the real tool in front of PATH and once with fell. `FELL_PEER_TIMEOUT` and the
//! like name another real tool than the one in `/usr/bin`.

mod dropin_lines;

use dropin_lines::{DUMB_INIT, Like, Line, TIMEOUT, TINI};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn timeout() {
    compare("timeout", "FELL_PEER_TIMEOUT", TIMEOUT);
}

#[test]
fn tini() {
    compare("tini", "FELL_PEER_TINI", TINI);
}

#[test]
fn dumb_init() {
    compare("dumb-init", "FELL_PEER_DUMB_INIT", DUMB_INIT);
}

#[test]
fn there_are_enough_lines() {
    assert!(TIMEOUT.len() + TINI.len() + DUMB_INIT.len() >= 150);
}

fn compare(tool: &str, variable: &str, lines: &[Line]) {
    let real = std::env::var_os(variable).map_or_else(|| Path::new("/usr/bin").join(tool), PathBuf::from);
    if !real.exists() {
        eprintln!("SKIPPED: {} is not installed; {} lines of {tool} were not compared", real.display(), lines.len());
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let version = version(&real);
    let theirs = front(scratch.path(), "theirs", tool, &real);
    let ours = front(scratch.path(), "ours", tool, Path::new(env!("CARGO_BIN_EXE_fell")));
    let (mut wrong, mut left_out) = (Vec::new(), 0);
    for line in lines {
        if version < line.since {
            left_out += 1;
            continue;
        }
        let differs = || {
            let (expected, found) = (run(&theirs, line), run(&ours, line));
            (expected != found).then(|| format!("{}\n  theirs: {expected:?}\n  ours:   {found:?}", line.script))
        };
        // Once more: a line with a time in it can miss it on a busy machine.
        if let Some(difference) = differs().and_then(|_| differs()) {
            wrong.push(difference);
        }
    }
    if left_out > 0 {
        eprintln!("SKIPPED: {left_out} lines that {tool} {}.{} does not have", version.0, version.1);
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

/// A directory that holds nothing but the tool.
fn front(scratch: &Path, name: &str, tool: &str, target: &Path) -> PathBuf {
    let directory = scratch.join(name);
    fs::create_dir(&directory).unwrap();
    symlink(target, directory.join(tool)).unwrap();
    directory
}

/// The version of GNU timeout; the others have one that counts.
fn version(real: &Path) -> (u32, u32) {
    let output = Command::new(real).arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
    let mut parts = number.split('.').map(|part| part.parse().unwrap_or(0));
    match text.contains("coreutils") {
        true => (parts.next().unwrap_or(0), parts.next().unwrap_or(0)),
        false => (u32::MAX, 0),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    code: Option<i32>,
    signal: Option<i32>,
    out: Vec<String>,
    err: Vec<String>,
}

fn run(front: &Path, line: &Line) -> Seen {
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new("/bin/sh")
        .args(["-c", line.script])
        .env("PATH", format!("{}:/usr/bin:/bin", front.display()))
        .env("LC_ALL", "C")
        .env_remove("FELL_STRICT_TREE")
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .process_group(0)
        .output()
        .unwrap();
    let mut seen = Seen {
        code: output.status.code(),
        signal: output.status.signal(),
        out: lines_of(&output.stdout),
        err: lines_of(&output.stderr),
    };
    match line.like {
        Like::Letters => {}
        // Parent and child speak as they come.
        Like::AnyOrder => seen.err.sort(),
        Like::FirstLine => {
            seen.out.clear();
            seen.err.truncate(1);
        }
        Like::Code => {
            seen.out.clear();
            seen.err.clear();
        }
    }
    seen
}

/// Lines without the numbers that differ from run to run.
fn lines_of(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().filter(|line| !OF_THE_SHELL.contains(line)).map(without_pids).collect()
}

/// What the shell says of a job in the background that a signal has ended, if it sees that in time.
const OF_THE_SHELL: [&str; 6] =
    ["Terminated", "Killed", "Hangup", "Quit", "User defined signal 1", "User defined signal 2"];

fn without_pids(line: &str) -> String {
    let mut text = line.to_owned();
    for before in ["tini (", "pid '", "pid: '", "pid=", "PID "] {
        let Some(start) = text.find(before).map(|place| place + before.len()) else { continue };
        let length = text[start..].chars().take_while(char::is_ascii_digit).count();
        text.replace_range(start..start + length, "N");
    }
    text
}
