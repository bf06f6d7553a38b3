//! `fell kill` against running trees, with innocents as close by as they can be.

mod common;

use common::{House, PROMPTLY, Started, Told, User, needs_root, pidfd, users, wait_readable};
use fell::document::KillDocument;
use fell::sys::{Host, Machine};
use fell::{Pid, ProcessId};
use fell_testkit::{Bystander, NOBODY, Placement, Trick, Victim};
use serde_json::Value;
use std::io;
use std::process::Command;
use std::time::Duration;

/// A tree of this user, with its root in the session and process group of the bystander.
fn victim_of(user: User, trick: Trick, group: &Bystander) -> Option<Victim> {
    let mut setup = Victim::of(trick).placement(Placement::GroupOf(group.pid()));
    if let User::Uid(uid) = user {
        setup = setup.user(uid);
    }
    setup.spawn().unwrap().ready()
}

/// `PID:INODE` of a process that is alive.
fn exact(pid: u32) -> ProcessId {
    let host = Host::new();
    let mut id = host.read(Pid::new(pid).unwrap()).unwrap().id;
    id.birth.inode = host.inode(&id);
    assert!(id.birth.inode.is_some(), "this kernel has no inodes of pidfds");
    id
}

fn document(told: &Told) -> KillDocument {
    serde_json::from_str(&told.last_line()).unwrap_or_else(|error| panic!("{error}: {told:?}"))
}

#[test]
fn who_shares_session_and_group_is_untouched() {
    for user in users() {
        let house = House::new(user);
        for (trick, by_force) in [
            (Trick::Bushy, false),
            (Trick::ShellBackground, false),
            (Trick::ShellPipeline, false),
            (Trick::IgnoreTerm, true),
            (Trick::Stopped, false),
            (Trick::OwnSession, false),
            (Trick::ThreadsThatFork, false),
            (Trick::IntermediateSubreaper, false),
            (Trick::LeaderObeysMemberIgnores, true),
            (Trick::HeirOnTerm, true),
        ] {
            let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
            let Some(mut victim) = victim_of(user, trick, &bystander) else { continue };
            let pid = victim.pid().unwrap().to_string();
            let told = Told::by(house.fell(&["kill", "--grace", "1s", &pid]));
            assert_eq!(told.code, 0, "{user:?} {trick} {told:?}");
            let left = victim.wait_all_dead(PROMPTLY);
            assert!(left.is_ok(), "{user:?} {trick}: {left:?} {told:?}");
            bystander.assert_untouched();
            assert_eq!(told.text().contains("killed by force"), by_force, "{user:?} {trick} {told:?}");
            assert!(told.err.starts_with("fell: felled "), "{user:?} {trick} {told:?}");
            victim.wait().unwrap();
        }
    }
}

#[test]
fn a_job_of_a_shell_is_ended_and_its_sibling_is_not() {
    for user in users() {
        let house = House::new(user);
        let victim = Victim::of(Trick::Bushy).count(3).prepare().unwrap();
        // One session, one process group: neither job control nor setsid.
        let script = r#"
            fell=$1; shift
            sleep 50 >&- 2>&- & sibling=$!
            "$@" >&- 2>&- & job=$!
            read go
            "$fell" kill --grace 2s $job; echo "code $?"
            kill -0 $sibling && echo sibling lives
            kill $sibling; wait $sibling; echo "sibling $?"; wait $job; echo "job $?""#;
        let mut command = house.command("sh");
        command.args(["-c", script, "sh"]).arg(house.fell_program()).args(victim.argv());
        let (reader, writer) = io::pipe().unwrap();
        let shell = Started::new({
            command.stdin(reader);
            command
        });
        let ready = victim.ledger().wait_until(common::LONG, |page| page.ready() >= page.expected(), || false);
        assert!(ready, "{user:?}");
        drop(writer);
        let told = shell.finish();
        let lines = told.text();
        for line in ["code 0", "sibling lives", "sibling 143", "job 143"] {
            assert!(lines.lines().any(|told| told == line), "{user:?}: no {line:?} in {lines}; {}", told.err);
        }
        victim.wait_all_dead(PROMPTLY).unwrap();
        house.assert_nobody(&told);
    }
}

