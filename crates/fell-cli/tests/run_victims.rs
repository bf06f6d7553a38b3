//! `fell run` against real trees: nothing survives, nobody else is hurt, and the exit code tells the truth.

mod common;

use common::{House, PROMPTLY, Random, Started, Told, User, needs_root, pidfd, send, users, wait_readable};
use fell::document::RunDocument;
use fell_testkit::{Bystander, Placement, Trick, Victim};
use rustix::process::Signal;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// Between a limit and the end of fell, besides the grace: a machine under load.
const SLACK: Duration = Duration::from_secs(3);
const GRACE: Duration = Duration::from_secs(3);

/// A report, read back.
fn report(house: &House) -> RunDocument {
    serde_json::from_slice(&fs::read(house.folder().join("run.json")).unwrap()).unwrap()
}

fn report_flag(house: &House) -> String {
    format!("json={}", house.folder().join("run.json").display())
}

/// A victim for somebody else to start.
fn prepare(trick: Trick, count: u32) -> Victim {
    Victim::of(trick).count(count).prepare().unwrap()
}

#[test]
fn the_example_of_the_manual() {
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    for user in users() {
        let house = House::new(user);
        let script = "sleep 300 & setsid sleep 300 & sleep 300";
        let told = Told::by(house.fell_run(&["--timeout", "1s"], &["sh", "-c", script]));
        assert_eq!((told.code, told.signal), (124, None), "{user:?} {told:?}");
        assert!(told.elapsed >= Duration::from_secs(1), "{told:?}");
        // All of them obey TERM at once: the grace is not used up.
        assert!(told.elapsed < Duration::from_secs(1) + SLACK, "{told:?}");
        assert!(!told.is_held, "{user:?}: somebody holds its output: {told:?}");
        assert!(told.err.starts_with("fell: time limit of 1s reached: felled 4 of 4"), "{told:?}");
        assert_eq!(told.err.lines().count(), 1, "{told:?}");
        house.assert_empty(&told);
    }
    bystander.assert_untouched();
}

/// Runs a victim under a limit that leaves it the time to play its trick.
fn run_to_the_limit(house: &House, trick: Trick, count: u32) -> (Victim, Told) {
    for seconds in [1_u64, 4, 16] {
        let victim = prepare(trick, count);
        let limit = format!("{seconds}s");
        let options = ["--timeout", &limit, "--grace", "3s", "--report", &report_flag(house)];
        let told = Told::by(house.fell_run(&options, victim.argv()));
        let left = victim.wait_all_dead(PROMPTLY);
        assert!(left.is_ok(), "{:?} {trick}: {left:?} {told:?}", house.user);
        if victim.ledger().failed() != 0 {
            return (victim, told);
        }
        let longest = Duration::from_secs(seconds) + GRACE + SLACK;
        assert!(told.elapsed < longest, "{:?} {trick} took {:?}: {told:?}", house.user, told.elapsed);
        if victim.ledger().ready() >= victim.shape().ready {
            return (victim, told);
        }
        eprintln!("{trick} was not ready after {limit}: again with more time");
    }
    panic!("{trick} never is ready");
}

