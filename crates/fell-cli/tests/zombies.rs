//! `fell zombies`: what it tells of them, and what it does about them when it is asked.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/schema.rs"]
mod schema;

use common::{House, User, needs, needs_root, pause};
use fell::document::ZombiesDocument;
use fell_testkit::{Account, Bystander, NOBODY, Negligent, Placement, as_user};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const QUIET: Account = Account { interrupted: 0, wrong: 0 };

fn command(parent: &Negligent, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fell"));
    command.args(["zombies", "--parent", &parent.pid().to_string()]).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn fell(parent: &Negligent, words: &[&str]) -> Output {
    command(parent, words).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn document(output: &Output) -> ZombiesDocument {
    schema::check("zombies", &output.stdout);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn tells_who_fails_to_reap_them() {
    let parent = Negligent::spawn("read", 3).unwrap();
    let output = fell(&parent, &["--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let document = document(&output);
    assert_eq!((document.count, document.zombies.len(), document.reapings), (3, 3, None));
    for zombie in &document.zombies {
        assert_eq!((zombie.ppid, zombie.exit_code, zombie.ours), (Some(parent.pid()), Some(7), false));
    }
    let [owner] = document.owners.as_slice() else { panic!("{:?}", document.owners) };
    assert_eq!((owner.pid, owner.zombies, owner.is_init), (Some(parent.pid()), 3, Some(false)));
    assert!(owner.command_line.as_ref().is_some_and(|words| words.ends_with(&["read".into(), "3".into()])));
    assert!(
        owner.process.as_ref().is_some_and(|process| process.id.starts_with(&parent.pid().to_string())),
        "{owner:?}"
    );
    assert!(document.limits.iter().any(|limit| limit.kind == "pid_max" && limit.limit > 300), "{:?}", document.limits);

    let output = fell(&parent, &["-v"]);
    let told = text(&output.stderr);
    let summary = format!("fell: 3 zombies, 3 of them not reaped by {} (fell-negligent)\n", parent.pid());
    assert!(told.contains(&summary) && told.contains("fell-negligent read 3"), "{told}");
    assert!(told.contains("processes and threads in use (pid_max)"), "{told}");
    assert_eq!(text(&output.stdout).lines().count(), 4);
    assert_eq!(text(&fell(&parent, &["--count"]).stdout), "3\n");
}

#[test]
fn is_a_check_for_monitoring() {
    let mut parent = Negligent::spawn("read", 3).unwrap();
    for (words, code, begin, data) in [
        (&["--warning", "3"][..], 0, "ZOMBIES OK: 3 zombies, ", "| zombies=3;3;;0 "),
        (&["--warning", "2", "--critical", "3"], 1, "ZOMBIES WARNING: ", "| zombies=3;2;3;0 "),
        (&["--critical", "2"], 2, "ZOMBIES CRITICAL: ", "| zombies=3;;2;0 "),
    ] {
        let output = fell(&parent, words);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let line = text(&output.stdout);
        assert!(line.starts_with(begin) && line.contains(data) && line.contains(" pid_max="), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
    fell(&parent, &["--reap=inject"]);
    let output = fell(&parent, &["--warning", "0"]);
    assert_eq!((output.status.code(), text(&output.stdout).starts_with("ZOMBIES OK: no zombies ")), (Some(0), true));
    assert_eq!(parent.account().unwrap(), QUIET);
}

#[test]
fn makes_the_parent_collect_when_asked_in_so_many_words() {
    let mut parent = Negligent::spawn("poll", 3).unwrap();
    let asked = fell(&parent, &["--reap", "--json"]);
    assert_eq!(asked.status.code(), Some(1), "{asked:?}");
    assert!(document(&asked).reapings.unwrap().iter().all(|one| one.result == "nudged" && !one.collected));

    let made = fell(&parent, &["--reap=inject"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    assert_eq!(text(&made.stdout).matches(", which was made to\n").count(), 3, "{made:?}");
    let told = text(&made.stderr);
    assert!(told.contains("ECHILD") && told.contains("never learns how they ended"), "{told}");
    assert!(told.ends_with("fell: reaped 3 of 3, 0 left\n"), "{told}");
    assert_eq!(parent.account().unwrap(), QUIET);

    parent.one_more().unwrap();
    let output = fell(&parent, &["--reap=inject", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document = document(&output);
    assert_eq!((document.count, document.reapings.unwrap()[0].result.as_str()), (0, "injected"));
}

#[test]
fn an_ordinary_user_helps_its_own() {
    if !needs_root("another user") || !needs("setpriv") {
        return;
    }
    let house = House::new(User::Uid(NOBODY));
    let program = as_user(&Negligent::program().unwrap(), NOBODY).unwrap();
    let mut parent = Negligent::start(house.command(program.program()).args(["read", "2"])).unwrap();
    let words = ["zombies", "--parent", &parent.pid().to_string(), "--reap=inject"];
    let output = house.fell(&words).output().unwrap();
    if text(&output.stderr).contains("ptrace_scope") {
        eprintln!("skipped: Yama restricts who may trace");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(parent.account().unwrap(), QUIET);
}

#[test]
fn who_may_not_be_traced_is_left_alone() {
    if !needs_root("another user's parent") || !needs("setpriv") {
        return;
    }
    let mut parent = Negligent::spawn("read", 1).unwrap();
    let house = House::new(User::Uid(NOBODY));
    let words = ["zombies", "--parent", &parent.pid().to_string(), "--reap=inject"];
    let output = house.fell(&words).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("can't be made to collect: it may not be traced"), "{output:?}");
    assert_eq!(parent.account().unwrap(), QUIET);
    assert_eq!(text(&fell(&parent, &["--count"]).stdout), "1\n");
}

#[test]
fn tells_what_changes() {
    let mut parent = Negligent::spawn("read", 1).unwrap();
    let mut watching = command(&parent, &["--watch", "20ms", "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines().map(|line| {
        let line = line.unwrap();
        schema::check("zombies", line.as_bytes());
        serde_json::from_str::<ZombiesDocument>(&line).unwrap()
    });
    let first = lines.next().unwrap();
    assert_eq!((first.count, first.appeared, first.collected), (1, None, None));
    parent.one_more().unwrap();
    let second = lines.next().unwrap();
    assert_eq!((second.count, second.appeared.unwrap().len(), second.collected), (2, 1, Some(vec![])));
    assert_eq!(fell(&parent, &["--reap=inject", "-q"]).status.code(), Some(0));
    let mut gone = 0;
    while gone < 2 {
        gone += lines.next().unwrap().collected.unwrap().len();
    }
    let handle = pidfd_open(Pid::from_child(&watching), PidfdFlags::empty()).unwrap();
    pidfd_send_signal(&handle, Signal::TERM).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn ends_the_parent_when_asked_and_nobody_else() {
    let bystander = Bystander::spawn(Placement::OwnSession).unwrap();
    let other = Negligent::spawn("read", 1).unwrap();
    let parent = Negligent::spawn("read", 2).unwrap();
    let output = fell(&parent, &["--kill-parent", "--grace", "20s"]);
    let told = text(&output.stderr);
    assert!(text(&output.stdout).contains("fell-negligent   exited in grace"), "{output:?}");
    assert!(told.contains("fell: felled 1 of 1 in ") && told.contains(" of 2 zombies are collected"), "{told}");
    assert!(!parent.end().unwrap().success());
    bystander.assert_untouched();
    assert_eq!(text(&fell(&other, &["--count"]).stdout), "1\n");
    let none = fell(&Negligent::spawn("read", 0).unwrap(), &["--kill-parent"]);
    assert_eq!((none.status.code(), text(&none.stderr)), (Some(0), "fell: no zombies: nothing was done\n"));
}

#[test]
fn the_first_process_of_a_container_is_not_ended() {
    if !needs_root("a PID namespace") || !needs("unshare") {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc"]).arg(Negligent::program().unwrap()).args(["read", "2"]);
    let mut outside = Negligent::start(&mut command).unwrap();
    let list = fs::read_to_string(format!("/proc/{0}/task/{0}/children", outside.pid())).unwrap();
    let run = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_fell"))
            .args(["zombies", "--parent", list.trim()])
            .args(words)
            .output()
            .unwrap()
    };
    let output = run(&["--kill-parent"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        text(&output.stderr).contains("is not to be ended: PID 1 ends the whole system or container"),
        "{output:?}"
    );
    let named = run(&[]);
    assert!(text(&named.stderr).contains("is PID 1 of a container: it is to collect"), "{named:?}");
    assert_eq!(outside.account().unwrap(), QUIET);
}

/// fell and its tracer are killed at random, together or one of them alone.
#[test]
fn fell_may_be_killed_at_any_moment_heavy() {
    let kills = if std::env::var_os("FELL_HEAVY").is_some() { 100 } else { 6 };
    let mut random = u64::from(std::process::id());
    eprintln!("seed {random}");
    let mut waits = Negligent::WAITS.iter().cycle();
    for kill in 0..kills {
        let wait = waits.next().unwrap();
        let mut parent = Negligent::spawn(wait, 100).unwrap();
        let mut fell =
            command(&parent, &["--reap=inject"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let handle = pidfd_open(Pid::from_child(&fell), PidfdFlags::empty()).unwrap();
        let tracer = loop {
            let list = fs::read_to_string(format!("/proc/{0}/task/{0}/children", fell.id())).unwrap_or_default();
            if let Some(tracer) = list.trim().parse().ok().and_then(Pid::from_raw) {
                break pidfd_open(tracer, PidfdFlags::empty()).ok();
            }
            if fell.try_wait().unwrap().is_some() {
                break None;
            }
        };
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = Duration::from_micros((random >> 33) % 4000);
        let begin = Instant::now();
        while begin.elapsed() < delay {}
        if kill % 3 != 1 {
            pidfd_send_signal(&handle, Signal::KILL).ok();
        }
        if let Some(tracer) = tracer.filter(|_| kill % 3 != 0) {
            pidfd_send_signal(&tracer, Signal::KILL).ok();
        }
        fell.wait().unwrap();
        let account = parent.account().unwrap_or_else(|error| panic!("{wait} after {delay:?}: {error}"));
        assert_eq!(account, QUIET, "{wait} after {delay:?}");
        // A tracer that was left alone brings to its end what it has begun; it then is no hindrance to the next one.
        let whole = (0..50).any(|_| {
            pause(Duration::from_millis(20));
            self::fell(&parent, &["--reap=inject", "-q"]).status.code() == Some(0)
        });
        assert!(whole, "{wait}");
        assert_eq!(parent.account().unwrap(), QUIET, "{wait}");
        assert!(parent.end().unwrap().success(), "{wait}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (words, said) in [
        (&["--reap=inject"][..], "fell: --reap=inject: no parent was named"),
        (&["--kill-parent"], "fell: the following required arguments were not provided: --parent <PID>"),
        (&["--reap=never"], "fell: invalid value 'never' for '--reap[=<HOW>]': expected ask or inject"),
        (&["--warning", "-1"], "fell: "),
        (&["--warning", "1", "--json"], "fell: the argument '--warning <N>' cannot be used with '--json'"),
        (&["--watch", "5"], "fell: invalid value '5' for '--watch <D>': a number without a unit; did you mean 5s?"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_fell")).arg("zombies").args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
        assert!(text(&output.stderr).starts_with(said), "{words:?}: {output:?}");
    }
}
