//! Each rung of the ladder, forced by real conditions: the outcome stays right, and the report names what is weaker.

mod common;

use common::{House, PROMPTLY, Told, User, needs, needs_root, users};
use fell::document::{DoctorDocument, KillDocument, RunDocument};
use fell_testkit::{Bystander, NOBODY, Placement, Trick, Victim};
use std::ffi::OsStr;
use std::fs;
use std::process::Command;

const ENOSYS: u32 = 38;
const EPERM: u32 = 1;

/// Starts its arguments under a seccomp filter that answers one system call with an error.
///
/// `pack`: a `sock_filter` is a u16, two u8 and a u32; a `sock_fprog` a u16, six bytes of padding and a pointer.
const WITHOUT_A_CALL: &str = r#"
    my ($call, $errno) = (shift, shift);
    my $filter = pack("(SCCL)4",
        0x20, 0, 0, 0,                      # load the number of the call
        0x15, 0, 1, $call,                  # this one?
        0x06, 0, 0, 0x00050000 | $errno,    # SECCOMP_RET_ERRNO
        0x06, 0, 0, 0x7fff0000);            # SECCOMP_RET_ALLOW
    my $program = pack("Sx6P", 4, $filter);
    syscall(157, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
    syscall(157, 22, 2, $program, 0, 0) == 0 or die "seccomp: $!";
    exec @ARGV or die "exec: $!";
"#;

/// `pidfd_open(2)` and `pidfd_send_signal(2)`; the numbers are those of all architectures.
const PIDFD_OPEN: u32 = 434;

/// `fell WORDS` without this system call; `None`, said aloud, where that can't be had.
fn without_call(house: &House, call: u32, errno: u32, words: &[impl AsRef<OsStr>]) -> Option<Command> {
    if !cfg!(target_arch = "x86_64") {
        eprintln!("skipped: the filter is written with x86-64's number of prctl");
        return None;
    }
    if !needs("perl") {
        return None;
    }
    let mut command = house.command("perl");
    command.args(["-e", WITHOUT_A_CALL, &call.to_string(), &errno.to_string()]);
    command.arg(house.fell_program()).args(words);
    Some(command)
}

fn run_report(house: &House) -> RunDocument {
    serde_json::from_slice(&fs::read(house.folder().join("run.json")).unwrap()).unwrap()
}

/// `run OPTIONS --report json=… -- COMMAND`.
fn run_words(house: &House, options: &[&str], command: &[impl AsRef<OsStr>]) -> Vec<std::ffi::OsString> {
    let report = format!("json={}", house.folder().join("run.json").display());
    let mut words: Vec<std::ffi::OsString> = ["run", "--report", &report].map(Into::into).to_vec();
    words.extend(options.iter().map(Into::into));
    words.push("--".into());
    words.extend(command.iter().map(|word| word.as_ref().to_owned()));
    words
}

fn kill_report(told: &Told) -> KillDocument {
    serde_json::from_str(&told.last_line()).unwrap_or_else(|error| panic!("{error}: {told:?}"))
}

/// A tree of this user, and a bystander beside it.
fn victim_of(user: User, trick: Trick, count: u32) -> (Victim, Bystander) {
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let mut setup = Victim::of(trick).count(count).placement(Placement::OwnGroup);
    if let User::Uid(uid) = user {
        setup = setup.user(uid);
    }
    let mut victim = setup.spawn().unwrap();
    victim.wait_ready().unwrap();
    (victim, bystander)
}

const RUNS: [(Trick, u32); 6] = [
    (Trick::FullDaemon, 0),
    (Trick::IgnoreTerm, 0),
    (Trick::Stopped, 0),
    (Trick::Wide, 50),
    (Trick::DeepChain, 20),
    (Trick::ThreadForksAndExits, 4),
];

/// Runs a victim to its limit, by a command that the caller makes of the words for fell.
#[track_caller]
fn nothing_survives(house: &House, context: &str, mut make: impl FnMut(&[std::ffi::OsString]) -> Command) {
    for (trick, count) in RUNS {
        // A bystander lives no longer than any victim: one for each.
        let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
        let victim = Victim::of(trick).count(count).prepare().unwrap();
        let told = Told::by(make(&run_words(house, &["-t", "1500ms", "-g", "500ms"], victim.argv())));
        let left = victim.wait_all_dead(PROMPTLY);
        assert!(left.is_ok(), "{context}, {:?} {trick}: {left:?} {told:?}", house.user);
        assert_eq!(told.code, 124, "{context}, {:?} {trick} {told:?}", house.user);
        assert!(victim.ledger().ready() > 0, "{context}, {:?} {trick}: it never ran: {told:?}", house.user);
        house.assert_empty(&(context, trick, &told));
        bystander.assert_untouched();
        assert!(run_report(house).clean, "{context} {trick} {told:?}");
    }
}

#[test]
fn without_pidfds() {
    for user in users() {
        let house = House::new(user);
        for errno in [ENOSYS, EPERM] {
            for (trick, count) in [(Trick::Wide, 20), (Trick::IgnoreTerm, 0), (Trick::DeepChain, 10)] {
                let (mut victim, bystander) = victim_of(user, trick, count);
                let words = ["kill", "--json", "--grace", "500ms", &victim.pid().unwrap().to_string()];
                let Some(command) = without_call(&house, PIDFD_OPEN, errno, &words) else { return };
                let told = Told::by(command);
                assert_eq!(told.code, 0, "{user:?} {errno} {trick} {told:?}");
                victim.wait_all_dead(PROMPTLY).unwrap();
                for process in &kill_report(&told).targets[0].processes {
                    assert_eq!(process.mechanism.as_deref(), Some("checked-pid"), "{user:?} {errno} {process:#?}");
                }
                victim.wait().unwrap();
                bystander.assert_untouched();
            }
            nothing_survives(&house, &format!("pidfd_open gives {errno}"), |words| {
                without_call(&house, PIDFD_OPEN, errno, words).unwrap()
            });
            // The cgroup's kill needs no pidfd.
            let kill = run_report(&house).kill.expect("something was alive");
            for process in &kill.processes {
                let mechanism = process.mechanism.as_deref();
                assert!(matches!(mechanism, Some("checked-pid" | "cgroup")), "{user:?} {errno} {process:#?}");
            }
            let told = Told::by(without_call(&house, PIDFD_OPEN, errno, &["doctor", "--json"]).unwrap());
            let doctor: DoctorDocument = serde_json::from_slice(&told.out).unwrap();
            let pidfd = doctor.abilities.iter().find(|ability| ability.name == "pidfd").unwrap();
            assert!(!pidfd.available, "{doctor:#?}");
        }
    }
}

#[test]
fn without_a_descriptor_to_spare() {
    if !needs("prlimit") {
        return;
    }
    for user in users() {
        let house = House::new(user);
        let limited = |most: u32, words: &[std::ffi::OsString]| {
            let mut command = house.command("prlimit");
            command.arg(format!("--nofile={most}:{most}")).arg(house.fell_program()).args(words);
            command
        };
        for (trick, count) in [(Trick::Wide, 60), (Trick::DeepChain, 40)] {
            for most in [14, 24] {
                let (mut victim, bystander) = victim_of(user, trick, count);
                let words = ["kill", "--json", "--grace", "1s", &victim.pid().unwrap().to_string()].map(Into::into);
                let told = Told::by(limited(most, &words));
                assert_eq!(told.code, 0, "{user:?} {most} {trick} {told:?}");
                victim.wait_all_dead(PROMPTLY).unwrap();
                let report = kill_report(&told);
                let weak = report.targets[0]
                    .processes
                    .iter()
                    .filter(|process| process.mechanism.as_deref() == Some("checked-pid"))
                    .count();
                assert!(weak > 0, "{user:?} {most} {trick}: the weaker mechanism is not named: {report:#?}");
                victim.wait().unwrap();
                bystander.assert_untouched();
            }
        }
        nothing_survives(&house, "20 descriptors", |words| limited(20, words));
        // Down to nothing: either it runs contained, or nothing runs, and one line says what failed.
        for most in 3..20 {
            let words = run_words(&house, &["-t", "20s"], &["sh", "-c", "setsid sleep 50 >&- 2>&- & echo ran"]);
            let told = Told::by(limited(most, &words));
            match (told.code, told.text().as_str()) {
                (0, "ran\n") => {}
                // The report could not be written, or a library could not be loaded.
                (125..=127, "" | "ran\n") => assert!(!told.err.is_empty(), "{user:?} {most} {told:?}"),
                _ => panic!("{user:?} {most} {told:?}"),
            }
            house.assert_empty(&(most, &told));
        }
    }
}

#[test]
fn without_proc() {
    if !needs_root("a mount namespace") || !needs("unshare") {
        return;
    }
    for user in users() {
        let house = House::new(user);
        let hidden = |words: &[std::ffi::OsString]| {
            let mut inner = house.command(house.fell_program());
            inner.args(words);
            in_private_mounts(&inner, "mount -t tmpfs none /proc || exit 98")
        };
        let (mut victim, bystander) = victim_of(user, Trick::Wide, 5);
        let words = ["kill", "--json", "--grace", "500ms", &victim.pid().unwrap().to_string()].map(Into::into);
        let told = Told::by(hidden(&words));
        // What is below the target can't be seen without /proc: that has to be said.
        let report = kill_report(&told);
        assert_eq!(report.targets[0].processes[0].outcome.as_deref(), Some("exited"), "{user:?} {report:#?}");
        assert!(!report.targets[0].gaps.is_empty(), "{user:?}: the gap is not named: {report:#?}");
        victim.end().unwrap();
        bystander.assert_untouched();
        nothing_survives(&house, "no /proc", hidden);
    }
}

/// The command in a mount namespace of its own, after these lines have changed its mounts.
fn in_private_mounts(inner: &Command, lines: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", &format!("{lines}\nexec \"$@\""), "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir("/").stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command
}