#[test]
fn no_trick_survives_a_time_limit() {
    for user in users() {
        let house = House::new(user);
        for (trick, count, by_force) in [
            (Trick::IgnoreTerm, 0, Some(true)),
            (Trick::IgnoreAll, 0, Some(true)),
            (Trick::BlockAll, 0, Some(true)),
            (Trick::LeaderObeysMemberIgnores, 0, Some(true)),
            (Trick::Stopped, 0, Some(false)),
            (Trick::StopThenIgnoreTerm, 0, Some(true)),
            (Trick::Restopper, 0, Some(true)),
            (Trick::DoubleFork, 0, Some(false)),
            (Trick::FullDaemon, 0, Some(false)),
            (Trick::DisguisedDaemon, 0, Some(false)),
            (Trick::OwnSession, 0, Some(false)),
            (Trick::Wide, 200, Some(false)),
            (Trick::DeepChain, 50, Some(false)),
            (Trick::ThreadsThatFork, 4, Some(false)),
            (Trick::ThreadForksAndExits, 4, Some(false)),
            (Trick::ThreadLeaderExits, 0, Some(false)),
            (Trick::IntermediateSubreaper, 0, Some(false)),
            // Whether its tracer swallows the signal or ends first is a race.
            (Trick::Ptraced, 0, None),
            (Trick::HeirOnTerm, 0, Some(true)),
            (Trick::ForksOnTerm, 0, Some(true)),
        ] {
            eprintln!("{user:?} {trick}");
            // A bystander lives no longer than any victim: one for each.
            let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
            let (_victim, told) = run_to_the_limit(&house, trick, count);
            assert_eq!((told.code, told.signal), (124, None), "{user:?} {trick} {told:?}");
            assert!(!told.is_held, "{user:?} {trick}: {told:?}");
            let report = report(&house);
            assert_eq!((report.cause.as_str(), report.clean), ("timed-out", true), "{user:?} {trick} {report:#?}");
            let kill = report.kill.expect("something was alive");
            let forced = kill.processes.iter().filter(|process| process.outcome.as_deref() == Some("killed")).count();
            let as_expected = by_force.is_none_or(|by_force| by_force == (forced > 0));
            assert!(as_expected, "{user:?} {trick}: {forced} by force: {kill:#?}");
            house.assert_empty(&(trick, &told));
            bystander.assert_untouched();
        }
    }
}

#[test]
fn grace_is_kept_at_a_limit() {
    for user in users() {
        let house = House::new(user);
        for (trick, count, cleaned) in [
            (Trick::Graceful, 0, 1),
            (Trick::GracefulTree, 3, 4),
            (Trick::GracefulDaemon, 0, 1),
            (Trick::GracefulStopped, 0, 1),
        ] {
            let victim = prepare(trick, count);
            let told = Told::by(house.fell_run(&["-t", "2s", "-g", "20s"], victim.argv()));
            assert_eq!(told.code, 124, "{user:?} {trick} {told:?}");
            assert_eq!(victim.ledger().ready(), victim.shape().ready, "{user:?} {trick}: not ready within 2 s");
            // The victim writes with its own rights into a file of the caller.
            assert_eq!(victim.cleaned(), cleaned, "{user:?} {trick} {told:?}");
            assert!(told.elapsed < Duration::from_secs(2) + SLACK, "{user:?} {trick} {told:?}");
            house.assert_empty(&(trick, &told));
        }
    }
}

#[test]
fn the_table_of_exit_codes() {
    for user in users() {
        let house = House::new(user);
        let shell = |script| vec!["sh", "-c", script];
        for (options, command, code) in [
            (&[][..], vec!["true"], 0),
            (&[], shell("exit 7"), 7),
            (&[], shell("exit 255"), 255),
            (&[], shell("kill -TERM $$"), 143),
            (&[], shell("kill -KILL $$"), 137),
            (&[], shell("kill -USR1 $$"), 138),
            (&["--timeout", "300ms"], vec!["sleep", "300"], 124),
            (&["--timeout", "30s"], vec!["true"], 0),
            (&["--idle-timeout", "300ms"], vec!["sleep", "300"], 124),
            (&["--timeout", "300ms", "--signal", "KILL"], vec!["sleep", "300"], 124),
            (&["--timeout", "300ms", "--grace", "0s"], vec!["sleep", "300"], 124),
            (&["--timeout", "300ms", "--signal", "INT"], vec!["sleep", "300"], 124),
            (&["--timeout", "500ms", "--preserve-status"], vec!["sleep", "300"], 143),
            (
                &["--timeout", "1s", "--preserve-status"],
                shell("trap 'exit 7' TERM; sleep 300 & while :; do wait; done"),
                7,
            ),
            (&["--timeout", "500ms", "--grace", "300ms", "--preserve-status"], shell("trap '' TERM; sleep 300"), 137),
            (&["--timeout", "30"], vec!["true"], 125),
            (&["--contain", "nothing"], vec!["true"], 125),
            (&[], vec!["/etc/passwd"], 126),
            (&[], vec!["/etc"], 126),
            (&[], vec!["/no/such/program"], 127),
            (&[], vec!["no-such-program"], 127),
            (&["--leftovers", "fail"], shell("setsid sleep 300 >&- 2>&- & exit 0"), 122),
            (&["--leftovers", "fail"], shell("setsid sleep 300 >&- 2>&- & exit 9"), 9),
            (&["--leftovers", "fail"], vec!["true"], 0),
        ] {
            let told = Told::by(house.fell_run(options, &command));
            assert_eq!((told.code, told.signal), (code, None), "{user:?} {options:?} {command:?} {told:?}");
            assert!(told.err.lines().all(|line| line.starts_with("fell: ") || line.starts_with(' ')), "{told:?}");
            assert!(!told.is_held, "{user:?} {options:?} {command:?}: {told:?}");
            house.assert_empty(&(options, &command, &told));
        }
    }
}

