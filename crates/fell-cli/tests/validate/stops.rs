//! Ctrl-C, once and twice.

use super::jenkins;
use super::trial::{LONG, Trial, needs, pause, send, step, wait_for};
use rustix::process::Signal;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn plan(grace: &str) -> String {
    format!(
        r#"
schema = 1
report = {{ junit = "out/junit.xml", json = "out/report.json" }}
[defaults]
kill = {{ grace = "{grace}" }}
[step.quick]
run = ["true"]
[step.server]
kind = "service"
run = ["sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"]
ready = {{ log = "up" }}
[step.polite]
needs = ["server", "quick"]
run = ["sh", "-c", "trap 'touch asked; exit 0' TERM; touch began; while :; do sleep 0.05; done"]
[step.deaf]
needs = ["server", "quick"]
run = ["sh", "-c", "trap '' TERM; touch deaf; while :; do sleep 0.05; done"]
[step.later]
needs = ["polite"]
run = ["touch", "later"]
[step.clean]
always = true
run = ["touch", "cleaned"]
"#
    )
}

#[test]
fn once_is_grace_and_what_runs_always() {
    for signal in [Signal::INT, Signal::TERM] {
        let trial = Trial::new(&plan("300ms"));
        let child = trial.command(&["--jobs", "2"]).spawn().unwrap();
        wait_for(&trial.path("began"));
        wait_for(&trial.path("deaf"));
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(100), "{told}");
        let report = trial.report();
        assert_eq!(report.verdict, "cancelled", "{told}");
        let by = if signal == Signal::INT { "INT" } else { "TERM" };
        assert_eq!(report.cancelled_by.as_deref(), Some(by));
        let verdicts: Vec<&str> = report.steps.iter().map(|step| step.verdict.as_str()).collect();
        assert_eq!(verdicts, ["passed", "cancelled", "cancelled", "cancelled", "skipped", "passed"], "{told}");
        assert!(trial.path("asked").exists() && trial.path("cleaned").exists() && !trial.path("later").exists());
        assert_eq!(trial.living(), Vec::<String>::new());
        jenkins::check(&trial.read("out/junit.xml"));
    }
}

#[test]
fn twice_is_force() {
    let trial = Trial::new(&plan("50s"));
    let child = trial.command(&["--jobs", "2"]).spawn().unwrap();
    wait_for(&trial.path("began"));
    wait_for(&trial.path("deaf"));
    let began = Instant::now();
    send(&child, Signal::INT);
    wait_for(&trial.path("asked"));
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(100), "{output:?}");
    assert!(began.elapsed() < Duration::from_secs(20));
    let report = trial.report();
    assert_eq!(step(&report, "deaf").verdict, "cancelled");
    assert_eq!(step(&report, "clean").verdict, "skipped", "force leaves no time for it");
    assert_eq!(trial.living(), Vec::<String>::new());
}

/// On a terminal that `script` makes: the keys go to the foreground group, and the live view is drawn.
#[test]
fn on_a_terminal() {
    if !needs("script") {
        return;
    }
    for (keys, verdict) in [(1, "passed"), (2, "skipped")] {
        let trial = Trial::new(&plan(if keys == 1 { "300ms" } else { "50s" }));
        let command = trial.command(&[]);
        let mut terminal = Command::new("script");
        terminal.args(["-qefc", &format!("{} validate --jobs 2", env!("CARGO_BIN_EXE_fell")), "/dev/null"]);
        terminal.current_dir(trial.path(".")).env("TERM", "xterm");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => terminal.env(name, value),
                None => terminal.env_remove(name),
            };
        }
        let mut child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        wait_for(&trial.path("began"));
        wait_for(&trial.path("deaf"));
        // Longer than the view waits before it is drawn anew.
        pause(Duration::from_millis(300));
        let mut keyboard = child.stdin.take().unwrap();
        keyboard.write_all(b"\x03").unwrap();
        if keys == 2 {
            wait_for(&trial.path("asked"));
            keyboard.write_all(b"\x03").unwrap();
        }
        let output = child.wait_with_output().unwrap();
        drop(keyboard);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let report = trial.report();
        assert_eq!(
            (report.verdict.as_str(), step(&report, "clean").verdict.as_str()),
            ("cancelled", verdict),
            "{shown}"
        );
        assert!(shown.contains("polite: "), "the live view names what runs: {shown:?}");
        trial.assert_nobody_within(LONG, &shown);
    }
}
