//! What every system owes to who uses the engine. The same tests run everywhere; where systems differ, the difference is an
//! entry of [`EXPECTED`], which is the documented promise.
//!
//! The victims are this very program, started again as the ignored test `victim`, so that nothing else has to be there.

use fell::init::pause;
use fell::{
    Cause, Error, KillPolicy, Layer, Leftovers, Mechanism, Outcome, Pid, ProcessId, Refusal, State, Stream, Supervisor,
    ancestors, kill_tree, look, look_at,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a system promises beyond what all do.
struct Expected {
    system: &'static str,
    /// How a process of a tree that already runs is addressed.
    mechanism: Mechanism,
    /// What holds a run together at least.
    layer: Layer,
    /// Whether a plain program without a window can be asked to end.
    can_be_asked: bool,
    /// Whether a child is a zombie until it is collected.
    has_zombies: bool,
}

const EXPECTED: [Expected; 2] = [
    Expected {
        system: "linux",
        mechanism: Mechanism::Pidfd,
        layer: Layer::Guardian,
        can_be_asked: true,
        has_zombies: true,
    },
    Expected {
        system: "windows",
        mechanism: Mechanism::Handle,
        layer: Layer::Job,
        can_be_asked: false,
        has_zombies: false,
    },
];

fn expected() -> &'static Expected {
    let here = EXPECTED.iter().find(|expected| expected.system == std::env::consts::OS);
    here.expect("each system has its row of expectations")
}

/// What a victim is to be, and where it tells that it is there.
const ROLE: &str = "FELL_CONTRACT_ROLE";
const PLACE: &str = "FELL_CONTRACT_PLACE";
/// How long a victim lives at most.
const LIFE: Duration = Duration::from_secs(60);
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// Starts this program again as a victim. `role` is one word.
fn victim_command(role: &str, place: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["victim", "--exact", "--ignored", "--nocapture"]);
    command.env(ROLE, role).env(PLACE, place);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// `leaf`: is there. `tree-W-D`: starts W children, each a tree of depth D - 1. `orphan`: starts a leaf by a parent that
/// ends. `leave`: starts a leaf and ends with code 7. `host`: is the supervisor of a `tree-2-1`. `patricide`: tries to end
/// its parent, and tells how that was refused.
#[test]
#[ignore = "a victim of the other tests"]
fn victim() {
    let (Some(mut role), Some(place)) = (std::env::var(ROLE).ok(), std::env::var_os(PLACE).map(PathBuf::from)) else {
        return;
    };
    let began = Instant::now();
    let asked = role.clone();
    let words: Vec<&str> = asked.split('-').collect();
    let mut children: Vec<Child> = Vec::new();
    let mut start = |role: &str| children.push(victim_command(role, &place).spawn().unwrap());
    match words.as_slice() {
        ["tree", width, depth] => {
            let (width, depth): (u32, u32) = (width.parse().unwrap(), depth.parse().unwrap());
            let below = if depth > 1 { format!("tree-{width}-{}", depth - 1) } else { String::from("leaf") };
            (0..width).for_each(|_| start(&below));
        }
        ["orphan"] => start("middle"),
        ["middle"] => {
            start("leaf");
            std::process::exit(0);
        }
        ["leave"] => {
            start("leaf");
            wait_for(&place, 1);
            std::process::exit(7);
        }
        ["host"] => {
            let command = victim_command("tree-2-1", &place);
            let supervisor = Supervisor::new(command.get_program()).args(command.get_args()).env(ROLE, "tree-2-1");
            supervisor.stdin(Stream::Null).stdout(Stream::Null).stderr(Stream::Null).spawn().unwrap().wait().unwrap();
            return;
        }
        ["patricide"] => {
            let own = Pid::new(std::process::id()).unwrap();
            let parent = ancestors(own).first().map(|row| row.id).expect("the test has started it");
            role = match kill_tree(parent, &KillPolicy::default()) {
                Err(Error::Refused { refusal, .. }) => format!("{refusal:?}"),
                other => format!("{other:?}"),
            };
        }
        _ => {}
    }
    std::fs::write(place.join(std::process::id().to_string()), role.as_bytes()).unwrap();
    while began.elapsed() < LIFE && place.exists() {
        for child in &mut children {
            child.try_wait().ok();
        }
        pause(Duration::from_millis(100));
    }
}

/// Who has told that it is there, by the name of its role.
fn present(place: &Path) -> BTreeMap<Pid, String> {
    let entries = std::fs::read_dir(place).unwrap().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, std::fs::read_to_string(entry.path()).ok()?))
        })
        .collect()
}

