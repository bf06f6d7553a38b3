//! Plans and flags that make no sense, and those that run nothing.

use super::trial::Trial;

const PLAN: &str = "schema = 1\n[step.build]\nrun = [\"touch\", \"built\"]\n[step.test]\nneeds = [\"build\"]\nrun = [\"touch\", \"tested\"]\n\
    [step.lint]\nrun = [\"touch\", \"linted\"]\n";

#[test]
fn one_line_says_where_and_what_would_be_right() {
    let trial = Trial::new(PLAN);
    for (words, expected) in [
        (
            &["--set", "step.test.timout=3s"][..],
            "fell: fell.toml:7:1: unknown key \"timout\"; did you mean \"timeout\"?\n",
        ),
        (&["--set", "step.test.timeout=3"], "fell: fell.toml:7:11: a duration needs its unit; did you mean \"3s\"?\n"),
        (
            &["--set", "step.test.needs=[\"buidl\"]"],
            "fell: fell.toml:5:10: no step is called \"buidl\"; did you mean \"build\"?\n",
        ),
        (&["--only", "tset"], "fell: --only tset: no step has this name; did you mean \"test\"?\n"),
        (
            &["--shard", "3/2"],
            "fell: invalid value '3/2' for '--shard <K/N>': expected K/N with K from 1 to N, such as 2/4; try 'fell validate --help'\n",
        ),
        (&["other.toml"], "fell: other.toml: no such plan\n"),
    ] {
        let output = trial.run(words);
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected, "{words:?}");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
    let output = trial.command(&[]).env("TIMEOUT_SECONDS", "soon").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!trial.path("built").exists(), "nothing was run");
}

#[test]
fn a_ring_is_refused_before_anything_runs() {
    let trial = Trial::new(&format!("{PLAN}needs = [\"lint\"]\n"));
    let output = trial.run(&[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(told, "fell: fell.toml:7:7: these steps need each other: lint needs lint; remove one of these needs\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(!trial.path("built").exists());
}

#[test]
fn listings_run_nothing() {
    let trial = Trial::new(PLAN);
    for words in [&["--list"][..], &["--dry-run"], &["--list", "--json"], &["--dry-run", "--json"]] {
        let output = trial.run(words);
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{words:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("lint") && text.contains("touch"), "{text}");
        if words.contains(&"--json") {
            let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(listing["steps"][1]["needs"][0], "build");
            assert_eq!(listing["steps"][1]["round"], 2);
        }
    }
    assert!(!trial.path("built").exists());
}

#[test]
fn a_choice_takes_along_what_it_needs() {
    let trial = Trial::new(PLAN);
    assert_eq!(trial.run(&["--only", "test"]).status.code(), Some(0));
    assert!(trial.path("built").exists() && trial.path("tested").exists() && !trial.path("linted").exists());
    let trial = Trial::new(PLAN);
    assert_eq!(trial.run(&["--shard", "2/2"]).status.code(), Some(0));
    assert!(!trial.path("built").exists() && trial.path("linted").exists());
}

#[test]
fn older_scripts_set_the_default_limit_in_seconds() {
    let trial = Trial::new(&format!("{PLAN}timeout = \"1m\"\n"));
    let limits = |name: &str, value: &str| {
        let output = trial.command(&["--list", "--json"]).env(name, value).output().unwrap();
        let listing: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        [0, 1, 2].map(|index| listing["steps"][index]["timeout_ms"].as_u64())
    };
    assert_eq!(limits("TIMEOUT_SECONDS", "7"), [Some(7000), Some(7000), Some(60_000)]);
    assert_eq!(limits("FELL_TIMEOUT", "8s"), [Some(8000), Some(8000), Some(60_000)]);
}

#[test]
fn fail_fast_starts_nothing_more() {
    let trial = Trial::new("schema = 1\njobs = 1\n[step.a]\nrun = [\"false\"]\n[step.b]\nrun = [\"touch\", \"b\"]\n");
    assert_eq!(trial.run(&["--fail-fast"]).status.code(), Some(100));
    assert!(!trial.path("b").exists());
    assert_eq!(trial.run(&["--keep-going"]).status.code(), Some(100));
    assert!(trial.path("b").exists());
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_runs() {
    let trial = Trial::new(&format!("report = {{ json = \"fell.toml/report.json\" }}\n{PLAN}"));
    let output = trial.run(&[]);
    assert_eq!(output.status.code(), Some(125), "{output:?}");
    assert!(!trial.path("built").exists());
}

#[test]
fn events_are_json_lines_that_end_in_the_report() {
    let trial = Trial::new(PLAN);
    let output = trial.run(&["--json", "-q"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["schema"] == "fell/validate/1"));
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names.last(), Some(&"report"));
    for (name, count) in [("started", 3), ("over", 3), ("report", 1)] {
        assert_eq!(names.iter().filter(|found| **found == name).count(), count, "{text}");
    }
}
