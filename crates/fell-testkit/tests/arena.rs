//! The adversary suite judges right, and leaves nothing.

use rustix::process::{Pid, PidfdFlags, Signal};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn arena(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fell-arena"));
    command.args(words).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn survivors_are_counted_against_a_contestant() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let (json, markdown) = (folder.path().join("a.json"), folder.path().join("a.md"));
    let output = arena(&["--contestants", "timeout", "--must-win", "timeout", "--only", "plain,full-daemon"])
        .args(["--modes", "run,kill", "--json"])
        .arg(&json)
        .arg("--markdown")
        .arg(&markdown)
        .output()
        .expect("runs");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("lost: timeout: full-daemon in run: 1 survived: daemon ("), "{said}");
    assert!(said.contains("repeat: fell-arena --contestants timeout --only full-daemon --modes run"), "{said}");
    assert!(said.contains("1 passed, 1 failed (timeout)"), "{said}");
    let document: serde_json::Value = serde_json::from_slice(&fs::read(json).expect("is written")).expect("is JSON");
    let verdicts: Vec<_> =
        document["records"].as_array().expect("is a list").iter().map(|one| one["verdict"].as_str()).collect();
    assert_eq!(verdicts, [Some("passed"), Some("not-applicable"), Some("lost"), Some("not-applicable")]);
    assert!(fs::read_to_string(markdown).expect("is written").contains("| full-daemon | `S-` |"));
}

#[test]
fn innocents_and_grace_are_counted_too() {
    let rough = "rough=sh -c 'kill -KILL {pid}'";
    let group = "group=sh -c 'kill -s TERM -- -$(ps -o pgid= -p {pid} | tr -d \" \")'";
    let output = arena(&["--contestant", rough, "--contestant", group, "--contestants", "rough,group"])
        .args(["--must-win", "rough,group", "--only", "graceful", "--modes", "kill,kill-shared"])
        .output()
        .expect("runs");
    let said = text(&output);
    assert!(said.contains("lost: rough: graceful in kill: 0 of 1 cleaned up"), "{said}");
    assert!(!said.contains("lost: group: graceful in kill:"), "{said}");
    assert!(said.contains("lost: group: graceful in kill-shared: innocents: "), "{said}");
}

#[test]
fn a_contestant_that_refuses_is_no_winner() {
    let output = arena(&["--contestant", "none=false {cmd}", "--contestants", "none", "--must-win", "none"])
        .args(["--only", "plain", "--modes", "run,cancel"])
        .output()
        .expect("runs");
    let said = text(&output);
    assert!(said.contains("0 passed, 2 failed (none)"), "{said}");
}

#[test]
fn games_can_be_played_in_cells() {
    let output = arena(&["--contestants", "timeout", "--must-win", "timeout", "--only", "wide", "--modes", "run"])
        .args(["--isolate", "always"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn nothing_remains_when_the_suite_is_killed() {
    // All scratch folders of the suite lie here; each is removed after its tree was ended.
    let folder = tempfile::tempdir().expect("makes a folder");
    let mut child = arena(&["--contestants", "timeout", "--only", "wide,full-daemon,ignore-term", "--verbose"])
        .args(["--modes", "run,leftover,crash", "--jobs", "2"])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("spawns");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("is piped")).read_line(&mut line).expect("reads");
    assert!(fs::read_dir(folder.path()).expect("is there").count() > 0, "a game is on after {line:?}");
    let pid = Pid::from_raw(child.id() as i32).expect("not 0");
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).expect("is ours");
    rustix::process::pidfd_send_signal(&pidfd, Signal::KILL).expect("is ours");
    child.wait().expect("is ours");
    let end = Instant::now() + Duration::from_secs(20);
    while fs::read_dir(folder.path()).expect("is there").count() > 0 {
        assert!(Instant::now() < end, "left: {:?}", fs::read_dir(folder.path()).expect("is there").collect::<Vec<_>>());
        let nap = rustix::time::Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        rustix::event::poll(&mut [], Some(&nap)).expect("waits");
    }
}

#[test]
fn wrong_command_lines_are_refused() {
    for line in [
        &["--only", "none"][..],
        &["--only", "bystander"],
        &["--modes", "none"],
        &["--contestants", "none"],
        &["--contestants", "timeout@who"],
        &["--contestant", "x=y"],
        &["--rounds", "0"],
    ] {
        assert_eq!(arena(line).output().expect("runs").status.code(), Some(2), "{line:?}");
    }
}
