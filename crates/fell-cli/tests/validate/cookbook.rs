//! The snippets of `docs/ci.md`: each job's script is run in a clean shell with its system's variables.

use super::jenkins;
use super::trial::Trial;
use std::process::{Command, Output};

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
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_fell")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script).env_clear().current_dir(trial.path("."));
    command.env("PATH", format!("{}:{path}", bin.display())).env("HOME", trial.path("."));
    command.env("CI", "true").envs(variables.iter().copied()).output().unwrap()
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