/// Waits until so many victims are there; gives their identities.
fn wait_for(place: &Path, count: usize) -> Vec<ProcessId> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let present = present(place);
        if present.len() >= count {
            let table = look();
            return present.keys().filter_map(|pid| Some(table.row(*pid)?.id)).collect();
        }
        assert!(Instant::now() < deadline, "{} of {count} victims came: {present:?}", present.len());
        pause(PAUSE);
    }
}

/// Those of them that live.
fn living(victims: &[ProcessId]) -> Vec<ProcessId> {
    let table = look();
    let lives = |id: &&ProcessId| {
        table.row(id.pid).is_some_and(|row| row.id.compare(id) == fell::Sameness::Same && row.state != State::Zombie)
    };
    victims.iter().filter(lives).copied().collect()
}

/// Waits until none of them lives.
fn wait_until_gone(victims: &[ProcessId]) {
    let deadline = Instant::now() + PATIENCE;
    while !living(victims).is_empty() {
        assert!(Instant::now() < deadline, "still alive: {:?}", living(victims));
        pause(PAUSE);
    }
}

/// A stranger who must survive. Ends by itself when its place is removed.
struct Bystander {
    child: Child,
    _place: tempfile::TempDir,
}

impl Bystander {
    fn start() -> Bystander {
        let place = tempfile::tempdir().unwrap();
        let child = victim_command("leaf", place.path()).spawn().unwrap();
        wait_for(place.path(), 1);
        Bystander { child, _place: place }
    }

    fn assert_alive(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the bystander has ended");
    }
}

/// The identity of a child of this process, while it is there.
fn id_of(child: &Child) -> ProcessId {
    let pid = Pid::new(child.id()).unwrap();
    look_at(&ProcessId::unborn(pid)).row(pid).map_or(ProcessId::unborn(pid), |row| row.id)
}

fn in_haste() -> KillPolicy {
    KillPolicy { grace: Duration::ZERO, ..KillPolicy::default() }
}

fn supervisor(role: &str, place: &Path) -> Supervisor {
    let command = victim_command(role, place);
    Supervisor::new(command.get_program())
        .args(command.get_args())
        .env(ROLE, role)
        .env(PLACE, place)
        .stdin(Stream::Null)
        .stdout(Stream::Null)
        .stderr(Stream::Null)
}

#[test]
fn a_tree_that_runs_is_felled_whole() {
    let mut bystander = Bystander::start();
    let place = tempfile::tempdir().unwrap();
    let mut root = victim_command("tree-3-2", place.path()).spawn().unwrap();
    let victims = wait_for(place.path(), 13);
    let report = kill_tree(id_of(&root), &in_haste()).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.processes.len(), 13, "{report:?}");
    for process in &report.processes {
        assert_eq!(process.outcome, Outcome::Killed, "{process:?}");
        assert_eq!(process.mechanism, Some(expected().mechanism));
    }
    assert_eq!(living(&victims), []);
    root.wait().unwrap();
    bystander.assert_alive();
}

#[test]
fn who_can_be_asked_is_asked_and_nobody_waits_for_who_can_not() {
    let place = tempfile::tempdir().unwrap();
    let mut root = victim_command("tree-2-1", place.path()).spawn().unwrap();
    let victims = wait_for(place.path(), 3);
    let began = Instant::now();
    let report =
        kill_tree(id_of(&root), &KillPolicy { grace: Duration::from_secs(20), ..KillPolicy::default() }).unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "{report:?}");
    let outcome = if expected().can_be_asked { Outcome::Exited } else { Outcome::Killed };
    assert!(report.processes.iter().all(|process| process.outcome == outcome), "{report:?}");
    assert_eq!(living(&victims), []);
    root.wait().unwrap();
}

#[test]
fn a_hundred_children_are_felled() {
    let mut bystander = Bystander::start();
    let place = tempfile::tempdir().unwrap();
    let mut root = victim_command("tree-100-1", place.path()).spawn().unwrap();
    let victims = wait_for(place.path(), 101);
    let report = kill_tree(id_of(&root), &in_haste()).unwrap();
    assert!(report.is_clean() && report.processes.len() == 101, "{report:?}");
    assert_eq!(living(&victims), []);
    root.wait().unwrap();
    bystander.assert_alive();
}

#[test]
fn a_run_leaves_nothing_orphans_included() {
    let mut bystander = Bystander::start();
    let place = tempfile::tempdir().unwrap();
    let mut running = supervisor("orphan", place.path()).kill_policy(in_haste()).spawn().unwrap();
    let victims = wait_for(place.path(), 2);
    running.force().unwrap();
    let report = running.wait().unwrap();
    assert!(report.containment.has(expected().layer), "{:?}", report.containment);
    assert_eq!(report.survivors().count(), 0, "{report:?}");
    assert_eq!(living(&victims), []);
    bystander.assert_alive();
}

