//! `kill_tree` and `Supervisor` against every trick of the test kit, with innocents beside.

use fell::{Cause, Extent, KillPolicy, Leftovers, Outcome, Pid, ProcessId, Supervisor, kill_tree};
use fell_testkit::{Bystander, Cage, Placement, Trick, Victim};
use std::time::Duration;

const GRACE: Duration = Duration::from_millis(400);
/// How long the locks of a tree may still be seen after the engine has said that it is gone: the kernel takes them
/// back after the process is seen to have ended.
const PROMPTLY: Duration = Duration::from_secs(2);

/// The exit status of a victim whose trick the host forbids.
const IMPOSSIBLE: i32 = 77;

fn policy() -> KillPolicy {
    KillPolicy { grace: GRACE, ..KillPolicy::default() }
}

fn id(pid: u32) -> ProcessId {
    ProcessId::unborn(Pid::new(pid).unwrap())
}

/// A storm on a machine under load is a test of its own.
fn is_moving(trick: Trick) -> bool {
    let shape = trick.shape(trick.count());
    shape.least != shape.most
}

fn each_trick(mut test: impl FnMut(Trick)) {
    for trick in Trick::ALL.iter().copied().filter(|trick| !is_moving(*trick)) {
        // A PID namespace's init and its tree are tried by the tests of namespaces.
        eprintln!("trick {trick}");
        test(trick);
    }
}

#[test]
fn every_tree_is_ended_when_its_root_is_named() {
    let cage = Cage::new(Cage::ROOM);
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    each_trick(|trick| {
        // Who leaves the tree before it is named is found by evidence, not by descent.
        let mut setup = Victim::of(trick).placement(Placement::OwnSession);
        if let Some(cage) = &cage {
            setup = setup.cage(cage);
        }
        let Some(victim) = setup.spawn().unwrap().ready() else { return };
        let root = victim.pid().unwrap();
        let report = kill_tree(id(root), &KillPolicy { escaped: true, ..policy() }).unwrap();
        assert!(report.is_clean(), "{trick}: {report:#?}");
        let is_lost = victim.wait_all_dead(PROMPTLY).is_err();
        if is_lost && escapes(trick) {
            eprintln!("{trick}: left its tree, session and group before it was named");
            return;
        }
        assert!(!is_lost, "{trick}: {:?} left of {report:#?}", victim.survivors());
    });
    bystander.assert_untouched();
}

/// Whose descendants left tree, session and group before anybody asked.
fn escapes(trick: Trick) -> bool {
    matches!(
        trick.name(),
        "double-fork"
            | "triple-fork"
            | "full-daemon"
            | "disguised-daemon"
            | "parent-exits-first"
            | "graceful-daemon"
            | "lone-daemon"
            | "pidns-orphan"
            | "shell-leaves"
    )
}

#[test]
fn nothing_outlives_a_run_that_reaches_its_limit() {
    let bystander = Bystander::spawn(Placement::CallersGroup).unwrap();
    each_trick(|trick| {
        let victim = Victim::of(trick).prepare().unwrap();
        let mut argv = victim.argv().iter().cloned();
        let mut running = Supervisor::new(argv.next().unwrap())
            .args(argv)
            .stdin(fell::Stream::Null)
            .kill_policy(policy())
            .spawn()
            .unwrap();
        let Some(victim) = victim.ready() else { return };
        running.terminate(fell::Signal::TERM).unwrap();
        let report = running.wait().unwrap();
        assert_eq!(report.survivors().count(), 0, "{trick}: {report:#?}");
        victim.wait_all_dead(PROMPTLY).unwrap_or_else(|error| panic!("{trick}: {error}: {report:#?}"));
    });
    bystander.assert_untouched();
}

#[test]
fn nothing_outlives_a_command_that_ends_and_leaves_children() {
    let bystander = Bystander::spawn(Placement::CallersGroup).unwrap();
    each_trick(|trick| {
        let victim = Victim::of(trick).leave().prepare().unwrap();
        let mut argv = victim.argv().iter().cloned();
        let report = Supervisor::new(argv.next().unwrap())
            .args(argv)
            .stdin(fell::Stream::Null)
            .kill_policy(policy())
            .settle(Duration::from_millis(50))
            .leftovers(Leftovers::Warn)
            .timeout(Some(Duration::from_secs(20)))
            .spawn()
            .unwrap()
            .wait()
            .unwrap();
        if report.status.and_then(|status| status.code()) == Some(IMPOSSIBLE) {
            eprintln!("skipped {trick}: not possible here");
            return;
        }
        let victim = victim;
        assert_eq!(report.cause, Cause::Exited, "{trick}: {report:#?}");
        assert!(report.status.is_some_and(|status| status.success()), "{trick}: {report:#?}");
        assert!(!report.leftovers.is_empty(), "{trick}: {report:#?}");
        assert_eq!(report.survivors().count(), 0, "{trick}: {report:#?}");
        victim.wait_all_dead(PROMPTLY).unwrap_or_else(|error| panic!("{trick}: {error}: {report:#?}"));
    });
    bystander.assert_untouched();
}

