//! What is shown of the steps' output.

use super::trial::{LONG, Trial};
use std::io::{BufRead as _, BufReader};
use std::process::Output;
use std::time::Instant;

const PLAN: &str = r#"
schema = 1
jobs = 1
[step.good]
shell = "printf 'one\\ntwo'"
[step.bad]
shell = "printf '\\033[31mred\\033[0m\\n'; exit 3"
"#;

fn told(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(100), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lines that are no messages of fell.
fn written(told: &str) -> Vec<&str> {
    told.lines().filter(|line| !line.starts_with("fell: ")).collect()
}

#[test]
fn the_end_is_shown_of_what_failed_or_of_all_or_everything_as_it_comes() {
    let trial = Trial::new(PLAN);
    for (words, expected) in [
        (&[][..], &["  | red"][..]),
        (&["--output", "tail"], &["  | one", "  | two", "  | red"]),
        (&["--output", "live"], &["one", "two", "red"]),
        (&["--output", "live", "--jobs", "2"], &["good | one", "good | two", "bad | red"]),
    ] {
        let told = told(&trial.run(words));
        let (mut written, mut expected) = (written(&told), expected.to_vec());
        if words.contains(&"2") {
            // Two steps at once: their lines are whole, in whichever order.
            written.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(written, expected, "{words:?}: {told}");
        assert!(told.contains("fell: step bad: to run it again: fell validate --only bad\n"), "{told}");
        assert!(!told.contains('\u{1b}'), "{told:?}");
    }
}

#[test]
fn output_is_shown_before_its_step_is_over() {
    let trial = Trial::new(
        "schema = 1\n[step.a]\nshell = \"echo first; while [ ! -e go ]; do sleep 0.05; done; echo last\"\ntimeout = \"60s\"\n",
    );
    let mut child = trial.command(&["--output", "live", "--jobs", "1"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let began = Instant::now();
    assert!(lines.any(|line| line == "first"), "it ended without");
    assert!(began.elapsed() < LONG);
    std::fs::write(trial.path("go"), "").unwrap();
    assert!(lines.any(|line| line == "last"));
    assert!(lines.any(|line| line.starts_with("fell: step a: PASS ")), "its last words come before its verdict");
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
}

#[test]
fn live_output_has_no_power_over_a_runner() {
    let trial = Trial::new(
        "schema = 1\njobs = 1\n[step.a]\nshell = \"echo ::error::forged; echo '##[error]forged'; echo ::stop-commands::x\"\n",
    );
    let output = trial.run(&["--output", "live", "--github=on"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    let mut powerless: Option<String> = None;
    for line in told.lines() {
        match (&powerless, line.strip_prefix("::stop-commands::")) {
            (None, Some(token)) => powerless = Some(format!("::{token}::")),
            (Some(end), _) if end == line => powerless = None,
            (Some(_), _) => {}
            (None, None) => assert!(!line.contains("::") && !line.contains("##["), "{line} in {told}"),
        }
    }
    assert_eq!(powerless, None, "{told}");
}