#[test]
fn a_time_limit_ends_the_whole_tree() {
    let place = tempfile::tempdir().unwrap();
    let limit = Some(Duration::from_secs(3));
    let report =
        supervisor("tree-2-2", place.path()).timeout(limit).kill_policy(in_haste()).spawn().unwrap().wait().unwrap();
    assert_eq!(report.cause, Cause::TimedOut);
    assert_eq!(report.survivors().count(), 0, "{report:?}");
    assert!(report.elapsed >= Duration::from_secs(3) && report.at_limit.is_some());
    let victims: Vec<ProcessId> = report.kill.iter().flat_map(|kill| &kill.processes).map(|one| one.info.id).collect();
    assert!(!victims.is_empty() && living(&victims).is_empty(), "{report:?}");
}

#[test]
fn leftovers_are_ended_and_the_commands_own_code_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let running = supervisor("leave", place.path()).settle(Duration::from_millis(50)).kill_policy(in_haste()).spawn();
    let report = running.unwrap().wait().unwrap();
    assert_eq!(report.cause, Cause::Exited);
    assert_eq!(report.status.and_then(|status| status.code()), Some(7));
    assert_eq!(report.leftovers.len(), 1, "{report:?}");
    assert_eq!(living(&[report.leftovers[0].info.id]), []);
}

#[test]
fn leftovers_that_may_stay_do() {
    let place = tempfile::tempdir().unwrap();
    let running =
        supervisor("leave", place.path()).settle(Duration::from_millis(50)).leftovers(Leftovers::Allow).spawn();
    let report = running.unwrap().wait().unwrap();
    assert_eq!(report.status.and_then(|status| status.code()), Some(7));
    let left = wait_for(place.path(), 1);
    assert_eq!(living(&left).len(), 1, "{report:?}");
    place.close().unwrap();
    wait_until_gone(&left);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the supervisor alone is to be ended, and its handle is held")]
fn nothing_outlives_a_supervisor_that_is_killed() {
    let mut bystander = Bystander::start();
    let place = tempfile::tempdir().unwrap();
    let mut host = victim_command("host", place.path()).spawn().unwrap();
    let victims = wait_for(place.path(), 3);
    assert_eq!(living(&victims).len(), 3);
    host.kill().unwrap();
    host.wait().unwrap();
    wait_until_gone(&victims);
    bystander.assert_alive();
}

#[test]
fn what_is_gone_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let mut child = victim_command("leaf", place.path()).spawn().unwrap();
    wait_for(place.path(), 1);
    let id = id_of(&child);
    let report = kill_tree(id, &in_haste()).unwrap();
    assert_eq!(report.processes.len(), 1);
    let listed = look().row(id.pid).is_some_and(|row| row.state == State::Zombie);
    assert_eq!(listed, expected().has_zombies, "until it is collected");
    child.wait().unwrap();
    let again = kill_tree(id, &in_haste()).unwrap();
    assert!(again.is_clean() && again.processes.is_empty(), "{again:?}");
}

#[test]
fn another_owner_of_the_pid_is_left_alone() {
    let mut bystander = Bystander::start();
    let own = id_of(&bystander.child);
    let start = own.birth.start.expect("the birth is known");
    let report = kill_tree(ProcessId::started(own.pid, start - 1), &in_haste()).unwrap();
    assert!(report.processes.is_empty(), "{report:?}");
    bystander.assert_alive();
}

#[test]
fn the_caller_and_its_ancestors_are_refused() {
    let own = Pid::new(std::process::id()).unwrap();
    let refusal = |pid| match kill_tree(ProcessId::unborn(pid), &KillPolicy::default()) {
        Err(Error::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(own), Refusal::Own);

    let place = tempfile::tempdir().unwrap();
    let mut child = victim_command("patricide", place.path()).spawn().unwrap();
    wait_for(place.path(), 1);
    let said = present(place.path()).remove(&Pid::new(child.id()).unwrap());
    assert_eq!(said.as_deref(), Some("Ancestor"));
    place.close().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_listener_is_found_by_its_port() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let found = fell::ports::listeners(socket.local_addr().unwrap().port()).unwrap();
    let is_found = found.processes.iter().any(|id| id.pid.get() == std::process::id());
    assert!(is_found || !found.gaps.is_empty(), "found, or said not to be told: {found:?}");
}
