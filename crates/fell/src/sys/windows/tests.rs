//! What the rest of the engine relies on, tried on this system.

use super::vessel::{Command, Vessel};
use super::*;
use crate::sys::Handle;

#[test]
fn knows_itself() {
    let machine = Windows::new();
    let own = machine.own();
    let row = machine.read(own).unwrap();
    let handle = machine.open(own).unwrap();
    assert_eq!(handle.id().birth.start, row.id.birth.start);
    assert!(row.id.birth.start.is_some_and(|start| start <= machine.ticks()));
    assert!(!handle.has_ended());
    let listed = machine.table();
    let listed = listed.row(own).unwrap();
    assert_eq!((listed.id, listed.parent, &listed.name), (row.id, row.parent, &row.name));
}

/// A command that does nothing for a minute, unless it is ended.
fn sleeper() -> Command {
    Command {
        program: OsString::from("ping"),
        args: ["-n", "60", "127.0.0.1"].map(OsString::from).to_vec(),
        environment: std::env::vars_os().collect(),
        directory: None,
        stdio: std::array::from_fn(|_| Some(stdio::null_device().unwrap())),
    }
}

#[test]
fn a_command_is_born_in_its_job() {
    let machine = Windows::new();
    let (vessel, missing) = Vessel::launch(&sleeper(), true).unwrap();
    assert!(missing.is_none(), "{missing:?}");
    let command = vessel.command();
    let held = machine.open(command.pid).unwrap();
    assert!(vessel.holds(&held));
    assert_eq!(vessel.members().unwrap(), [command.pid]);
    assert!(!vessel.is_empty().unwrap() && vessel.status().is_none());
    vessel.enclosure().unwrap().unwrap().kill().unwrap();
    machine.wait(&[&held], Duration::from_secs(10));
    assert!(held.has_ended());
    assert_eq!(vessel.status().and_then(|status| status.code()), Some(137));
    assert!(vessel.is_empty().unwrap() && vessel.members().unwrap().is_empty());
}

#[test]
fn a_vessel_that_is_dropped_ends_what_is_inside() {
    let machine = Windows::new();
    let (vessel, _) = Vessel::launch(&sleeper(), true).unwrap();
    let held = machine.open(vessel.command().pid).unwrap();
    assert!(!held.has_ended());
    drop(vessel);
    machine.wait(&[&held], Duration::from_secs(10));
    assert!(held.has_ended());
}

#[test]
fn a_released_vessel_lets_live() {
    let machine = Windows::new();
    let (vessel, _) = Vessel::launch(&sleeper(), true).unwrap();
    let held = machine.open(vessel.command().pid).unwrap();
    vessel.release().unwrap();
    drop(vessel);
    machine.wait(&[&held], Duration::from_millis(200));
    let lives = !held.has_ended();
    held.signal(crate::signal::Signal::KILL).unwrap();
    assert!(lives);
}

/// A process keeps the PID of a parent that has ended, which may be another's by now: who is older than its "parent" is no
/// child of it. Starts processes until the PID comes round, which takes a few hundred here.
#[test]
fn who_has_a_dead_parents_pid_by_now_is_no_parent() {
    use crate::look::look_at;
    use crate::tree::Tree;
    const MOST: usize = 2000;
    let machine = Windows::new();
    let start = |words: &[&str]| {
        let mut command = sleeper();
        command.program = OsString::from("cmd");
        command.args = words.iter().map(OsString::from).collect();
        Vessel::launch(&command, true).unwrap().0
    };
    // A parent that ends and leaves a child, which its job holds until the end of this test.
    let vessel = start(&["/c", "start /b ping -n 60 127.0.0.1"]);
    let parent = vessel.command().pid;
    let deadline = machine.now() + Duration::from_secs(20);
    while vessel.status().is_none() && machine.now() < deadline {
        machine.wait(&[], Duration::from_millis(20));
    }
    let members = vessel.members().unwrap();
    let orphans: Vec<_> = members.into_iter().filter_map(|pid| machine.open(pid).ok()).collect();
    let named = orphans.iter().any(|orphan| machine.read(orphan.id().pid).is_ok_and(|row| row.parent == Some(parent)));
    assert!(named, "an orphan keeps the PID of its parent");
    // The handle in the vessel keeps the PID from coming round: let it go, and hold the orphans by another job.
    let keeper = vessel.into_job();
    for _ in 0..MOST {
        let other = start(&["/c", "ping -n 20 127.0.0.1"]);
        if other.command().pid != parent {
            continue;
        }
        let tree = Tree::rooted(&other.command(), &look_at(&other.command()));
        let is_in = orphans.iter().any(|orphan| tree.contains(orphan.id().pid));
        let is_stranger = tree.strangers.iter().any(|row| orphans.iter().any(|orphan| orphan.id().pid == row.pid()));
        assert!(!is_in && is_stranger, "{tree:?}");
        let policy = crate::policy::KillPolicy { grace: Duration::ZERO, ..Default::default() };
        let report = crate::kill::kill_tree(other.command(), &policy).unwrap();
        assert!(report.is_clean() && !report.processes.is_empty(), "{report:?}");
        assert!(orphans.iter().any(|orphan| !orphan.has_ended()), "the stranger lives");
        drop(keeper);
        return;
    }
    eprintln!("skipped: no process of {MOST} was given the PID {parent} again");
}
