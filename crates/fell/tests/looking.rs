//! What a look sees of real trees, and what becomes of zombies.

use fell::snapshot::Coverage;
use fell::sys::{Host, Machine};
use fell::zombie::{Reaping, nudge};
use fell::{Pid, ProcessId, ProcessInfo, Snapshot, State, Tree, look, look_at, reap, zombies};
use fell_testkit::{Trick, Victim};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

fn ready(trick: Trick, count: u32) -> (Victim, ProcessId) {
    let mut victim = Victim::of(trick).count(count).spawn().unwrap();
    victim.wait_ready().unwrap();
    let root = ProcessId::unborn(Pid::new(victim.pid().unwrap()).unwrap());
    (victim, root)
}

fn living(tree: &Tree) -> BTreeSet<u32> {
    tree.nodes.iter().map(|node| &node.info).filter(|info| !is_dead(info)).map(|info| info.pid().get()).collect()
}

/// State Z with other threads is alive.
fn is_dead(info: &ProcessInfo) -> bool {
    info.state == State::Zombie && info.threads == Some(1)
}

fn survivors(victim: &Victim) -> BTreeSet<u32> {
    victim.survivors().unwrap().iter().map(|who| who.pid.cast_unsigned()).collect()
}

fn row(pid: u32) -> Option<ProcessInfo> {
    Host::new().read(Pid::new(pid)?).ok()
}

/// Waits until this child of whomever has ended.
fn wait_for_end(pid: u32) -> ProcessId {
    let host = Host::new();
    let id = host.read(Pid::new(pid).unwrap()).unwrap().id;
    let handle = host.open(id.pid).unwrap();
    let deadline = host.now() + LONG;
    while !fell::sys::Handle::has_ended(&handle) {
        assert!(host.now() < deadline);
        host.wait(&[&handle], LONG);
    }
    id
}

#[test]
fn sees_every_member_whoever_forked_it() {
    for (trick, count) in [
        (Trick::Plain, 0),
        (Trick::DeepChain, 50),
        (Trick::Wide, 200),
        (Trick::Bushy, 4),
        (Trick::ThreadsThatFork, 4),
        (Trick::ThreadForksAndExits, 4),
        (Trick::ThreadLeaderExits, 0),
        (Trick::OwnSession, 0),
        (Trick::Stopped, 0),
        (Trick::Undumpable, 0),
        (Trick::IntermediateSubreaper, 0),
        (Trick::SigchldIgnored, 4),
        (Trick::ZombieFactory, 8),
    ] {
        let (victim, root) = ready(trick, count);
        let expected = survivors(&victim);
        let snapshot = look_at(&root);
        assert_eq!(living(&Tree::rooted(&root, &snapshot)), expected, "{trick}: {:?}", snapshot.gaps);
        assert_eq!(snapshot.gaps, [], "{trick}");
        assert_eq!(snapshot.coverage, Coverage::Descendants(vec![root.pid]));
        let members = u64::try_from(snapshot.rows.len()).unwrap();
        assert!(snapshot.cost.files <= 3 * members + 8, "{trick}: {:?} for {members}", snapshot.cost);

        let table = look();
        assert_eq!(living(&Tree::rooted(&root, &table)), expected, "{trick}, by the table");
    }
}

#[test]
fn rows_carry_the_whole_identity() {
    let (_victim, root) = ready(Trick::Wide, 3);
    let snapshot: Snapshot = look_at(&root);
    for row in &snapshot.rows {
        assert!(row.id.birth.start.is_some());
        assert_eq!(row.id.birth.inode, Host::new().inode(&row.id));
        assert_eq!(look_at(&row.id).rows.first().map(|row| row.id), Some(row.id));
    }
    let mut other = snapshot.rows[0].id;
    other.birth.start = other.birth.start.map(|start| start + 1);
    other.birth.inode = other.birth.inode.map(|inode| inode + 1);
    assert_eq!(look_at(&other).rows, []);
}

#[test]
fn this_process_has_ancestors() {
    let own = Host::new().own();
    let ancestors = fell::ancestors(own);
    assert_eq!(ancestors.first().map(ProcessInfo::pid), Pid::new(std::os::unix::process::parent_id()));
    assert!(!ancestors.iter().any(|row| row.pid() == own));
}

