//! fell killed, stopped and refused at every step: nothing survives it, and nothing runs uncontained.

mod common;

use common::{House, LONG, PROMPTLY, Random, Started, Told, User, needs, pause, pidfd, send, users, wait_readable};
use fell::document::DoctorDocument;
use fell_testkit::{Bystander, Placement, Trick, Victim};
use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::time::Duration;

const TRICKS: [(Trick, u32); 6] = [
    (Trick::FullDaemon, 0),
    (Trick::IgnoreTerm, 0),
    (Trick::Bushy, 2),
    (Trick::Stopped, 0),
    (Trick::ThreadForksAndExits, 2),
    (Trick::GracefulTree, 2),
];

/// Children of a process, by its main thread: fell and its guardian have one each.
fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// The guardian of a run whose command is known to run.
fn guardian(run: &Started) -> u32 {
    let children = children(run.pid());
    assert_eq!(children.len(), 1, "fell has the guardian as its one child");
    children[0]
}

/// Kills fell after this pause, at whatever it was doing; nothing may be left then.
fn kill_after(house: &House, delay: Duration, trick: Trick, count: u32) {
    let victim = Victim::of(trick).count(count).prepare().unwrap();
    let run = Started::new(house.fell_run(&["-g", "200ms", "-t", "50s"], victim.argv()));
    pause(delay);
    run.send(Signal::KILL);
    let told = run.finish();
    let context = format!("{:?} {trick} killed after {delay:?}: {told:?}", house.user);
    let left = victim.wait_all_dead(PROMPTLY);
    assert!(left.is_ok(), "{context}: {left:?}");
    house.assert_nobody(&context);
    // Killed before the guardian was there to remove it, a directory stays for the next run.
    let traces = house.traces();
    assert!(traces.len() <= 1, "{context}: {traces:?}");
    if !traces.is_empty() {
        let told = Told::by(house.fell_run(&[], &["true"]));
        assert_eq!(told.code, 0, "{told:?}");
        house.assert_empty(&context);
    }
}

fn kill_at_random(name: &str, times: u32) {
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let mut random = Random::new(name);
    for user in users() {
        let house = House::new(user);
        for round in 0..times {
            let (trick, count) = TRICKS[usize::try_from(random.below(6)).unwrap()];
            // The set-up takes 3 to 10 ms, the shell before it included.
            let delay = match round % 4 {
                0 => Duration::ZERO,
                1 => Duration::from_micros(random.below(3_000)),
                2 => Duration::from_micros(random.below(12_000)),
                _ => Duration::from_micros(random.below(60_000)),
            };
            kill_after(&house, delay, trick, count);
        }
    }
    bystander.assert_untouched();
}

#[test]
fn fell_is_killed_at_any_moment() {
    kill_at_random("fell_is_killed_at_any_moment", 40);
}

#[test]
fn fell_is_killed_five_hundred_times_heavy() {
    if std::env::var_os("FELL_HEAVY").is_none() {
        eprintln!("skipped: set FELL_HEAVY=1 for 500 kills as each user");
        return;
    }
    kill_at_random("fell_is_killed_five_hundred_times_heavy", 500);
}

/// Plays with one victim of each of these tricks, as each user. What it starts has a house of its own, where nothing may
/// be left; and a bystander is left alone.
fn with_each<T: Copy>(tricks: &[(Trick, T)], play: impl Fn(&House, &mut Victim, T, &str), count: impl Fn(T) -> u32) {
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    for user in users() {
        let house = House::new(user);
        for (trick, number) in tricks {
            let context = format!("{user:?} {trick}");
            let mut victim = Victim::of(*trick).count(count(*number)).prepare().unwrap();
            play(&house, &mut victim, *number, &context);
            let left = victim.wait_all_dead(PROMPTLY);
            assert!(left.is_ok(), "{context}: {left:?}");
            house.assert_empty(&context);
        }
    }
    bystander.assert_untouched();
}

/// A run of the victim, once that has done its trick.
fn ready(house: &House, options: &[&str], victim: &mut Victim) -> Started {
    let run = Started::new(house.fell_run(options, victim.argv()));
    victim.wait_ready().unwrap();
    run
}

const LIMITED: [&str; 4] = ["-t", "1500ms", "-g", "500ms"];