#[test]
fn an_exact_identity_hits_its_process_alone() {
    let house = House::new(User::Own);
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let mut victim = victim_of(User::Own, Trick::Bushy, &bystander).unwrap();
    let id = exact(victim.pid().unwrap());

    // A wrong inode: whoever is meant is gone, and this one is somebody else.
    for inode in [1, id.birth.inode.unwrap() + 1, u64::MAX] {
        let told = Told::by(house.fell(&["kill", "--json", &format!("{}:{inode}", id.pid)]));
        assert_eq!(told.code, 0, "{told:?}");
        let document = document(&told);
        assert!(document.targets[0].processes.is_empty(), "{document:#?}");
        assert_eq!(document.targets[0].summary, "already gone: nothing was alive");
    }
    let other = format!("{}:{}", bystander.pid(), id.birth.inode.unwrap());
    assert_eq!(Told::by(house.fell(&["kill", &other])).code, 0);
    assert_eq!(u32::try_from(victim.survivors().unwrap().len()).unwrap(), victim.shape().least);
    bystander.assert_untouched();

    let told = Told::by(house.fell(&["kill", "--json", &id.to_string()]));
    assert_eq!(told.code, 0, "{told:?}");
    let document = document(&told);
    assert_eq!(document.targets[0].id.as_deref(), Some(id.to_string().as_str()));
    assert_eq!(document.targets[0].processes.len(), 85, "{document:#?}");
    victim.wait_all_dead(PROMPTLY).unwrap();

    // Its zombie waits for us; after that it is gone, and that is a success.
    victim.wait().unwrap();
    for target in [id.to_string(), id.pid.to_string()] {
        let told = Told::by(house.fell(&["kill", &target]));
        assert_eq!((told.code, told.err.as_str()), (0, "fell: already gone: nothing was alive\n"), "{told:?}");
    }
    bystander.assert_untouched();
}

#[test]
fn whoever_listens_on_a_port_is_ended() {
    for user in users() {
        let house = House::new(user);
        let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
        let victim = victim_of(user, Trick::PortListener, &bystander).unwrap();
        let port = victim.ledger().port();
        let told = Told::by(house.fell(&["kill", "--json", &format!(":{port}")]));
        assert_eq!(told.code, 0, "{user:?} {told:?}");
        // The listener is a child in another session: its parent is not meant.
        let left: Vec<u32> = victim.survivors().unwrap().iter().map(|who| who.pid.cast_unsigned()).collect();
        assert_eq!(left, [victim.pid().unwrap()], "{user:?} {told:?}");
        assert_eq!(document(&told).targets[0].processes.len(), 1, "{told:?}");
        let nobody_listens = std::net::TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap()));
        assert!(nobody_listens.is_err(), "{user:?}: the port is still bound");
        bystander.assert_untouched();
    }
}

#[test]
fn another_users_listener_is_not_said_to_be_gone() {
    if !needs_root("a listener of another user") {
        return;
    }
    let house = House::new(User::Uid(NOBODY));
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let victim = victim_of(User::Own, Trick::PortListener, &bystander).unwrap();
    let told = Told::by(house.fell(&["kill", &format!(":{}", victim.ledger().port())]));
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.err.contains("no listener on :"), "{told:?}");
    assert_eq!(victim.survivors().unwrap().len(), 2);
}

#[test]
fn another_users_process_is_denied() {
    if !needs_root("a process of another user") {
        return;
    }
    let house = House::new(User::Uid(NOBODY));
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let told = Told::by(house.fell(&["kill", "--json", "--grace", "300ms", &bystander.pid().to_string()]));
    assert_eq!(told.code, 1, "{told:?}");
    let document = document(&told);
    assert_eq!(document.clean, Some(false), "{document:#?}");
    let outcomes: Vec<_> =
        document.targets[0].processes.iter().map(|process| process.outcome.as_deref().unwrap_or_default()).collect();
    assert_eq!(outcomes, ["permission-denied"; 3], "{document:#?}");
    bystander.assert_untouched();
}

#[test]
fn the_target_stays_when_only_its_children_are_meant() {
    for user in users() {
        let house = House::new(user);
        let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
        let victim = victim_of(user, Trick::Bushy, &bystander).unwrap();
        let told = Told::by(house.fell(&["kill", "--children-only", &victim.pid().unwrap().to_string()]));
        assert_eq!(told.code, 0, "{user:?} {told:?}");
        let left: Vec<u32> = victim.survivors().unwrap().iter().map(|who| who.pid.cast_unsigned()).collect();
        assert_eq!(left, [victim.pid().unwrap()], "{user:?} {told:?}");
        bystander.assert_untouched();
    }
}

#[test]
fn a_dry_run_signals_nobody() {
    for user in users() {
        let house = House::new(user);
        // A bystander counts every signal: it plays the target as well.
        let target = Bystander::spawn(Placement::OwnGroup).unwrap();
        let pid = target.pid().to_string();
        for flags in [&["--dry-run"][..], &["--dry-run", "--json"], &["--dry-run", "--grace", "0s"]] {
            let mut command = house.fell(&["kill"]);
            command.args(flags).arg(&pid);
            let told = Told::by(command);
            assert_eq!(told.code, 0, "{user:?} {told:?}");
            let rows = told.text().lines().filter(|line| line.contains("would be ended")).count();
            assert!(flags.contains(&"--json") || rows == 3, "{user:?} {told:?}");
            target.assert_untouched();
        }
    }
}

