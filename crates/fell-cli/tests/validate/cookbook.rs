//! The snippets of `docs/ci.md`: each job's script is run in a clean shell with its system's variables.

use super::jenkins;
use super::trial::{LONG, Trial, send, step, wait_for};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

const PLAN: &str = r#"
schema = 1
report = { junit = "out/junit.xml", json = "out/report.json", md = "out/summary.md" }
[step.one]
run = ["true"]
[step.two]
shell = "echo ::error::forged; exit 3"
"#;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ci.md");

/// The line of a system's snippet that calls fell, without what the system's own language puts around it.
fn script(system: &str) -> String {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with(system)).unwrap_or_else(|| panic!("{system}"));
    let line = section.lines().find(|line| line.contains("exec fell validate")).unwrap();
    let at = line.find("exec fell validate").unwrap();
    String::from(line[at..].trim_end_matches('\''))
}

/// The script as the runner starts it: a shell that knows nothing but the system's variables.
fn job(trial: &Trial, shell: &[&str], script: &str, variables: &[(&str, &str)]) -> Output {
    command(trial, shell, script, variables).output().unwrap()
}

fn command(trial: &Trial, shell: &[&str], script: &str, variables: &[(&str, &str)]) -> Command {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_fell")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script).env_clear().current_dir(trial.path("."));
    command.env("PATH", format!("{}:{path}", bin.display())).env("HOME", trial.path("."));
    let (name, mark) = trial.mark();
    command.env("CI", "true").env(name, mark).envs(variables.iter().copied());
    command
}

/// Both parts of the plan: the first has the step that passes, the second the one that fails.
fn assert_parts(run: impl Fn(&Trial, u32) -> Output) {
    for (part, code, name) in [(1, 0, "one"), (2, 100, "two")] {
        let trial = Trial::new(PLAN);
        let output = run(&trial, part);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let cases = jenkins::check(&trial.read("out/junit.xml"));
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].name, name);
        assert_eq!(trial.report().shard.as_deref(), Some(format!("{part}/2").as_str()));
    }
}

const BASH: [&str; 4] = ["bash", "-e", "-o", "pipefail"];

#[test]
fn github_actions() {
    let script = script("GitHub Actions");
    assert_parts(|trial, part| {
        // The runner fills expressions in, and runs a file: `bash -e {0}`.
        let filled = script.replace("${{ matrix.shard }}", &part.to_string());
        let file = trial.path("script.sh");
        std::fs::write(&file, filled).unwrap();
        let summary = trial.path("summary.md");
        let summary = summary.to_str().unwrap();
        let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", summary), ("RUNNER_OS", "Linux")];
        let output = job(trial, &["bash", "-e"], file.to_str().unwrap(), &variables);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(told.lines().filter(|line| line.starts_with("::error ")).count(), usize::from(part == 2), "{told}");
        assert!(std::fs::read_to_string(summary).unwrap().starts_with("## "));
        output
    });
}

#[test]
fn gitlab_ci() {
    let script = script("GitLab CI");
    assert_parts(|trial, part| {
        let part = part.to_string();
        let variables = [("GITLAB_CI", "true"), ("CI_NODE_INDEX", part.as_str()), ("CI_NODE_TOTAL", "2")];
        job(trial, &[&BASH[..], &["-c"]].concat(), &script, &variables)
    });
}

#[test]
fn buildkite() {
    // The agent turns `$$` into `$` when the pipeline is uploaded.
    let script = script("Buildkite").replace("$$", "$");
    assert_parts(|trial, part| {
        let part = (part - 1).to_string();
        let variables =
            [("BUILDKITE", "true"), ("BUILDKITE_PARALLEL_JOB", part.as_str()), ("BUILDKITE_PARALLEL_JOB_COUNT", "2")];
        job(trial, &["bash", "-e", "-c"], &script, &variables)
    });
}

