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
    const MOST: usize = 600;
    let machine = Windows::new();
    // A parent that ends and leaves a child, which its job holds until the end of this test.
    let mut command = sleeper();
    command.program = OsString::from("cmd");
    command.args = ["/c", "start /b ping -n 60 127.0.0.1"].map(OsString::from).to_vec();
    let (vessel, _) = Vessel::launch(&command, true).unwrap();
    let deadline = machine.now() + Duration::from_secs(20);
    while vessel.status().is_none() && machine.now() < deadline {
        machine.wait(&[], Duration::from_millis(20));
    }
    // Who has started it is the command itself, or a program that the command has started for that.
    let orphan = vessel.members().unwrap().into_iter().find_map(|pid| {
        let held = machine.open(pid).ok()?;
        let parent = machine.read(pid).ok()?.parent?;
        machine.read(parent).is_err().then_some((held, parent))
    });
    let (orphan, parent) = orphan.expect("an orphan keeps the PID of its parent");
    // The handle in the vessel may keep that PID from coming round: the job alone holds the orphan from now on.
    let keeper = vessel.into_job();
    for _ in 0..MOST {
        let (other, _) = Vessel::launch(&sleeper(), true).unwrap();
        if other.command().pid != parent {
            continue;
        }
        let tree = Tree::rooted(&other.command(), &look_at(&other.command()));
        let is_orphan = |pid| orphan.id().pid == pid;
        assert!(!tree.contains(orphan.id().pid), "{tree:?}");
        assert!(tree.strangers.iter().any(|row| is_orphan(row.pid())), "{tree:?}");
        let policy = crate::policy::KillPolicy { grace: Duration::ZERO, ..Default::default() };
        let report = crate::kill::kill_tree(other.command(), &policy).unwrap();
        assert!(report.is_clean() && report.processes.len() == 1, "{report:?}");
        assert!(!orphan.has_ended(), "the stranger lives");
        drop(keeper);
        return;
    }
    eprintln!("skipped: no process of {MOST} was given the PID {parent} again");
}
