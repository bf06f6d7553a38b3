//! Reasons on made-up scenes.

use super::{deadlocks, reasons};
use crate::id::ProcessId;
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::scene::{
    Call, Descriptor, FileLock, Holder, Interest, Kind, LockId, Scene, Seen, Socket, Thing, Thread, Until, Who, Whom,
};
use std::collections::BTreeSet;

fn pid(number: u32) -> Pid {
    Pid::new(number).unwrap()
}

fn who(number: u32, name: &str) -> Who {
    Who { pid: pid(number), name: String::from(name) }
}

fn holder(number: u32, name: &str, reads: bool, writes: bool) -> Holder {
    Holder { who: who(number, name), reads, writes, locks: false }
}

fn thread(number: u32, call: Option<Call>, channel: Option<&str>) -> Thread {
    Thread { id: pid(number), call, channel: channel.map(String::from) }
}

fn process(number: u32, name: &str, calls: &[Option<Call>], descriptors: &[Descriptor]) -> Seen {
    let mut info = ProcessInfo::bare(ProcessId::unborn(pid(number)), Pid::new(1));
    info.name = String::from(name);
    info.state = State::Sleeping;
    info.threads = u32::try_from(calls.len()).ok();
    let threads = (number..).zip(calls).map(|(number, call)| thread(number, call.clone(), None)).collect();
    Seen {
        info,
        threads: Some(threads),
        more_threads: 0,
        descriptors: Some(descriptors.to_vec()),
        tracer: None,
        cgroup: None,
        in_own_network: true,
    }
}

fn open(number: i32, kind: Kind, reads: bool, writes: bool) -> Descriptor {
    Descriptor { number, kind, reads, writes }
}

/// The first reason of the only process of this scene.
fn first(mut scene: Scene, seen: Seen) -> String {
    scene.processes.push(seen);
    reasons(&scene, &scene.processes[0])[0].text.clone()
}

#[test]
fn a_pipe_is_told_by_its_other_end() {
    let mut scene = Scene::default();
    let holders = vec![holder(7, "a", true, false), holder(8, "b", false, true), holder(9, "c", false, true)];
    scene.holders.insert(Thing::Pipe(5), holders);
    let reader = process(7, "a", &[Some(Call::Read(0))], &[open(0, Kind::Pipe(5), true, false)]);
    assert_eq!(first(scene.clone(), reader), "waits for data from a pipe whose writers are PID 8 (b), PID 9 (c)");
    let writer = process(8, "b", &[Some(Call::Write(1))], &[open(1, Kind::Pipe(5), false, true)]);
    assert_eq!(first(scene, writer), "is blocked writing to a pipe whose reader is PID 7 (a)");
}

#[test]
fn what_may_not_be_seen_is_said() {
    let reader = process(7, "a", &[Some(Call::Read(0))], &[open(0, Kind::Pipe(5), true, false)]);
    let hidden = Scene { hidden: 3, ..Scene::default() };
    let text = first(hidden, reader.clone());
    assert_eq!(text, "waits for data from a pipe whose writer is none of the processes that may be looked into");
    assert_eq!(first(Scene::default(), reader), "waits for data from a pipe whose writer is gone");
    let lost = process(7, "a", &[Some(Call::Read(9))], &[]);
    assert_eq!(first(Scene::default(), lost), "reads from descriptor 9, which could not be seen");
    let mut blind = process(7, "a", &[None], &[]);
    blind.descriptors = None;
    assert!(reasons(&Scene::default(), &blind).is_empty(), "nothing is known, and nothing is said");
    blind.threads = Some(vec![thread(7, None, Some("anon_pipe_read"))]);
    assert_eq!(first(Scene::default(), blind), "waits for data from a pipe; which one may not be seen");
}

