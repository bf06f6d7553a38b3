//! `fell validate` killed in mid-plan: no orphan, and reports that hold all that had ended.

use super::trial::{LONG, Trial, pause, send};
use super::{jenkins, schema};
use fell_plan::document::ValidateDocument;
use rustix::process::Signal;
use std::time::{Duration, SystemTime};

const PLAN: &str = include_str!("../../../fell-plan/tests/every-end.toml");

fn kill_at_random(times: u64) {
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    eprintln!("seed {seed}");
    let mut state = u64::from(seed) | 1;
    for round in 0..times {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let delay = Duration::from_millis(state % 1000);
        kill_after(delay, &format!("seed {seed}, round {round}, killed after {delay:?}"));
    }
}

fn kill_after(delay: Duration, context: &str) {
    let trial = Trial::new(PLAN);
    let child = trial.command(&["--json", "-q"]).spawn().unwrap();
    pause(delay);
    send(&child, Signal::KILL);
    let output = child.wait_with_output().unwrap();
    trial.assert_nobody_within(LONG, context);
    if !trial.path("out/report.json").exists() {
        assert_eq!(output.stdout, b"", "{context}: something was told and nothing written");
        return;
    }
    schema::check("validate", trial.read("out/report.json").as_bytes());
    let report: ValidateDocument = serde_json::from_str(&trial.read("out/report.json")).unwrap();
    // Killed while the first reports were written, the plan has no second one yet.
    let cases = match trial.path("out/junit.xml").exists() {
        true => jenkins::check(&trial.read("out/junit.xml")),
        false => Vec::new(),
    };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        // The last line may be cut.
        let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if event["event"] == "over" {
            let name = event["step"]["name"].as_str().unwrap();
            let step = report.steps.iter().find(|step| step.name == name).unwrap();
            assert_eq!(event["step"]["verdict"], step.verdict, "{context}: {name}");
            assert!(cases.iter().any(|case| case.name == name), "{context}: {name} is not in {cases:?}");
        }
    }
}

#[test]
fn killed_at_any_moment() {
    kill_at_random(8);
}

#[test]
fn killed_fifty_times_heavy() {
    if std::env::var_os("FELL_HEAVY").is_none() {
        eprintln!("skipped: set FELL_HEAVY=1 for 50 kills");
        return;
    }
    kill_at_random(50);
}