#[test]
fn the_guardian_is_killed() {
    let play = |house: &House, victim: &mut Victim, _, context: &str| {
        let run = ready(house, &["-g", "500ms"], victim);
        send(pidfd(guardian(&run)).unwrap(), Signal::KILL);
        let told = run.finish_within(PROMPTLY);
        assert_eq!((told.code, told.signal), (125, None), "{context} {told:?}");
        assert!(told.err.starts_with("fell: the guardian was killed"), "{context} {told:?}");
    };
    with_each(&TRICKS, play, |count| count);
}

#[test]
fn fell_is_stopped_and_the_limit_holds() {
    let play = |house: &House, victim: &mut Victim, _, context: &str| {
        let run = ready(house, &LIMITED, victim);
        run.send(Signal::STOP);
        let left = victim.wait_all_dead(Duration::from_secs(8));
        assert!(left.is_ok(), "{context}: {left:?}");
        run.send(Signal::CONT);
        let told = run.finish_within(PROMPTLY);
        assert_eq!(told.code, 124, "{context} {told:?}");
        assert!(told.err.contains("the guardian has ended the tree"), "{context} {told:?}");
    };
    with_each(&TRICKS, play, |count| count);
}

#[test]
fn the_guardian_is_stopped_and_the_run_ends() {
    let play = |house: &House, victim: &mut Victim, _, context: &str| {
        let run = ready(house, &LIMITED, victim);
        send(pidfd(guardian(&run)).unwrap(), Signal::STOP);
        let told = run.finish_within(Duration::from_secs(12));
        assert_eq!(told.code, 124, "{context} {told:?}");
    };
    with_each(&TRICKS, play, |count| count);
}

/// Kills fell and its guardian while neither can see the other's end. Gives the run's name.
fn kill_both(house: &House, victim: &mut Victim) -> String {
    let run = ready(house, &["-g", "500ms"], victim);
    let traces = house.traces();
    assert_eq!(traces.len(), 1, "one run, one trace: {traces:?}");
    let held = [run.pid(), guardian(&run)].map(|pid| pidfd(pid).unwrap());
    for signal in [Signal::STOP, Signal::KILL] {
        for pidfd in &held {
            send(pidfd, signal);
        }
    }
    assert!(held.iter().all(|pidfd| wait_readable(pidfd, PROMPTLY)));
    name_of(&traces[0])
}

fn name_of(trace: &Path) -> String {
    trace.file_name().unwrap().to_str().unwrap().strip_prefix("fell-").unwrap().to_owned()
}

fn abandoned(house: &House) -> Vec<(String, usize)> {
    let told = Told::by(house.fell(&["doctor", "--json"]));
    assert_eq!(told.code, 0, "{told:?}");
    let document: DoctorDocument = serde_json::from_slice(&told.out).unwrap();
    document.abandoned_runs.into_iter().map(|run| (run.run, run.processes.len())).collect()
}

/// Of a double kill, what outlives the command's own death signal.
const ABANDONED: [(Trick, usize); 3] = [(Trick::IgnoreTerm, 2), (Trick::FullDaemon, 1), (Trick::OwnSession, 1)];

#[test]
fn the_next_run_ends_what_a_double_kill_has_left() {
    let play = |house: &House, victim: &mut Victim, least, context: &str| {
        let name = kill_both(house, victim);
        let listed = abandoned(house);
        assert_eq!(listed.len(), 1, "{context}: {listed:?}");
        assert!(listed[0].0 == name && listed[0].1 >= least, "{context}: {name} {listed:?}");
        assert!(victim.anyone_alive().unwrap(), "{context}: doctor signals nobody");
        // As a run within the run leaves it that was killed in the same way.
        let folder = house.leash.as_ref().map(|leash| leash.path().join(format!("fell-{name}")));
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            fs::create_dir(folder.join("fell-1-1")).unwrap();
        }

        let told = Told::by(house.fell_run(&[], &["true"]));
        assert_eq!(told.code, 0, "{context} {told:?}");
        assert_eq!(abandoned(house), [], "{context}");
    };
    with_each(&ABANDONED, play, |_| 0);
}