#[test]
fn jenkins_pipeline() {
    let trial = Trial::new(PLAN);
    // The step `sh` runs `sh -xe` on a file.
    let variables = [("JENKINS_URL", "http://localhost/"), ("BUILD_ID", "7"), ("EXECUTOR_NUMBER", "0")];
    let output = job(&trial, &["sh", "-xe", "-c"], &script("Jenkins"), &variables);
    assert_eq!(output.status.code(), Some(100), "{output:?}");
    let cases = jenkins::check(&trial.read("out/junit.xml"));
    let ends: Vec<&str> = cases.iter().map(|case| case.end.as_str()).collect();
    assert_eq!(ends, ["", "failure exit"]);
}

#[test]
fn the_plan_of_the_page_is_sound() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let plan = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let trial = Trial::new(plan);
    let output = trial.run(&["--list"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

const ENDLESS: &str = r#"
schema = 1
report = { junit = "out/junit.xml", json = "out/report.json", md = "out/summary.md" }
[defaults]
kill = { grace = "20s" }
[step.polite]
shell = "trap 'touch asked; exit 0' TERM; touch began; while :; do sleep 0.05; done"
[step.deaf]
shell = "trap '' TERM; setsid sleep 100 & touch deaf; while :; do sleep 0.05; done"
[step.clean]
always = true
run = ["touch", "cleaned"]
"#;

/// A job that is cancelled by `cancel` once its steps run: it ends promptly, its report says so, and nothing is left.
/// Gives whether the steps that run always have run.
fn cancelled(
    shell: &[&str],
    script: &str,
    variables: &[(&str, &str)],
    cancel: impl Fn(&Trial, &std::process::Child),
) -> bool {
    let trial = Trial::new(&ENDLESS.replace("schema = 1", "schema = 1\njobs = 2"));
    let mut command = command(&trial, shell, script, variables);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let job = command.spawn().unwrap();
    wait_for(&trial.path("began"));
    wait_for(&trial.path("deaf"));
    let began = Instant::now();
    cancel(&trial, &job);
    let output = job.wait_with_output().unwrap();
    assert!(began.elapsed() < LONG, "{output:?}");
    assert_eq!(output.status.code(), Some(100), "{output:?}");
    let report = trial.report();
    assert_eq!(report.verdict, "cancelled", "{output:?}");
    assert_eq!(step(&report, "deaf").verdict, "cancelled", "{output:?}");
    jenkins::check(&trial.read("out/junit.xml"));
    trial.assert_nobody_within(LONG, "after a cancelled job");
    trial.path("cleaned").exists()
}

#[test]
fn a_job_of_github_is_cancelled_by_int_and_then_term() {
    // To the shell that the runner started: with `exec`, that is fell. Force leaves no time for what runs always.
    let has_cleaned =
        cancelled(&["bash", "-e", "-c"], "exec fell validate", &[("GITHUB_ACTIONS", "true")], |trial, job| {
            send(job, Signal::INT);
            wait_for(&trial.path("asked"));
            send(job, Signal::TERM);
        });
    assert!(!has_cleaned);
}

#[test]
fn a_job_of_buildkite_is_cancelled_by_term() {
    let script = "exec fell validate --set defaults.kill.grace=500ms";
    assert!(cancelled(&["bash", "-e", "-c"], script, &[("BUILDKITE", "true")], |_, job| send(job, Signal::TERM)));
}

/// Jenkins sends TERM to every process that has the variables of the build: fell, its guardians and the steps alike.
#[test]
fn a_job_of_jenkins_is_cancelled_by_term_to_everybody() {
    let script = "exec fell validate --set defaults.kill.grace=500ms";
    assert!(cancelled(&["sh", "-xe", "-c"], script, &[("BUILD_ID", "7")], |trial, _| {
        let all = trial.living_pids();
        assert!(all.len() >= 5, "fell, two guardians, two steps and what they started: {all:?}");
        for pid in all {
            // Some have ended by the signals before.
            if let Ok(handle) = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) {
                pidfd_send_signal(&handle, Signal::TERM).unwrap_or(());
            }
        }
    }));
}
