//! Plans that are refused, and what sound ones mean.

use fell_plan::file::parse;
use fell_plan::{Plan, Shard, Sign, Surroundings, only, resolve, shard};
use std::path::PathBuf;
use std::time::Duration;

fn surroundings() -> Surroundings {
    Surroundings { root: PathBuf::from("/project"), default_timeout: None, cores: 2, has_bash: true }
}

fn plan(text: &str) -> Plan {
    let text = format!("schema = 1\n{text}");
    resolve(&parse(&text).unwrap(), &text, &surroundings()).unwrap()
}

fn refused(text: &str) -> String {
    let text = format!("schema = 1\n{text}");
    match parse(&text).and_then(|file| resolve(&file, &text, &surroundings())) {
        Ok(plan) => panic!("{plan:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn refusals_say_where_and_what_would_be_right() {
    for (text, expected) in [
        ("", "the plan has no steps; add one: [step.NAME] with run = [\"command\"]"),
        (
            "[step.build]\nrun = [\"a\"]\n[step.test]\nrun = [\"a\"]\nneeds = [\"biuld\"]",
            "line 6, column 10: no step is called \"biuld\"; did you mean \"build\"?",
        ),
        (
            "[step.a]\nrun = [\"a\"]\nneeds = [\"b\"]\n[step.b]\nrun = [\"a\"]\nneeds = [\"c\"]\n[step.c]\nrun = [\"a\"]\nneeds = [\"b\"]",
            "line 5, column 7: these steps need each other: b needs c needs b; remove one of these needs",
        ),
        (
            "[step.a]\nrun = [\"a\"]\nneeds = [\"a\"]",
            "line 2, column 7: these steps need each other: a needs a; remove one of these needs",
        ),
        (
            "[step.a]\nrun = [\"a\"]\nshell = \"b\"",
            "line 2, column 7: step \"a\" has both run and shell; keep one of them",
        ),
        (
            "[step.a]",
            "line 2, column 7: step \"a\" has nothing to run; add run = [\"command\", \"argument\"] or shell = \"script\"",
        ),
        (
            "[step.a]\nrun = []",
            "line 2, column 7: step \"a\" has an empty command; expected run = [\"command\", \"argument\"]",
        ),
        (
            "[step.a]\nrun = [\"a\"]\ntimeout = \"0s\"",
            "line 2, column 7: step \"a\" has timeout = 0; for no limit, leave it out",
        ),
        (
            "[step.a]\nrun = [\"a\"]\nready = { port = 1 }",
            "line 2, column 7: step \"a\" has ready and is no service; add kind = \"service\"",
        ),
        (
            "[step.a]\nkind = \"service\"\nrun = [\"a\"]\nready = { port = 1, log = \"x\" }",
            "line 2, column 7: step \"a\" does not say when it is ready; expected one of log, port and run",
        ),
        (
            "[step.\"../a\"]\nrun = [\"a\"]",
            "line 2, column 7: step \"../a\" has a name that can't be used; expected letters, digits, '_', '-' and '.', such as unit-tests",
        ),
        (
            "[step.a]\nrun = [\"a\"]\nneeds = [\"b\"]\n[step.b]\nrun = [\"a\"]\nalways = true",
            "line 4, column 10: step \"a\" needs \"b\", which runs whatever happened before; only an always step may need one",
        ),
    ] {
        assert_eq!(refused(text), expected);
    }
}

#[test]
fn what_a_step_leaves_out_comes_from_the_defaults() {
    let plan = plan(
        "[defaults]\ntimeout = \"10m\"\nkill = { grace = \"1s\" }\nleftovers = { settle = \"100ms\" }\nenv = { A = \"1\", B = \"1\" }\n\
         [step.a]\nshell = \"x | y\"\nkill = { signal = \"INT\" }\nenv = { B = \"2\" }\ndir = \"sub\"\n\
         [step.s]\nkind = \"service\"\nrun = [\"s\"]\nready = { log = \"up\" }\n",
    );
    let [step, service] = plan.steps.as_slice() else { panic!() };
    assert_eq!(step.command, ["bash", "-eo", "pipefail", "-c", "x | y"]);
    assert_eq!((step.timeout, service.timeout), (Some(Duration::from_secs(600)), None));
    assert_eq!((step.signal, step.grace), (fell::Signal::INT, Duration::from_secs(1)));
    assert_eq!(step.leftovers.settle, Duration::from_millis(100));
    assert_eq!(step.env, [("A", "1"), ("B", "2")].map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(step.dir, PathBuf::from("/project/sub"));
    assert_eq!(service.service.as_ref().unwrap().sign, Sign::Log(String::from("up")));
    assert_eq!((plan.name.as_str(), plan.jobs), ("project", 2));
}

#[test]
fn the_surroundings_override_the_default_limit_alone() {
    let text = "schema = 1\n[step.a]\nrun = [\"a\"]\n[step.b]\nrun = [\"a\"]\ntimeout = \"1m\"\n";
    let surroundings = Surroundings { default_timeout: Some(Duration::from_secs(7)), ..surroundings() };
    let plan = resolve(&parse(text).unwrap(), text, &surroundings).unwrap();
    let limits: Vec<_> = plan.steps.iter().map(|step| step.timeout.unwrap().as_secs()).collect();
    assert_eq!(limits, [7, 60]);
}

#[test]
fn output_goes_beside_the_first_report() {
    let plan = plan("report = { junit = \"out/junit.xml\" }\n[step.a]\nrun = [\"a\"]\n");
    assert_eq!(plan.reports.output, Some(PathBuf::from("/project/out/steps")));
    assert_eq!(plan.reports.junit, Some(PathBuf::from("/project/out/junit.xml")));
}

const FOUR: &str = "[step.build]\nrun = [\"a\"]\n[step.one]\nrun = [\"a\"]\nneeds = [\"build\"]\n\
    [step.two]\nrun = [\"a\"]\nneeds = [\"build\"]\n[step.three]\nrun = [\"a\"]\n\
    [step.clean]\nrun = [\"a\"]\nalways = true\n";

fn names(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.name.as_str()).collect()
}

#[test]
fn only_takes_what_is_needed_along() {
    let chosen = only(plan(FOUR), &[String::from("two")]).unwrap();
    assert_eq!(names(&chosen), ["build", "two"]);
    assert_eq!(chosen.steps[1].needs, [0]);
    assert_eq!(chosen.deselected, ["one", "three", "clean"]);
    let error = only(plan(FOUR), &[String::from("tow")]).unwrap_err();
    assert_eq!(error.to_string(), "--only tow: no step has this name; did you mean \"two\"?");
}

#[test]
fn shards_cover_the_plan_and_share_what_they_need() {
    let part = |text: &str| shard(plan(FOUR), text.parse::<Shard>().unwrap());
    assert_eq!(names(&part("1/2")), ["build", "one", "three", "clean"]);
    assert_eq!(names(&part("2/2")), ["build", "two", "clean"]);
    assert_eq!(names(&part("4/4")), Vec::<&str>::new());
    for text in ["0/2", "3/2", "x", "1", "/"] {
        assert!(text.parse::<Shard>().is_err(), "{text}");
    }
}