#[test]
fn an_abandoned_run_is_ended_by_its_name() {
    let play = |house: &House, victim: &mut Victim, least, context: &str| {
        let name = kill_both(house, victim);
        let told = Told::by(house.fell(&["kill", "--dry-run", "--run", &name]));
        assert_eq!(told.code, 0, "{context} {told:?}");
        assert!(told.text().lines().count() >= least, "{context} {told:?}");
        assert!(victim.anyone_alive().unwrap());

        let told = Told::by(house.fell(&["kill", "-g", "500ms", "--run", &name]));
        assert_eq!(told.code, 0, "{context} {told:?}");
        let left = victim.wait_all_dead(PROMPTLY);
        assert!(left.is_ok(), "{context}: {left:?} {told:?}");
        // A second time there is nothing.
        let told = Told::by(house.fell(&["kill", "--run", &name]));
        assert_eq!(told.code, 0, "{context} {told:?}");
        assert!(told.err.contains("already gone"), "{context} {told:?}");
        // Its trace goes with the next run at the latest.
        Told::by(house.fell_run(&[], &["true"]));
    };
    with_each(&ABANDONED, play, |_| 0);
}

#[test]
fn runs_that_live_are_not_taken_for_abandoned_ones() {
    for user in users() {
        let house = House::new(user);
        let mut victim = Victim::of(Trick::FullDaemon).prepare().unwrap();
        let run = ready(&house, &["-g", "500ms"], &mut victim);
        for _ in 0..5 {
            assert_eq!(abandoned(&house), [], "{user:?}");
            assert_eq!(Told::by(house.fell_run(&[], &["true"])).code, 0);
        }
        assert_eq!(victim.survivors().unwrap().len(), 2, "{user:?}");
        run.send(Signal::TERM);
        let told = run.finish();
        assert_eq!(told.code, 143, "{user:?} {told:?}");
        house.assert_empty(&told);
    }
}

#[test]
fn a_caller_whose_cgroup_was_killed_once_gets_its_run() {
    for user in users() {
        let house = House::new(user);
        let Some(leash) = &house.leash else {
            eprintln!("skipped: no cgroup is to be had");
            return;
        };
        // From now on some kernels kill what is forked from here into a fresh cgroup, before its first instruction.
        fs::write(leash.path().join("cgroup.kill"), "1").unwrap();
        let told = Told::by(house.fell_run(&["-t", "8s"], &["cat", "/proc/self/cgroup"]));
        assert_eq!(told.code, 0, "{user:?} {told:?}");
        let places = String::from_utf8_lossy(&told.out);
        let place = places.lines().find_map(|line| line.strip_prefix("0::")).unwrap();
        // Only root may make a cgroup of the run's own below the leash.
        let is_on_the_leash = Path::new(place).file_name() == leash.path().file_name();
        assert_eq!(is_on_the_leash, user != User::Own, "{user:?} {told:?}");
        house.assert_empty(&told);
    }
}

/// The system calls of the set-up; what follows is the error that each may well give.
const SET_UP: [(&str, &str); 29] = [
    ("signalfd4", "EMFILE"),
    ("rt_sigprocmask", "EINVAL"),
    ("prctl", "EINVAL"),
    ("socketpair", "EMFILE"),
    ("clone,clone3,fork,vfork", "EAGAIN"),
    ("clone,clone3,fork,vfork", "ENOMEM"),
    ("clone3", "ENOSYS"),
    ("futex", "EINTR"),
    ("pidfd_open", "EMFILE"),
    ("pidfd_open", "ENOSYS"),
    ("mkdir,mkdirat", "EACCES"),
    ("mkdir,mkdirat", "ENOSPC"),
    ("open,openat", "EMFILE"),
    ("open,openat", "EACCES"),
    ("flock", "ENOLCK"),
    ("statfs", "ENOSYS"),
    ("setsid", "EPERM"),
    ("setpgid", "EPERM"),
    ("setpriority", "EACCES"),
    ("close_range", "ENOSYS"),
    ("write", "ENOSPC"),
    ("sendto,sendmsg", "ENOBUFS"),
    ("recvfrom", "ENOMEM"),
    ("poll,ppoll", "ENOMEM"),
    ("wait4,waitid", "EINTR"),
    ("pipe,pipe2", "EMFILE"),
    ("dup,dup2,dup3,fcntl", "EMFILE"),
    ("unlink,unlinkat,rmdir", "EBUSY"),
    ("execve", "ENOMEM"),
];