#[test]
fn what_may_not_be_signalled_is_said_to_be_alive() {
    if !needs_root("a process that fell may not signal") {
        return;
    }
    let house = House::new(User::Own);
    // Root without CAP_KILL may not signal somebody else.
    let mut command = house.command("setpriv");
    command.args(["--bounding-set=-kill", "--inh-caps=-kill", "--"]).arg(house.fell_program());
    command.args(["run", "--timeout", "1s", "--grace", "300ms", "--contain", "reaper", "--report"]);
    command.arg(report_flag(&house)).args(["--", "sh", "-c"]);
    command.arg("setpriv --reuid=65534 --regid=65534 --clear-groups sleep 50 >&- 2>&- & sleep 300");
    let told = Told::by(command);
    assert_eq!(told.code, 123, "{told:?}");
    let report = report(&house);
    assert_eq!((report.clean, report.exit_code), (false, Some(123)), "{report:#?}");
    let kill = report.kill.unwrap();
    let alive: Vec<_> =
        kill.processes.iter().filter(|process| process.outcome.as_deref() == Some("permission-denied")).collect();
    assert_eq!(alive.len(), 1, "{kill:#?}");
    assert!(told.err.contains(&format!("still alive: {}  sleep", alive[0].pid)), "{told:?}");
    // What is left ends: then nobody of fell stays either.
    send(pidfd(alive[0].pid).expect("is alive"), Signal::KILL);
    house.assert_nobody(&told);
}

#[test]
fn what_leftovers_mean() {
    for user in users() {
        let house = House::new(user);
        let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
        for trick in [Trick::OwnSession, Trick::FullDaemon, Trick::IgnoreTerm, Trick::Stopped, Trick::ParentExitsFirst]
        {
            for (rule, code, is_told) in [("kill", 0, false), ("fail", 122, true), ("warn", 0, true)] {
                let victim = Victim::of(trick).leave().prepare().unwrap();
                let options = ["--leftovers", rule, "-g", "500ms", "--report", &report_flag(&house)];
                let told = Told::by(house.fell_run(&options, victim.argv()));
                let left = victim.wait_all_dead(PROMPTLY);
                assert!(left.is_ok(), "{user:?} {trick} {rule}: {left:?} {told:?}");
                assert_eq!(told.code, code, "{user:?} {trick} {rule} {told:?}");
                assert_eq!(told.err.contains("behind:"), is_told, "{user:?} {trick} {rule} {told:?}");
                let report = report(&house);
                assert!(report.clean && !report.leftovers.is_empty(), "{user:?} {trick} {rule} {report:#?}");
                assert_eq!(report.cause, "exited");
                house.assert_empty(&(trick, rule, &told));
            }
        }
        bystander.assert_untouched();
    }
}

