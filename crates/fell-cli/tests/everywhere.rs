//! What the command line owes on every system. The victims are this very program, started again as the ignored test
//! `victim`.

use fell::init::pause;
use fell::{Pid, ProcessId, State, look};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Where a victim tells that it is there, and how many children it is to start.
const PLACE: &str = "FELL_EVERYWHERE_PLACE";
const CHILDREN: &str = "FELL_EVERYWHERE_CHILDREN";
/// The code that a victim ends with at once, if it is set.
const CODE: &str = "FELL_EVERYWHERE_CODE";
const LIFE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(30);

/// The words that start this program as a victim.
fn victim_words() -> Vec<std::ffi::OsString> {
    let own = std::env::current_exe().unwrap().into_os_string();
    [own].into_iter().chain(["victim", "--exact", "--ignored", "--nocapture"].map(Into::into)).collect()
}

#[test]
#[ignore = "a victim of the other tests"]
fn victim() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let place = Path::new(&place);
    let children: u32 = std::env::var(CHILDREN).unwrap().parse().unwrap();
    let [own, words @ ..] = &victim_words()[..] else { return };
    for _ in 0..children {
        let mut child = Command::new(own);
        child.args(words).env(CHILDREN, "0").env_remove(CODE);
        drop(child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }
    std::fs::write(place.join(std::process::id().to_string()), "").unwrap();
    if let Ok(code) = std::env::var(CODE) {
        wait_for(place, 1 + usize::try_from(children).unwrap());
        std::process::exit(code.parse().unwrap());
    }
    let began = Instant::now();
    while began.elapsed() < LIFE && place.exists() {
        pause(Duration::from_millis(100));
    }
}

fn fell(place: &Path, children: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fell"));
    command.env(PLACE, place).env(CHILDREN, children.to_string()).stdin(Stdio::null());
    command
}

fn wait_for(place: &Path, count: usize) -> Vec<ProcessId> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let names = std::fs::read_dir(place).unwrap().flatten();
        let pids: Vec<Pid> = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        if pids.len() >= count {
            let table = look();
            return pids.iter().filter_map(|pid| Some(table.row(*pid)?.id)).collect();
        }
        assert!(Instant::now() < deadline, "{} of {count} came", pids.len());
        pause(Duration::from_millis(10));
    }
}

fn wait_until_gone(victims: &[ProcessId]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let table = look();
        let lives = |id: &&ProcessId| {
            let row = table.row(id.pid).filter(|row| row.state != State::Zombie);
            row.is_some_and(|row| row.id.compare(id) == fell::Sameness::Same)
        };
        let living: Vec<_> = victims.iter().filter(lives).collect();
        if living.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "still alive: {living:?}");
        pause(Duration::from_millis(10));
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn the_commands_own_code_comes_through_and_nothing_is_left() {
    let place = tempfile::tempdir().unwrap();
    let output =
        fell(place.path(), 1).env(CODE, "7").args(["run", "-g", "0", "--"]).args(victim_words()).output().unwrap();
    assert_eq!(code(&output), Some(7), "{output:?}");
    assert_eq!(look().rows.iter().filter(|row| is_ours(place.path(), row.pid())).count(), 0);
}

fn is_ours(place: &Path, pid: Pid) -> bool {
    place.join(pid.to_string()).exists() && look().row(pid).is_some_and(|row| row.state != State::Zombie)
}

#[test]
fn a_time_limit_is_124_and_ends_the_tree() {
    let place = tempfile::tempdir().unwrap();
    let words = ["run", "--timeout", "3s", "--grace", "0", "--"];
    let began = Instant::now();
    let output = fell(place.path(), 3).args(words).args(victim_words()).output().unwrap();
    assert_eq!(code(&output), Some(124), "{output:?}");
    assert!(began.elapsed() >= Duration::from_secs(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("time limit"), "{output:?}");
    assert_eq!(look().rows.iter().filter(|row| is_ours(place.path(), row.pid())).count(), 0);
}

#[test]
fn what_is_not_there_is_127() {
    let place = tempfile::tempdir().unwrap();
    let output = fell(place.path(), 0).args(["run", "--", "no-such-program-here"]).output().unwrap();
    assert_eq!(code(&output), Some(127), "{output:?}");
    let output = fell(place.path(), 0).args(["run"]).output().unwrap();
    assert_eq!(code(&output), Some(125), "{output:?}");
}

#[test]
fn a_tree_that_runs_is_shown_and_felled() {
    let place = tempfile::tempdir().unwrap();
    let [own, words @ ..] = &victim_words()[..] else { panic!() };
    let mut root = Command::new(own);
    root.args(words).env(PLACE, place.path()).env(CHILDREN, "3").stdin(Stdio::null()).stdout(Stdio::null());
    let mut root = root.stderr(Stdio::null()).spawn().unwrap();
    let victims = wait_for(place.path(), 4);
    let pid = root.id().to_string();
    let output = fell(place.path(), 0).args(["tree", "--json", &pid]).output().unwrap();
    assert_eq!(code(&output), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"total_count\":"), "{output:?}");
    let output = fell(place.path(), 0).args(["kill", "--grace", "0", &pid]).output().unwrap();
    assert_eq!(code(&output), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("felled 4 of 4"), "{output:?}");
    wait_until_gone(&victims);
    root.wait().unwrap();
    let output = fell(place.path(), 0).args(["kill", &pid]).output().unwrap();
    assert_eq!(code(&output), Some(0), "{output:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "fell alone is to be ended, and its handle is held")]
fn nothing_outlives_fell_when_it_is_killed() {
    let place = tempfile::tempdir().unwrap();
    let mut command = fell(place.path(), 3);
    command.args(["run", "--"]).args(victim_words()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let victims = wait_for(place.path(), 4);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until_gone(&victims);
}

#[test]
fn every_look_is_a_document() {
    let place = tempfile::tempdir().unwrap();
    for (verb, codes) in [("doctor", [0, 0]), ("zombies", [0, 1])] {
        let output = fell(place.path(), 0).args([verb, "--json"]).output().unwrap();
        assert!(code(&output).is_some_and(|code| codes.contains(&code)), "{output:?}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(document["schema"].as_str().is_some_and(|schema| schema.starts_with("fell/")), "{document}");
    }
}