#[test]
fn lists_zombies_by_the_parent_that_owns_most() {
    let (_few, _) = ready(Trick::ZombieFactory, 2);
    let (_many, root) = ready(Trick::ZombieFactory, 8);
    let found = zombies();
    let of_root: Vec<_> = found.list.iter().filter(|zombie| zombie.info.parent == Some(root.pid)).collect();
    assert_eq!(of_root.len(), 8);
    let counts: Vec<usize> = found
        .list
        .iter()
        .map(|zombie| found.list.iter().filter(|other| other.info.parent == zombie.info.parent).count())
        .collect();
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
    for zombie in of_root {
        assert_eq!(zombie.parent.as_ref().map(ProcessInfo::pid), Some(root.pid));
        assert!(!zombie.is_ours && zombie.info.exit_status.is_some());
        assert!(zombie.dead_for.is_none_or(|time| time < LONG), "{:?}", zombie.dead_for);

        assert!(matches!(reap(&zombie.info.id), Reaping::NotOurs { parent } if parent == Some(root.pid)));
        let nudged = nudge(&zombie.info.id, Duration::from_millis(3));
        assert!(matches!(nudged, Reaping::Nudged { parent, worked: false } if parent == root.pid), "{nudged:?}");
    }
}

#[test]
fn a_leader_with_living_threads_is_no_zombie() {
    let (_victim, root) = ready(Trick::ThreadLeaderExits, 0);
    let snapshot = look_at(&root);
    let leader = snapshot.rows.iter().find(|row| row.state == State::Zombie).unwrap();
    assert_eq!(leader.exit_status, None);
    assert!(!zombies().list.iter().any(|zombie| zombie.info.pid() == leader.pid()));
    assert!(matches!(reap(&leader.id), Reaping::NotAZombie));
    assert!(matches!(nudge(&leader.id, Duration::ZERO), Reaping::NotAZombie));
}

#[test]
fn reaps_the_one_child_that_is_meant() {
    let spawn = |script: &str| Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
    let mut kept: Child = spawn("exit 3");
    let mut reaped = spawn("read x; exit 7");
    let kept_id = wait_for_end(kept.id());
    let id = row(reaped.id()).unwrap().id;
    assert!(matches!(reap(&id), Reaping::NotAZombie));
    drop(reaped.stdin.take());
    wait_for_end(reaped.id());
    let listed = zombies();
    let ours: Vec<_> = listed.list.iter().filter(|zombie| zombie.is_ours).map(|zombie| zombie.info.id.pid).collect();
    assert!(ours.contains(&id.pid) && ours.contains(&kept_id.pid), "{listed:?}");
    let own = Host::new().own();
    assert!(matches!(nudge(&id, Duration::ZERO), Reaping::NotOurs { parent } if parent == Some(own)));
    assert!(matches!(reap(&id), Reaping::Reaped(status) if status.code() == Some(7)));
    assert!(matches!(reap(&id), Reaping::AlreadyGone));
    assert!(matches!(nudge(&id, LONG), Reaping::AlreadyGone));
    assert_eq!(kept.wait().unwrap().code(), Some(3), "the other child's status is still there");
    assert!(reaped.wait().is_err());
}

#[test]
fn a_nudge_helps_a_parent_that_missed_a_signal() {
    let script = r#"$| = 1; my $child = fork; exit 5 if !$child; print "$child\n"; <STDIN>;
        $SIG{CHLD} = sub { 1 while waitpid(-1, 1) > 0 }; print "ready\n"; 1 while <STDIN>;"#;
    let spawned = Command::new("perl").args(["-e", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut parent) = spawned else { return };
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
    let zombie = wait_for_end(lines.next().unwrap().parse().unwrap());
    let mut input = parent.stdin.take().unwrap();
    input.write_all(b"go on\n").unwrap();
    assert_eq!(lines.next().unwrap(), "ready");
    assert_eq!(row(zombie.pid.get()).unwrap().exit_status, Some(5 << 8));
    let nudged = nudge(&zombie, LONG);
    assert!(matches!(nudged, Reaping::Nudged { worked: true, .. }), "{nudged:?}");
    assert!(matches!(reap(&zombie), Reaping::AlreadyGone));
    drop(input);
    parent.wait().unwrap();
}
