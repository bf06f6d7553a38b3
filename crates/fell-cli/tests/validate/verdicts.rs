//! What a plan's steps come to: verdicts, reports, and nothing left.

use super::trial::{LONG, Trial, needs, step};
use super::{jenkins, schema};
use std::net::TcpListener;

const REPORTS: &str = "report = { junit = \"out/junit.xml\", json = \"out/report.json\", md = \"out/summary.md\" }\n";

/// A port that nobody has.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server in a session of its own, by python.
fn server(port: u16) -> String {
    format!("setsid python3 -m http.server --bind 127.0.0.1 {port}")
}

#[test]
fn every_kind_of_step_comes_to_its_verdict() {
    if !needs("python3") {
        return;
    }
    let (held, served) = (free_port(), free_port());
    let plan = format!(
        r#"
schema = 1
name = "every <kind> & \"more\""
timeout = "50s"
jobs = 2
{REPORTS}
[defaults]
timeout = "30s"
kill = {{ grace = "300ms" }}
leftovers = {{ settle = "300ms" }}
[step.build]
run = ["true"]
[step.hang]
run = ["sh", "-c", "{hanging} >/dev/null 2>&1 & while ! python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {held}))' 2>/dev/null; do sleep 0.05; done; exec python3 -c 'import time; time.sleep(1000)' --password=hunter2"]
timeout = "6s"
[step.daemon]
run = ["sh", "-c", "setsid sleep 300 & exit 0"]
[step.spared]
run = ["sh", "-c", "setsid sleep 300 & exit 0"]
leftovers = {{ result = "warn" }}
[step.flaky]
shell = "if [ $FELL_ATTEMPT = 1 ]; then exit 75; fi"
retries = {{ count = 2, on = ["timeout", 75], delay = "50ms" }}
[step.flaky-fails]
shell = "test $FELL_ATTEMPT = 2"
retries = {{ count = 1 }}
flaky = "fail"
[step.wrong-code]
shell = "exit 3"
retries = {{ count = 5, on = [75] }}
[step.server]
kind = "service"
needs = ["build"]
run = ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "{served}"]
ready = {{ port = {served}, timeout = "20s" }}
[step.e2e]
needs = ["server"]
run = ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:{served}')"]
[step.silent]
run = ["sh", "-c", "echo hi; exec sleep 1000"]
idle-timeout = "600ms"
[step.unlucky]
needs = ["hang"]
run = ["true"]
[step.loud]
shell = "head -c 200000000 /dev/zero | tr '\\0' x | fold -w 100"
[step.rude]
shell = "printf 'a\\377\\001\\033[31m]]> <x> \\357\\277\\277 b\\n'; exit 1"
[step.missing]
run = ["no-such-program-at-all"]
[step.killed]
shell = "kill -9 $$"
[step.clean]
always = true
run = ["sh", "-c", "echo cleaned > cleaned"]
"#,
        hanging = server(held)
    );
    let trial = Trial::new(&plan);
    let output = trial.run(&[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(100), "{told}");
    assert_eq!(output.stdout, b"", "stdout belongs to results");
    assert_eq!(trial.living(), Vec::<String>::new());
    TcpListener::bind(("127.0.0.1", held)).expect("the port is free at once");

    let report = trial.report();
    let expected = [
        ("build", "passed", None),
        ("hang", "failed", Some("timeout")),
        ("daemon", "failed", Some("leftovers")),
        ("spared", "passed", None),
        ("flaky", "flaky", Some("exit")),
        ("flaky-fails", "flaky", Some("exit")),
        ("wrong-code", "failed", Some("exit")),
        ("server", "passed", None),
        ("e2e", "passed", None),
        ("silent", "failed", Some("idle-timeout")),
        ("unlucky", "skipped", None),
        ("loud", "passed", None),
        ("rude", "failed", Some("exit")),
        ("missing", "failed", Some("error")),
        ("killed", "failed", Some("exit")),
        ("clean", "passed", None),
    ];
    let found: Vec<_> =
        report.steps.iter().map(|step| (step.name.as_str(), step.verdict.as_str(), step.failure.as_deref())).collect();
    assert_eq!(found, expected, "{told}");
    assert_eq!((report.schema.as_str(), report.verdict.as_str()), ("fell/validate/1", "failed"));
    assert_eq!((report.exit_code, report.zombies), (Some(100), Some(0)));
    assert_eq!(step(&report, "flaky").ok, Some(true));
    assert_eq!(step(&report, "flaky-fails").ok, Some(false));
    assert_eq!(step(&report, "wrong-code").attempts.len(), 1, "3 is no code to be tried again for");

    let tree = step(&report, "hang").attempts[0].at_limit.as_ref().expect("the tree as it stood");
    assert!(tree.processes.iter().any(|dumped| dumped.listens.as_ref().is_some_and(|ports| ports.contains(&held))));
    assert!(tree.processes.iter().any(|dumped| dumped.holds_output == Some(true)));
    let left = step(&report, "daemon").attempts[0].left.as_ref().expect("what was left");
    assert_eq!(left.processes.len(), 1);
    let texts = ["out/report.json", "out/junit.xml", "out/summary.md"].map(|name| trial.read(name));
    schema::check("validate", texts[0].as_bytes());
    for text in texts.iter().chain([&told]) {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(step(&report, "loud").attempts[0].output_bytes >= 200_000_000);
    assert!(texts.iter().all(|text| text.len() < 1_000_000), "reports hold the end of the output alone");
    assert!(trial.path("cleaned").exists());

    let cases = jenkins::check(&texts[1]);
    assert_eq!(cases.len(), expected.len());
    for (case, (name, _, _)) in cases.iter().zip(expected) {
        let end = match name {
            "hang" => "failure timeout",
            "daemon" => "failure leftovers",
            "flaky-fails" | "wrong-code" | "rude" | "killed" => "failure exit",
            "silent" => "failure idle-timeout",
            "missing" => "error error",
            "unlucky" => "skipped",
            _ => "",
        };
        assert_eq!((case.name.as_str(), case.end.as_str()), (name, end));
    }
    assert!(told.contains("fell: step build: PASS "), "{told}");
    assert!(told.contains("step rude: its output"), "{told}");
    assert!(!told.contains('\u{1b}'), "nothing steers the terminal: {told:?}");
}

#[test]
fn a_plan_that_passes_exits_with_0_and_leaves_no_directory() {
    let trial = Trial::new("schema = 1\n[step.a]\nrun = [\"true\"]\n[step.b]\nneeds = [\"a\"]\nrun = [\"true\"]\n");
    let output = trial.run(&["-q"]);
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    let entries = std::fs::read_dir(trial.path(".")).unwrap().count();
    assert_eq!(entries, 1, "the plan alone");
    trial.assert_nobody_within(LONG, "after a plan that passed");
}

#[test]
fn the_plans_limit_ends_what_runs_and_skips_the_rest() {
    let trial = Trial::new(&format!(
        "schema = 1\ntimeout = \"700ms\"\n{REPORTS}[step.a]\nrun = [\"sleep\", \"100\"]\nretries = {{ count = 3 }}\n\
         [step.b]\nneeds = [\"a\"]\nrun = [\"true\"]\n[step.c]\nrun = [\"sleep\", \"100\"]\n[step.d]\nalways = true\nrun = [\"true\"]\n"
    ));
    let output = trial.run(&["--jobs", "1"]);
    assert_eq!(output.status.code(), Some(100));
    let report = trial.report();
    assert!(report.timed_out);
    let verdicts: Vec<&str> = report.steps.iter().map(|step| step.verdict.as_str()).collect();
    assert_eq!(verdicts, ["failed", "skipped", "skipped", "passed"]);
    assert_eq!(step(&report, "a").reason.as_deref(), Some("the plan reached its time limit of 700ms"));
    assert_eq!(step(&report, "a").attempts.len(), 1);
    jenkins::check(&trial.read("out/junit.xml"));
}

#[test]
fn services_that_fail_say_how() {
    let trial = Trial::new(&format!(
        "schema = 1\n{REPORTS}[defaults]\nkill = {{ grace = \"300ms\" }}\n\
         [step.never]\nkind = \"service\"\nrun = [\"sleep\", \"100\"]\nready = {{ log = \"up\", timeout = \"400ms\" }}\n\
         [step.user]\nneeds = [\"never\"]\nrun = [\"true\"]\n\
         [step.dies]\nkind = \"service\"\nrun = [\"sh\", \"-c\", \"echo up; sleep 0.5; exit 9\"]\nready = {{ log = \"up\" }}\n\
         [step.long]\nneeds = [\"dies\"]\nrun = [\"sleep\", \"1\"]\n\
         [step.probed]\nkind = \"service\"\nshell = \"sleep 0.3; touch there; exec sleep 100\"\nready = {{ run = [\"test\", \"-e\", \"there\"] }}\n\
         [step.seer]\nneeds = [\"probed\"]\nrun = [\"test\", \"-e\", \"there\"]\n"
    ));
    let output = trial.run(&["--jobs", "4"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = trial.report();
    let reason = |name| step(&report, name).reason.clone().unwrap_or_default();
    assert_eq!(reason("never"), "not ready within 400ms", "{told}");
    assert_eq!(reason("user"), "needs never, which did not pass");
    assert_eq!(reason("dies"), "the service ended with exit code 9 while it was needed");
    for name in ["long", "probed", "seer"] {
        assert_eq!(step(&report, name).verdict, "passed", "{name} {told}");
    }
    assert_eq!(trial.living(), Vec::<String>::new());
}

#[test]
fn what_may_stay_stays_and_is_listed() {
    let trial = Trial::new(&format!(
        "schema = 1\n{REPORTS}[defaults.leftovers]\nsettle = \"100ms\"\n\
         [step.named]\nrun = [\"sh\", \"-c\", \"setsid sleep 3 & exit 0\"]\n\
         leftovers = {{ allow = [{{ name = \"sleep\", reason = \"a shared cache\" }}] }}\n\
         [step.all]\nrun = [\"sh\", \"-c\", \"setsid sleep 3 & exit 0\"]\nleftovers = {{ result = \"allow\" }}\n"
    ));
    let output = trial.run(&[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("step named: sleep may stay: a shared cache"), "{told}");
    let report = trial.report();
    let allowed = &step(&report, "named").attempts[0].allowed;
    assert_eq!((allowed.len(), allowed[0].pids.len()), (1, 1));
    assert_eq!(trial.living().len(), 2, "{told}");
    trial.assert_nobody_within(LONG, "they end by themselves");
}

#[test]
fn a_long_grace_outlasts_the_limit() {
    let trial = Trial::new(&format!(
        "schema = 1\n{REPORTS}[step.slow]\ntimeout = \"300ms\"\nkill = {{ grace = \"20s\" }}\n\
         run = [\"sh\", \"-c\", \"trap 'sleep=1; while [ $sleep -lt 140 ]; do read -t 0.05 x <> wait; sleep=$((sleep + 1)); done; : > cleaned; exit 0' TERM; while :; do read -t 0.05 x <> wait; done\"]\n"
    ));
    rustix::fs::mkfifoat(rustix::fs::CWD, trial.path("wait"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let mut plan = trial.read("fell.toml");
    plan = plan.replace("\"sh\", \"-c\"", "\"bash\", \"-c\"");
    std::fs::write(trial.path("fell.toml"), plan).unwrap();
    let output = trial.run(&[]);
    assert_eq!(output.status.code(), Some(100));
    assert!(trial.path("cleaned").exists(), "its clean-up takes 7 s, longer than any backstop: {output:?}");
}