#[test]
fn every_step_of_the_set_up_may_fail() {
    if !needs("strace") {
        return;
    }
    let mut cases: Vec<(&[&str], &str, &str)> = Vec::new();
    cases.extend(SET_UP.iter().map(|(call, error)| (&["-t", "8s"][..], *call, *error)));
    cases.extend(SET_UP[22..27].iter().map(|(call, error)| (&["-t", "8s", "--idle-timeout", "8s"][..], *call, *error)));
    let mut findings = Vec::new();
    for user in users() {
        // Most of a run's time is the time that leftovers get to end by themselves.
        std::thread::scope(|scope| {
            let parts: Vec<_> = cases
                .chunks(cases.len().div_ceil(4))
                .map(|part| {
                    scope.spawn(move || {
                        let house = House::new(user);
                        part.iter().flat_map(|(options, call, error)| fail(&house, options, call, error)).collect()
                    })
                })
                .collect();
            for part in parts {
                let found: Vec<String> = part.join().unwrap();
                findings.extend(found);
            }
        });
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// Lets the first, second, … call of each process fail, as long as there is one. Gives what was wrong.
fn fail(house: &House, options: &[&str], call: &str, error: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for when in 1..=8 {
        let mut command = house.command("strace");
        let inject = format!("inject={call}:error={error}:when={when}");
        let log = house.folder().join("strace.log");
        // Without the filter, each `close` of a fallback that closes 65,536 descriptors would stop for the tracer.
        command.args(["-f", "--seccomp-bpf", "-qq", "-o"]).arg(&log);
        command.args(["-e", &format!("trace={call}"), "-e", &inject]).arg(house.fell_program());
        // Its own descendant is a leftover, so that an uncontained run shows.
        command.arg("run").args(options).args(["-g", "500ms", "--", "/bin/sh", "-c"]);
        command.arg("setsid sleep 50 >/dev/null 2>&1 & echo ran");
        let run = Started::new(command);
        if run.ends_within(Duration::from_secs(20)) {
            let told = run.finish();
            if let Some(wrong) = judge(house, call, &told) {
                findings.push(format!("{:?} {options:?} {inject}: {wrong}: {told:?}", house.user));
            }
        } else {
            findings.push(format!("{:?} {options:?} {inject}: it hangs", house.user));
        }
        if !fs::read_to_string(&log).unwrap_or_default().contains("(INJECTED)") {
            break;
        }
    }
    findings
}

/// What is wrong: either the command ran contained, or nothing ran and one line says why.
fn judge(house: &House, call: &str, told: &Told) -> Option<String> {
    if let Some(leash) = &house.leash {
        let left = leash.wait_empty(PROMPTLY);
        if !left.is_empty() {
            for (pid, _) in &left {
                pidfd(*pid).into_iter().for_each(|pidfd| send(pidfd, Signal::KILL));
            }
            leash.wait_empty(PROMPTLY);
            return Some(format!("survivors {left:?}"));
        }
    }
    let traces = house.traces();
    traces.iter().for_each(|trace| remove(trace));
    // One that could not be removed is for the next run.
    if !traces.is_empty() && !call.contains("unlink") {
        return Some(format!("left in the file system: {traces:?}"));
    }
    let lines: Vec<&str> = told.err.lines().collect();
    let is_told = lines.len() == 1 && lines[0].starts_with("fell: ");
    match (told.code, told.text().as_str()) {
        (0, "ran\n") => None,
        (124, _) => Some(String::from("nothing but the limit ended it")),
        // Injected into the command: its own loader says so, and its own code counts.
        (_, "" | "ran\n") if !told.err.contains("fell: ") && told.err.contains("/bin/sh: ") => None,
        (_, "" | "ran\n") if told.err.contains("error while loading shared libraries") => None,
        (125..=127, "") if is_told => None,
        (125..=127, "ran\n") if is_told => None,
        (code, _) => Some(format!("exit {code}, {} lines", lines.len())),
    }
}

fn remove(trace: &Path) {
    if trace.is_dir() { fs::remove_dir(trace) } else { fs::remove_file(trace) }.unwrap_or(());
}

#[test]
fn a_full_disk_stops_no_run() {
    if !common::needs_root("a file system of its own") || !needs("unshare") {
        return;
    }
    let house = House::new(User::Own);
    // No room for a record nor for a report: the run itself needs no disk.
    let mut command = std::process::Command::new("unshare");
    let script = "mount -t tmpfs -o size=4k,nr_inodes=2 none \"$1\" && exec \"$0\" run --contain reaper -- sh -c 'setsid sleep 50 >&- 2>&- & echo ran'";
    command.args(["-m", "--propagation", "private", "sh", "-c", script]).arg(house.fell_program()).arg(house.folder());
    command.env("XDG_RUNTIME_DIR", house.folder()).stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let told = Told::by(command);
    assert_eq!((told.code, told.text().as_str()), (0, "ran\n"), "{told:?}");
    assert!(told.elapsed < LONG && !told.is_held);
}
