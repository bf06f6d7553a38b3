//! What runners of CI systems are told.

use super::trial::Trial;
use std::fs;

const PLAN: &str = r#"
schema = 1
name = "gate: all, of it"
[step.good]
run = ["true"]
[step.bad]
shell = "echo '::error::forged'; echo '::set-env name=PATH::/tmp'; exit 1"
[step.never]
needs = ["bad"]
run = ["true"]
"#;

#[test]
fn github_gets_one_annotation_a_failure_and_a_summary() {
    let trial = Trial::new(PLAN);
    let summary = trial.path("summary.md");
    let output =
        trial.command(&[]).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let mut powerless = None;
    let mut errors = Vec::new();
    for line in told.lines() {
        if let Some(token) = line.strip_prefix("::stop-commands::") {
            powerless = Some(format!("::{token}::"));
        } else if powerless.as_deref() == Some(line) {
            powerless = None;
        } else if line.starts_with("::") && powerless.is_none() {
            assert!(["::error ", "::group::", "::endgroup::"].iter().any(|known| line.starts_with(known)), "{line}");
            errors.extend(line.strip_prefix("::error "));
        }
    }
    assert_eq!(powerless, None, "the runner listens again at the end");
    assert_eq!(errors.len(), 1, "{told}");
    assert!(errors[0].starts_with("title=gate%3A all%2C of it%3A bad::step bad: exit code 1"), "{errors:?}");
    assert!(told.contains("::error::forged"), "the output is shown: {told}");
    let summary = fs::read_to_string(summary).unwrap();
    assert!(summary.contains("| bad | failed |") && summary.len() < 1024 * 1024, "{summary}");
}

#[test]
fn a_summary_stays_below_one_mebibyte() {
    let mut plan = String::from("schema = 1\njobs = 8\n");
    for index in 0..150 {
        plan.push_str(&format!(
            "[step.s{index}]\nrun = [\"sh\", \"-c\", \"head -c 9000 /dev/zero | tr '\\\\0' x; exit 1\"]\n"
        ));
    }
    let trial = Trial::new(&plan);
    let summary = trial.path("summary.md");
    fs::write(&summary, "x".repeat(500_000)).unwrap();
    let output = trial.command(&["-q", "--github=on"]).env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    assert_eq!(output.status.code(), Some(100));
    let length = fs::metadata(&summary).unwrap().len();
    assert!((500_001..=1024 * 1024).contains(&length), "{length}");
    assert!(fs::read_to_string(&summary).unwrap().contains("more failed; there is no room"));
}

#[test]
fn elsewhere_nobody_is_spoken_to() {
    let trial = Trial::new(PLAN);
    let output = trial.run(&[]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!told.lines().any(|line| line.starts_with("::")), "{told}");
    let output = trial.command(&["--github=off"]).env("GITHUB_ACTIONS", "true").output().unwrap();
    assert!(!String::from_utf8(output.stderr).unwrap().lines().any(|line| line.starts_with("::")));
}