#[test]
fn the_only_pipe_that_fits_the_channel_is_the_one() {
    let mut scene = Scene::default();
    scene.holders.insert(Thing::Pipe(5), vec![holder(8, "b", false, true)]);
    let mut reader = process(7, "a", &[], &[open(0, Kind::Pipe(5), true, false), open(1, Kind::Pipe(6), false, true)]);
    reader.threads = Some(vec![thread(7, None, Some("anon_pipe_read"))]);
    assert_eq!(first(scene, reader), "waits for data from a pipe whose writer is PID 8 (b)");
}

fn lock(waits: bool, by: &[u32], taken_by: Option<u32>) -> FileLock {
    FileLock {
        kind: String::from("flock"),
        access: String::from("write"),
        waits,
        file: String::from("/x"),
        inode: 3,
        id: LockId::default(),
        by: by.iter().map(|number| pid(*number)).collect(),
        taken_by: taken_by.map(pid),
    }
}

#[test]
fn a_lock_is_told_by_who_holds_it() {
    let file = Kind::File(String::from("/x"), (1, 3));
    let waiter = process(7, "a", &[Some(Call::Lock(4))], &[open(4, file, true, true)]);
    let mut scene = Scene::default();
    let held = Holder { locks: true, ..holder(8, "daemon", true, true) };
    scene.holders.insert(Thing::File((1, 3)), vec![held, holder(9, "other", true, true)]);
    scene.locks = vec![lock(false, &[8], Some(6))];
    assert_eq!(
        first(scene.clone(), waiter.clone()),
        "waits for a lock on /x that PID 8 (daemon) holds (taken by PID 6, which handed it on)"
    );
    scene.holders.clear();
    assert_eq!(first(scene.clone(), waiter.clone()), "waits for a lock on /x that PID 6 has taken");
    scene.locks.clear();
    assert_eq!(first(scene.clone(), waiter), "waits for a lock on /x; who holds it could not be seen");
    let mut blind = process(7, "a", &[], &[]);
    blind.threads = Some(vec![thread(7, None, Some("locks_lock_inode_wait"))]);
    scene.locks = vec![lock(true, &[7], None), lock(false, &[8], None)];
    assert_eq!(first(scene, blind), "waits for a lock on /x that PID 8 holds");
}

#[test]
fn children_are_told_by_name() {
    let mut scene = Scene::default();
    let mut child = process(8, "sleep", &[Some(Call::Sleep)], &[]);
    child.info.parent = Some(pid(7));
    let mut dead = process(9, "true", &[], &[]);
    dead.info.parent = Some(pid(7));
    dead.info.state = State::Zombie;
    let shell = |call| process(7, "sh", &[Some(call)], &[]);
    scene.processes.push(shell(Call::Wait(Whom::Any)));
    scene.processes.extend([child, dead]);
    scene.rows = scene.processes.iter().map(|seen| seen.info.clone()).collect();
    let text = |scene: &Scene, index: usize| reasons(scene, &scene.processes[index])[0].text.clone();
    assert_eq!(text(&scene, 0), "waits for its child PID 8 (sleep)");
    assert_eq!(text(&scene, 2), "has ended; PID 7 (sh) has not collected it");
    scene.processes[0] = shell(Call::Signal(Until::Forever));
    assert_eq!(text(&scene, 0), "waits for a signal, such as the end of its child PID 8 (sleep)");
    scene.processes[0] = shell(Call::Wait(Whom::Process(pid(8))));
    assert_eq!(text(&scene, 0), "waits for its child PID 8 (sleep)");
}