#[test]
fn who_must_not_be_ended_is_refused_and_nobody_is_signalled() {
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let innocent = bystander.pid().to_string();
    let kernel_thread = std::fs::read_to_string("/proc/2/comm").is_ok_and(|name| name == "kthreadd\n").then_some("2");
    if kernel_thread.is_none() {
        eprintln!("skipped the refusal of kernel threads: none is visible here");
    }
    for user in users() {
        let house = House::new(user);
        for bad in ["1", "0", "-5", "-1", "sshd", "", " ", "4711:", ":0", ":65536", "99999999999", "1:1x"]
            .into_iter()
            .chain(kernel_thread)
        {
            // The innocent is named first, and would be a good target.
            for force in [&[][..], &["--force"]] {
                let mut command = house.fell(&["kill"]);
                command.args(force).args(["--grace", "0s", &innocent, bad]);
                let told = Told::by(command);
                assert_eq!(told.code, 2, "{user:?} {bad:?} {told:?}");
                assert_eq!(told.err.lines().count(), 1, "{user:?} {bad:?} {told:?}");
                assert!(told.err.starts_with("fell: ") && told.out.is_empty(), "{user:?} {bad:?} {told:?}");
                bystander.assert_untouched();
            }
        }
    }
}

#[test]
fn the_own_ancestors_are_refused_unless_forced() {
    for user in users() {
        let house = House::new(user);
        let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
        let script = format!("sleep 50 >&- 2>&- & \"$0\" kill -g 1s {} $$; echo code $?; kill $!", bystander.pid());
        let mut command = house.command("sh");
        command.args(["-c", &script]).arg(house.fell_program());
        let told = Told::by(command);
        assert_eq!((told.code, told.text().as_str()), (0, "code 2\n"), "{user:?} {told:?}");
        bystander.assert_untouched();

        let script = "sleep 50 >&- 2>&- & \"$0\" kill --force -g 1s $$; echo not reached";
        let mut command = house.command("sh");
        command.args(["-c", script]).arg(house.fell_program());
        let told = Told::by(command);
        assert_eq!(told.signal, Some(15), "{user:?} {told:?}");
        assert!(told.err.contains("--force: ") && told.err.contains("is an ancestor of fell"), "{user:?} {told:?}");
        assert!(!told.text().contains("not reached"), "{user:?} {told:?}");
        house.assert_nobody(&told);
    }
}

#[test]
fn each_line_of_json_is_an_event_and_the_last_one_the_report() {
    let house = House::new(User::Own);
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let victims = [Trick::Wide, Trick::IgnoreTerm].map(|trick| {
        let mut victim = Victim::of(trick).count(5).placement(Placement::GroupOf(bystander.pid())).spawn().unwrap();
        victim.wait_ready().unwrap();
        victim
    });
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let mut command = house.fell(&["kill", "--json", "--grace", "500ms"]);
    command.args(victims.iter().map(|victim| victim.pid().unwrap().to_string())).arg(gone.id().to_string());
    let told = Told::by(command);
    assert_eq!(told.code, 0, "{told:?}");
    let events: Vec<Value> = told.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (report, processes) = events.split_last().unwrap();
    assert!(events.iter().all(|event| event["schema"] == "fell/kill/1"), "{told:?}");
    assert!(processes.iter().all(|event| event["event"] == "process"), "{told:?}");
    assert_eq!(processes.len(), 6 + 2);
    assert_eq!((&report["event"], &report["clean"]), (&Value::from("report"), &Value::from(true)));
    let document = document(&told);
    assert_eq!(document.targets.iter().map(|target| target.processes.len()).collect::<Vec<_>>(), [6, 2, 0]);
    for process in document.targets.iter().flat_map(|target| &target.processes) {
        assert_eq!(process.mechanism.as_deref(), Some("pidfd"), "{process:#?}");
        assert!(process.id.contains(':') && process.after_ms.is_some(), "{process:#?}");
    }
    for victim in &victims {
        victim.wait_all_dead(PROMPTLY).unwrap();
    }
    bystander.assert_untouched();
}

#[test]
fn a_run_is_ended_from_outside_by_its_own_process() {
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    for user in users() {
        let house = House::new(user);
        for trick in [Trick::FullDaemon, Trick::IgnoreTerm, Trick::Wide] {
            let mut victim = Victim::of(trick).count(10).prepare().unwrap();
            let run = Started::new(house.fell_run(&["--grace", "500ms"], victim.argv()));
            victim.wait_ready().unwrap();
            let hold = pidfd(run.pid()).unwrap();
            let told = Told::by(house.fell(&["kill", "--grace", "3s", &run.pid().to_string()]));
            assert!(wait_readable(&hold, Duration::ZERO), "{user:?} {trick} {told:?}");
            victim.wait_all_dead(PROMPTLY).unwrap();
            let ran = run.finish();
            assert_eq!(told.code, 0, "{user:?} {trick} {told:?} {ran:?}");
            house.assert_empty(&(trick, &told, &ran));
        }
    }
    bystander.assert_untouched();
}