#[test]
fn with_the_processes_of_others_hidden() {
    if !needs_root("a mount namespace") || !needs("unshare") {
        return;
    }
    let user = User::Uid(NOBODY);
    let house = House::new(user);
    let hidden = |words: &[std::ffi::OsString]| {
        let mut inner = house.command(house.fell_program());
        inner.args(words);
        in_private_mounts(&inner, "mount -t proc -o hidepid=2 none /proc || exit 98")
    };
    // Its own trees it sees.
    let (mut victim, bystander) = victim_of(user, Trick::Wide, 5);
    let words = ["kill", "--json", "--grace", "500ms", &victim.pid().unwrap().to_string()].map(Into::into);
    let told = Told::by(hidden(&words));
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(kill_report(&told).targets[0].processes.len(), 6, "{told:?}");
    victim.wait_all_dead(PROMPTLY).unwrap();
    victim.wait().unwrap();
    bystander.assert_untouched();
    nothing_survives(&house, "hidepid=2", hidden);

    // Somebody else's it can't see, and must not say to be gone.
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let words = ["kill", "--json", "--grace", "300ms", &bystander.pid().to_string()].map(Into::into);
    let told = Told::by(hidden(&words));
    assert_eq!(told.code, 1, "{told:?}");
    let report = kill_report(&told);
    assert_eq!(report.targets[0].processes[0].outcome.as_deref(), Some("permission-denied"), "{report:#?}");
    assert!(!report.targets[0].gaps.is_empty(), "{report:#?}");
    bystander.assert_untouched();
    let told = Told::by(hidden(&["doctor", "--json"].map(Into::into)));
    let doctor: DoctorDocument = serde_json::from_slice(&told.out).unwrap();
    let proc = doctor.abilities.iter().find(|ability| ability.name == "proc").unwrap();
    assert!(proc.detail.contains("hidepid"), "{proc:#?}");
}

#[test]
fn without_a_fork_left() {
    if !needs_root("a user without processes") || !needs("prlimit") {
        return;
    }
    // The limit counts all processes of a user: one that nobody else is.
    let house = House::new(User::Uid(54_321));
    let mut steps = Vec::new();
    for most in 1..=6 {
        let mut command = house.command("prlimit");
        command.arg(format!("--nproc={most}:{most}")).arg(house.fell_program());
        command.args(run_words(&house, &["-t", "20s"], &["sh", "-c", "echo ran"]));
        let told = Told::by(command);
        house.assert_empty(&(most, &told));
        match (told.code, told.text().as_str()) {
            (0, "ran\n") => steps.push(String::new()),
            (125, "") => {
                assert_eq!(told.err.lines().count(), 1, "{most} {told:?}");
                assert!(told.err.starts_with("fell: "), "{most} {told:?}");
                steps.push(told.err);
            }
            _ => panic!("{most} {told:?}"),
        }
    }
    assert!(steps[0].starts_with("fell: forking the guardian failed: "), "{steps:?}");
    assert!(steps[1].starts_with("fell: forking the command failed: "), "{steps:?}");
    assert_eq!(steps[5], "", "{steps:?}");
}