#[test]
fn the_tree_is_escalated_though_its_leader_obeys() {
    let victim = Victim::of(Trick::LeaderObeysMemberIgnores).spawn().unwrap().ready().unwrap();
    let report = kill_tree(id(victim.pid().unwrap()), &policy()).unwrap();
    let outcomes: Vec<_> = report.processes.iter().map(|process| process.outcome).collect();
    assert_eq!(outcomes, [Outcome::Exited, Outcome::Killed], "{report:#?}");
    assert!(report.elapsed >= GRACE);
    victim.wait_all_dead(PROMPTLY).unwrap();
}

#[test]
fn grace_is_kept() {
    for (trick, count) in [(Trick::Graceful, 1), (Trick::GracefulTree, 4), (Trick::GracefulStopped, 1)] {
        let victim = Victim::of(trick).spawn().unwrap().ready().unwrap();
        let root = id(victim.pid().unwrap());
        let report = kill_tree(root, &KillPolicy { grace: Duration::from_secs(5), ..policy() }).unwrap();
        victim.wait_all_dead(PROMPTLY).unwrap();
        assert_eq!(victim.cleaned(), count, "{trick}: {report:#?}");
        assert_eq!(report.count(|outcome| outcome == Outcome::Killed), 0, "{trick}");
    }
}

#[test]
fn the_root_is_kept_when_only_its_descendants_are_meant() {
    let mut victim = Victim::of(Trick::Wide).count(5).spawn().unwrap().ready().unwrap();
    let root = victim.pid().unwrap();
    let report = kill_tree(id(root), &KillPolicy { extent: Extent::Descendants, ..policy() }).unwrap();
    assert_eq!(report.count(Outcome::is_felled), 5);
    let left: Vec<u32> =
        victim.survivors().unwrap().iter().map(|survivor| u32::try_from(survivor.pid).unwrap()).collect();
    assert_eq!(left, [root]);
    victim.end().unwrap();
}

#[test]
fn a_second_kill_finds_nothing_and_says_so() {
    let mut victim = Victim::of(Trick::Plain).spawn().unwrap().ready().unwrap();
    let root = id(victim.pid().unwrap());
    let pinned = fell::Pinned::new(&root).unwrap();
    let report = kill_tree(pinned.id(), &policy()).unwrap();
    assert_eq!(report.processes[0].uncollected_by, Pid::new(std::process::id()));
    victim.wait().unwrap();
    let report = kill_tree(pinned.id(), &policy()).unwrap();
    assert!(report.processes.is_empty() && report.is_clean());
}

#[test]
fn who_must_not_be_ended_is_refused() {
    let own = std::process::id();
    for pid in [1, own, std::os::unix::process::parent_id()] {
        let error = kill_tree(id(pid), &policy()).unwrap_err();
        assert!(matches!(error, fell::Error::Refused { .. }), "{pid}: {error}");
    }
}

/// A shell's trap cleans up by programs, which are newcomers below a process that was told to end.
#[test]
fn a_clean_up_may_use_helpers() {
    use std::io::Read;
    let folder = tempfile::tempdir().unwrap();
    let script =
        "trap 'sleep 0.1; sh -c \"sleep 0.05; touch cleaned\"; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    for round in 0..5 {
        let (mut output, input) = std::io::pipe().unwrap();
        let mut running = Supervisor::new("sh")
            .args(["-c", script])
            .current_dir(folder.path())
            .stdout(fell::Stream::Descriptor(input.into()))
            .kill_policy(KillPolicy { grace: Duration::from_secs(5), ..policy() })
            .spawn()
            .unwrap();
        output.read_exact(&mut [0; 6]).unwrap();
        running.terminate(fell::Signal::TERM).unwrap();
        let report = running.wait().unwrap();
        assert!(folder.path().join("cleaned").exists(), "round {round}: {report:#?}");
        std::fs::remove_file(folder.path().join("cleaned")).unwrap();
        assert_eq!(report.survivors().count(), 0);
    }
}