#[test]
fn leftovers_that_are_allowed_live_on() {
    for user in users() {
        let house = House::new(user);
        for trick in [Trick::OwnSession, Trick::FullDaemon] {
            let mut victim = Victim::of(trick).leave().prepare().unwrap();
            let mut command = house.fell_run(&["--leftovers", "allow"], victim.argv());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let told = Told::by(command);
            assert_eq!(told.code, 0, "{user:?} {trick} {told:?}");
            assert!(victim.anyone_alive().unwrap(), "{user:?} {trick}: it was to live on: {told:?}");
            assert_eq!(house.traces(), Vec::<std::path::PathBuf>::new(), "{user:?} {trick}: {told:?}");
            if let Some(leash) = &house.leash {
                let others: Vec<_> =
                    leash.living().into_iter().filter(|(_, name)| !name.starts_with("fell-victim")).collect();
                assert_eq!(others, [], "{user:?} {trick}: nobody of fell stays");
            }
            victim.end().unwrap();
            house.assert_empty(&told);
        }
    }
}

#[test]
fn exactly_the_one_of_that_name_is_kept() {
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    for user in users() {
        let house = House::new(user);
        let cache = house.folder().join("cache-server");
        fs::copy("/bin/sleep", &cache).unwrap();
        // One of them directly below the command, and an orphan in a session of its own: both would have to go.
        let script = "\"$0\" 50 >&- 2>&- & echo $!; sleep 300 >&- 2>&- & (setsid sleep 300 >&- 2>&- &); exit 0";
        for (rule, code) in [("kill", 0), ("fail", 122), ("warn", 0)] {
            let options = ["--leftovers", rule, "--allow", "cache-server", "--report", &report_flag(&house)];
            let cache = cache.to_str().unwrap();
            let mut run = Started::new(house.fell_run(&options, &["sh", "-c", script, cache]));
            let kept = run.number();
            let hold = pidfd(kept).expect("it was started before its number was told");
            let told = run.finish();
            assert!(!wait_readable(&hold, Duration::ZERO), "{user:?} {rule}: the one to be kept has ended: {told:?}");
            assert_eq!(told.code, code, "{user:?} {rule} {told:?}");
            if let Some(leash) = &house.leash {
                let left: Vec<u32> = leash.living().into_iter().map(|(pid, _)| pid).collect();
                assert_eq!(left, [kept], "{user:?} {rule} {told:?}");
            }
            let report = report(&house);
            let spared: Vec<u32> = report
                .leftovers
                .iter()
                .filter(|process| process.outcome.as_deref() == Some("spared"))
                .map(|process| process.pid)
                .collect();
            assert_eq!(spared, [kept], "{user:?} {rule} {report:#?}");
            assert_eq!(house.traces(), Vec::<std::path::PathBuf>::new(), "{user:?} {rule}");
            send(&hold, Signal::KILL);
            assert!(wait_readable(&hold, PROMPTLY));
            house.assert_empty(&told);
        }
    }
    bystander.assert_untouched();
}

#[test]
fn a_run_that_only_leaves_what_is_allowed_succeeds() {
    let house = House::new(User::Own);
    let cache = house.folder().join("cache-server");
    fs::copy("/bin/sleep", &cache).unwrap();
    let options = ["--leftovers", "fail", "--allow", "cache-server"];
    let script = "\"$0\" 50 >&- 2>&- & echo $!";
    let mut run = Started::new(house.fell_run(&options, &["sh", "-c", script, cache.to_str().unwrap()]));
    let hold = pidfd(run.number()).expect("it runs");
    let told = run.finish();
    assert_eq!(told.code, 0, "{told:?}");
    assert!(!wait_readable(&hold, Duration::ZERO), "{told:?}");
    send(&hold, Signal::KILL);
    house.assert_empty(&told);
}