#[test]
fn sockets_are_told_by_both_ends() {
    let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let tcp = |peer, is_queued| Socket::Tcp { local: address(1), remote: address(2), listens: false, peer, is_queued };
    let client = process(7, "a", &[Some(Call::Read(3))], &[open(3, Kind::Socket(5), true, true)]);
    let mut scene = Scene::default();
    scene.holders.insert(Thing::Socket(6), vec![holder(8, "server", true, true)]);
    for (queued, text) in [
        (
            false,
            "waits for data from the TCP connection 127.0.0.1:1 to 127.0.0.1:2 whose other end is with PID 8 (server)",
        ),
        (true, "waits for data from the TCP connection 127.0.0.1:1 to 127.0.0.1:2, not yet accepted by PID 8 (server)"),
    ] {
        scene.sockets.insert(5, tcp(Some(6), queued));
        assert_eq!(first(scene.clone(), client.clone()), text);
    }
    let unix = Socket::Unix { path: Some(String::from("/run/x")), listens: false, peer: Some(6) };
    scene.sockets.insert(5, unix);
    assert_eq!(
        first(scene.clone(), client.clone()),
        "waits for data from the Unix socket /run/x whose other end is with PID 8 (server)"
    );
    let remote = "93.184.216.34:443".parse().unwrap();
    let far = Socket::Tcp { local: address(1), remote, listens: false, peer: None, is_queued: false };
    scene.sockets.insert(5, far);
    assert!(first(scene, client).ends_with("to 93.184.216.34:443: its other end is not seen on this host"));
}

#[test]
fn an_event_loop_is_told_by_what_it_waits_for() {
    let interest = |number| Interest { number, reads: true, writes: false };
    let descriptors = [
        open(3, Kind::Pipe(5), true, false),
        open(4, Kind::Pipe(6), true, false),
        open(5, Kind::Other(String::from("eventfd")), true, true),
        open(6, Kind::Socket(7), true, true),
    ];
    let interests = vec![interest(3), interest(4), interest(5), interest(6)];
    let mut scene = Scene::default();
    scene.holders.insert(Thing::Pipe(5), vec![holder(8, "b", false, true), holder(7, "a", true, false)]);
    scene.holders.insert(Thing::Pipe(6), vec![holder(7, "a", true, true)]);
    scene.holders.insert(Thing::Socket(8), vec![holder(7, "a", true, true)]);
    scene.sockets.insert(7, Socket::Unix { path: None, listens: false, peer: Some(8) });
    let seen = process(7, "a", &[Some(Call::Poll(interests, Until::Forever))], &descriptors);
    scene.processes.push(seen);
    let found = reasons(&scene, &scene.processes[0]);
    assert_eq!(found[0].text, "waits for data from a pipe whose writer is PID 8 (b)");
    assert_eq!(found[0].waits_for, None, "it can be woken by others too");
}

#[test]
fn a_circle_over_a_lock_and_a_child_is_a_deadlock() {
    let file = Kind::File(String::from("/x"), (1, 3));
    let mut scene = Scene::default();
    let held = Holder { locks: true, ..holder(7, "make", true, true) };
    scene.holders.insert(Thing::File((1, 3)), vec![held]);
    scene.processes.push(process(7, "make", &[Some(Call::Wait(Whom::Process(pid(8))))], &[]));
    scene.processes.push(process(8, "cargo", &[Some(Call::Lock(4))], &[open(4, file, true, true)]));
    let all: Vec<_> = scene.processes.iter().map(|seen| (seen.info.pid(), reasons(&scene, seen))).collect();
    assert_eq!(all[1].1[0].text, "waits for a lock on /x that PID 7 (make) holds");
    assert_eq!(deadlocks(&all), [[pid(7), pid(8)]]);
}

#[test]
fn the_most_telling_thread_comes_first() {
    let file = Kind::File(String::from("/x"), (1, 3));
    let calls = [Some(Call::Futex(Until::Forever)), Some(Call::Lock(4))];
    let seen = process(7, "a", &calls, &[open(4, file, true, true)]);
    let scene = Scene { processes: vec![seen], ..Scene::default() };
    let texts: BTreeSet<u8> = reasons(&scene, &scene.processes[0]).iter().map(|reason| reason.rank).collect();
    assert_eq!(texts.into_iter().collect::<Vec<_>>(), [0, 5]);
    assert!(reasons(&scene, &scene.processes[0])[0].text.contains("lock on /x"));
}