#[test]
fn silence_ends_a_run_and_chatter_does_not() {
    for user in users() {
        let house = House::new(user);
        let options = ["--idle-timeout", "1s", "--grace", "3s"];
        let told = Told::by(house.fell_run(&options, &["sh", "-c", "echo once; setsid sleep 300 & sleep 300"]));
        assert_eq!((told.code, told.text().as_str()), (124, "once\n"), "{user:?} {told:?}");
        assert!(told.err.starts_with("fell: silent for 1s: felled 3 of 3"), "{told:?}");
        assert!(told.elapsed >= Duration::from_secs(1) && told.elapsed < Duration::from_secs(1) + SLACK, "{told:?}");
        house.assert_empty(&told);

        let script = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; echo e$i >&2; sleep 0.1; done; exit 3";
        let told = Told::by(house.fell_run(&options, &["sh", "-c", script]));
        assert_eq!((told.code, told.text().as_str()), (3, "1\n2\n3\n4\n5\n6\n"), "{user:?} {told:?}");
        assert_eq!(told.err, "e1\ne2\ne3\ne4\ne5\ne6\n");
        house.assert_empty(&told);
    }
}

#[test]
fn output_is_passed_on_whole() {
    let mut random = Random::new("output_is_passed_on_whole");
    let bytes: Vec<u8> = (0..10 << 20).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
    let house = House::new(User::Own);
    let file = house.folder().join("bytes");
    fs::write(&file, &bytes).unwrap();
    let file = file.to_str().unwrap();
    for options in [&["--idle-timeout", "30s"][..], &[]] {
        let told = Told::by(house.fell_run(options, &["cat", file]));
        assert_eq!((told.code, told.err.as_str()), (0, ""));
        assert!(told.out == bytes, "{options:?}: {} of {} bytes, or others", told.out.len(), bytes.len());
    }
    // A command that ends right after it has filled the pipes, on both streams.
    let script = "head -c 60000 \"$0\"; head -c 60000 \"$0\" | tr -c '\\n' x >&2; exit 5";
    for _ in 0..20 {
        let told = Told::by(house.fell_run(&["--idle-timeout", "30s"], &["sh", "-c", script, file]));
        assert_eq!((told.code, told.err.len()), (5, 60_000));
        assert!(told.out == bytes[..60_000], "{} bytes", told.out.len());
    }
    house.assert_empty(&"output");
}

#[test]
fn output_that_nobody_reads_holds_up_no_limit() {
    let house = House::new(User::Own);
    let (unread, target) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let mut command = house.fell_run(&["-t", "500ms", "-g", "500ms", "--idle-timeout", "30s"], &["yes"]);
    command.stdout(target);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    drop(command);
    let (tell, told) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || tell.send(child.wait().unwrap()));
    let ended = told.recv_timeout(Duration::from_secs(20));
    // With the reader gone, it ends in any case.
    drop(unread);
    waiter.join().unwrap().unwrap();
    assert_eq!(ended.map(|status| status.code()), Ok(Some(124)));
    house.assert_empty(&"unread");
}

#[test]
fn a_reader_that_goes_away_ends_the_command_as_without_fell() {
    let house = House::new(User::Own);
    for options in ["", "--idle-timeout 30s"] {
        let script = format!("\"$0\" run {options} -- sh -c 'yes; echo $? >&2' | head -n 1");
        let mut command = house.command("bash");
        command.args(["-c", &script]).arg(house.fell_program());
        let told = Told::by(command);
        assert_eq!((told.code, told.text().as_str()), (0, "y\n"), "{options}: {told:?}");
        house.assert_empty(&told);
    }
}

#[test]
fn the_caller_cancels_and_the_tree_has_its_grace() {
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    for user in users() {
        let house = House::new(user);
        for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
            let mut victim = prepare(Trick::GracefulTree, 3);
            let options = ["--grace", "30s", "--report", &report_flag(&house)];
            let run = Started::new(house.fell_run(&options, victim.argv()));
            victim.wait_ready().unwrap();
            run.send(signal);
            let told = run.finish();
            assert_eq!((told.code, told.signal), (code, None), "{user:?} {signal:?} {told:?}");
            assert_eq!(victim.cleaned(), 4, "{user:?} {signal:?} {told:?}");
            victim.wait_all_dead(PROMPTLY).unwrap();
            let report = report(&house);
            assert_eq!((report.cause.as_str(), report.clean), ("cancelled", true), "{report:#?}");
            house.assert_empty(&told);
        }
    }
    bystander.assert_untouched();
}

#[test]
fn a_second_signal_is_force() {
    for user in users() {
        let house = House::new(user);
        let mut victim = prepare(Trick::IgnoreTerm, 0);
        let mut run = Started::new(house.fell_run(&["-v", "--grace", "10m"], victim.argv()));
        victim.wait_ready().unwrap();
        run.send(Signal::TERM);
        run.await_err("TERM arrived");
        assert!(!run.ends_within(Duration::from_millis(300)), "{user:?}: the grace is ten minutes");
        assert_eq!(victim.survivors().unwrap().len(), 2);
        run.send(Signal::INT);
        let told = run.finish_within(SLACK);
        assert_eq!(told.code, 143, "{user:?} {told:?}");
        victim.wait_all_dead(PROMPTLY).unwrap();
        house.assert_empty(&told);
    }
}

#[test]
fn other_signals_are_for_the_command() {
    for user in users() {
        let house = House::new(user);
        let script = "trap 'echo usr2; exit 6' USR2; sleep 300 & echo ready; wait";
        let mut run = Started::new(house.fell_run(&[], &["sh", "-c", script]));
        run.await_out("ready");
        run.send(Signal::USR1);
        run.await_err("what stands:");
        run.send(Signal::USR2);
        let told = run.finish();
        assert_eq!((told.code, told.text().as_str()), (6, "ready\nusr2\n"), "{user:?} {told:?}");
        house.assert_empty(&told);
    }
}

#[test]
fn runs_within_runs() {
    for user in users() {
        let house = House::new(user);
        let inner = house.fell_program().to_str().unwrap().to_owned();
        let mut victim = prepare(Trick::FullDaemon, 0);
        let mut command = house.fell_run(&["-t", "2s", "-g", "500ms"], &[&inner, "run", "--", &inner, "run", "--"]);
        command.args(victim.argv());
        let run = Started::new(command);
        victim.wait_ready().unwrap();
        let told = run.finish();
        assert_eq!(told.code, 124, "{user:?} {told:?}");
        victim.wait_all_dead(PROMPTLY).unwrap();
        house.assert_empty(&told);
        // The inner one's limit is its own: the outer run goes on, and sees 124 as the command's code.
        let told = Told::by(house.fell_run(&["-t", "30s"], &[&inner, "run", "-t", "300ms", "--", "sleep", "300"]));
        assert_eq!(told.code, 124, "{user:?} {told:?}");
        assert!(told.err.contains("time limit of 300ms"), "{told:?}");
        house.assert_empty(&told);
    }
}

#[test]
fn two_hundred_runs_leave_nothing_heavy() {
    for user in users() {
        let house = House::new(user);
        for round in 0..100 {
            let script = "setsid sleep 300 >&- 2>&- & exit 0";
            let (options, command, code) = match round % 4 {
                0 => (&[][..], vec!["true"], 0),
                1 => (&["-t", "20ms"][..], vec!["sleep", "300"], 124),
                2 => (&["--leftovers", "fail", "-g", "0s"][..], vec!["sh", "-c", script], 122),
                _ => (&["--idle-timeout", "10s"][..], vec!["sh", "-c", "echo x; exit 4"], 4),
            };
            let told = Told::by(house.fell_run(options, &command));
            assert_eq!(told.code, code, "{user:?} {round} {told:?}");
        }
        house.assert_empty(&"two hundred runs");
        // Zombies as well: the leash counts the dead whom nobody has collected.
        if let Some(leash) = &house.leash {
            assert_eq!(fs::read_to_string(leash.path().join("cgroup.procs")).unwrap(), "", "{user:?}");
        }
    }
}
