//! What a wait is for: the other end of a pipe or socket, the holder of a lock.

use super::reason::who_is;
use super::words::{names, whose};
use crate::pid::Pid;
use crate::scene::{Descriptor, Interest, Kind, Scene, Seen, Socket, Thing, Until, Who};
use std::collections::BTreeSet;

/// How many ends of a wait on several are told.
const MOST_ENDS: usize = 4;

/// What one wait is for.
pub(super) struct End {
    pub(super) text: String,
    pub(super) waits_for: Option<BTreeSet<Pid>>,
    pub(super) rank: u8,
}

impl End {
    /// For something that no process in particular can give.
    pub(super) fn of_nobody(rank: u8, text: impl Into<String>) -> End {
        End { text: text.into(), waits_for: None, rank }
    }
}

pub(super) fn on_descriptor(scene: &Scene, seen: &Seen, number: i32, reads: bool) -> End {
    match seen.descriptor(number) {
        Some(descriptor) => on(scene, seen, descriptor, reads),
        None if reads => End::of_nobody(5, format!("reads from descriptor {number}, which could not be seen")),
        None => End::of_nobody(5, format!("writes to descriptor {number}, which could not be seen")),
    }
}

pub(super) fn on(scene: &Scene, seen: &Seen, descriptor: &Descriptor, reads: bool) -> End {
    let doing = if reads { "waits for data from" } else { "is blocked writing to" };
    match &descriptor.kind {
        Kind::Pipe(_) => pipe(scene, seen, &descriptor.kind, reads, "a pipe"),
        Kind::Fifo(path, _) => pipe(scene, seen, &descriptor.kind, reads, &format!("the FIFO {path}")),
        Kind::Socket(inode) => socket(scene, seen, *inode, doing),
        Kind::Device(path) if path.starts_with("/dev/pts/") || path.starts_with("/dev/tty") => match reads {
            true => End::of_nobody(3, format!("waits for input from the terminal {path}")),
            false => End::of_nobody(3, format!("is blocked writing to the terminal {path}")),
        },
        Kind::Device(path) | Kind::File(path, _) => match reads {
            true => End::of_nobody(4, format!("reads {path}")),
            false => End::of_nobody(4, format!("writes {path}")),
        },
        Kind::Pidfd(process) => End::of_nobody(
            4,
            match process {
                Some(process) => format!("waits for {} to end", who_is(scene, *process)),
                None => String::from("waits for a process to end"),
            },
        ),
        Kind::Epoll(_) => End::of_nobody(5, "waits for one of several descriptors"),
        Kind::Other(what) => End::of_nobody(5, format!("waits for {what}")),
    }
}

/// The processes that have it open the other way.
fn others(scene: &Scene, thing: Option<Thing>, wants_writers: bool) -> BTreeSet<Who> {
    let holders = thing.and_then(|thing| scene.holders.get(&thing)).into_iter().flatten();
    holders
        .filter(|holder| if wants_writers { holder.writes } else { holder.reads })
        .map(|holder| holder.who.clone())
        .collect()
}

fn pipe(scene: &Scene, seen: &Seen, kind: &Kind, reads: bool, what: &str) -> End {
    let (doing, role) = if reads { ("waits for data from", "writer") } else { ("is blocked writing to", "reader") };
    let mut all = others(scene, kind.thing(), reads);
    let own = seen.info.pid();
    let holds_both = all.iter().any(|who| who.pid == own);
    let pids = all.iter().map(|who| who.pid).collect();
    all.retain(|who| who.pid != own);
    let text = match (all.is_empty(), holds_both) {
        (false, _) => format!("{doing} {what} {}", whose(role, &all)),
        (true, true) => format!("{doing} {what} whose only {role} it is itself: it has not closed that end"),
        (true, false) if scene.hidden > 0 => {
            format!("{doing} {what} whose {role} is none of the processes that may be looked into")
        }
        (true, false) => format!("{doing} {what} whose {role} is gone"),
    };
    // Who waits for itself may be woken by a signal, such as that of a child's end.
    let is_woken = all.is_empty() && scene.rows.iter().any(|row| row.parent == Some(own));
    End { text, waits_for: (!all.is_empty() || holds_both && !is_woken).then_some(pids), rank: 1 }
}

fn socket(scene: &Scene, seen: &Seen, inode: u64, doing: &str) -> End {
    let (what, peer, remote, is_queued) = match scene.sockets.get(&inode) {
        Some(Socket::Unix { path, peer, .. }) => {
            let what =
                path.as_ref().map_or_else(|| String::from("a Unix socket"), |path| format!("the Unix socket {path}"));
            (what, *peer, None, false)
        }
        Some(Socket::Tcp { local, remote, peer, is_queued, .. }) => {
            (format!("the TCP connection {local} to {remote}"), *peer, Some(remote), *is_queued)
        }
        None => {
            return End::of_nobody(
                4,
                format!("{doing} a socket that is not of this network namespace, or neither TCP nor Unix"),
            );
        }
    };
    let all = others(scene, peer.map(Thing::Socket), true);
    let all: BTreeSet<Who> = all.into_iter().filter(|who| who.pid != seen.info.pid() || peer.is_some()).collect();
    let text = match (all.is_empty(), remote) {
        (false, _) if is_queued => format!("{doing} {what}, not yet accepted by {}", names(&all)),
        (false, _) => format!("{doing} {what} whose other end is with {}", names(&all)),
        (true, Some(remote)) if peer.is_none() && !remote.ip().is_loopback() => {
            format!("{doing} {what}: its other end is not seen on this host")
        }
        (true, _) if peer.is_some() || scene.hidden > 0 => {
            format!("{doing} {what} whose other end is with none of the processes that may be looked into")
        }
        (true, _) => format!("{doing} {what} whose other end could not be found"),
    };
    let pids: BTreeSet<Pid> = all.iter().map(|who| who.pid).collect();
    End { text, waits_for: (!pids.is_empty()).then_some(pids), rank: 1 }
}

pub(super) fn accept(scene: &Scene, seen: &Seen, number: i32) -> End {
    let place = listening(scene, seen, number).map_or_else(String::new, |place| format!(" on {place}"));
    End::of_nobody(3, format!("waits for a connection{place}"))
}

/// Where a listening socket listens.
fn listening(scene: &Scene, seen: &Seen, number: i32) -> Option<String> {
    let Kind::Socket(inode) = seen.descriptor(number)?.kind else { return None };
    match scene.sockets.get(&inode)? {
        Socket::Unix { path, listens: true, .. } => Some(path.clone().unwrap_or_else(|| String::from("a Unix socket"))),
        Socket::Tcp { local, listens: true, .. } => Some(format!("port {} ({local})", local.port())),
        Socket::Unix { .. } | Socket::Tcp { .. } => None,
    }
}

pub(super) fn connect(scene: &Scene, seen: &Seen, number: i32) -> End {
    let remote = match seen.descriptor(number).map(|descriptor| &descriptor.kind) {
        Some(Kind::Socket(inode)) => match scene.sockets.get(inode) {
            Some(Socket::Tcp { remote, .. }) => Some(remote.to_string()),
            _ => None,
        },
        _ => None,
    };
    End::of_nobody(
        2,
        match remote {
            Some(remote) => format!("waits for {remote} to answer its connection"),
            None => String::from("waits for its connection to be taken"),
        },
    )
}

pub(super) fn poll(scene: &Scene, seen: &Seen, interests: &[Interest], until: Until) -> End {
    let mut texts: Vec<String> = Vec::new();
    let mut waits_for = Some(BTreeSet::new());
    let mut rank = 5;
    let mut one = |end: End| {
        waits_for = match (waits_for.take(), end.waits_for) {
            (Some(all), Some(more)) => Some(all.into_iter().chain(more).collect()),
            _ => None,
        };
        rank = rank.min(end.rank.max(1));
        if !texts.contains(&end.text) {
            texts.push(end.text);
        }
    };
    let mut is_whole = true;
    for interest in interests {
        let Some(descriptor) = seen.descriptor(interest.number) else {
            is_whole = false;
            continue;
        };
        match &descriptor.kind {
            Kind::Socket(_) if interest.reads && listening(scene, seen, interest.number).is_some() => {
                one(accept(scene, seen, interest.number));
            }
            // What an event loop wakes itself with tells nothing, and may come from anywhere.
            Kind::Other(_) | Kind::Epoll(_) => is_whole = false,
            Kind::Pipe(_) | Kind::Socket(_) if only_own(scene, seen, &descriptor.kind) => is_whole = false,
            _ => one(on(scene, seen, descriptor, interest.reads || !interest.writes)),
        }
    }
    if texts.is_empty() {
        let limited = if until == Until::Limited { " or a time that it has set" } else { "" };
        return End::of_nobody(
            5,
            match interests.is_empty() {
                true => format!("waits for events{limited}"),
                false => format!("waits for events of its own{limited}"),
            },
        );
    }
    let more = texts.len().saturating_sub(MOST_ENDS);
    texts.truncate(MOST_ENDS);
    let mut text = texts.join("; or ");
    if more > 0 {
        text.push_str(&format!("; or {more} more"));
    }
    let waits_for = waits_for.filter(|all| is_whole && until == Until::Forever && !all.is_empty());
    End { text, waits_for, rank }
}

/// Whether both ends of this pipe or socket are with this process alone: then it wakes itself with it.
fn only_own(scene: &Scene, seen: &Seen, kind: &Kind) -> bool {
    let end = match kind {
        Kind::Socket(inode) => match scene.sockets.get(inode) {
            Some(Socket::Unix { peer, .. } | Socket::Tcp { peer, .. }) => peer.map(Thing::Socket),
            None => None,
        },
        kind => kind.thing(),
    };
    let holders = end.and_then(|end| scene.holders.get(&end));
    holders.is_some_and(|holders| {
        let own = seen.info.pid();
        holders.iter().all(|holder| holder.who.pid == own) && holders.iter().any(|holder| holder.writes)
    })
}

pub(super) fn lock(scene: &Scene, seen: &Seen, number: i32) -> End {
    let own = seen.info.pid();
    let Some(Descriptor { kind: kind @ Kind::File(path, (_, inode)), .. }) = seen.descriptor(number) else {
        return wanted_lock(scene, own)
            .unwrap_or_else(|| End::of_nobody(2, "waits for a lock on a file that could not be seen"));
    };
    let holders = kind.thing().and_then(|thing| scene.holders.get(&thing)).into_iter().flatten();
    let all: BTreeSet<Who> =
        holders.filter(|holder| holder.locks && holder.who.pid != own).map(|holder| holder.who.clone()).collect();
    let taken_by = scene.locks.iter().find(|lock| lock.inode == *inode && !lock.waits).and_then(|lock| lock.taken_by);
    let mut text = match (all.len(), taken_by) {
        (0, Some(taken_by)) => format!("waits for a lock on {path} that {} has taken", who_is(scene, taken_by)),
        (0, None) => format!("waits for a lock on {path}; who holds it could not be seen"),
        (1, _) => format!("waits for a lock on {path} that {} holds", names(&all)),
        _ => format!("waits for a lock on {path} that {} hold", names(&all)),
    };
    if let (false, Some(taken_by)) = (all.is_empty(), taken_by)
        && !all.iter().any(|who| who.pid == taken_by)
    {
        text.push_str(&format!(" (taken by PID {taken_by}, which handed it on)"));
    }
    let pids: BTreeSet<Pid> = all.iter().map(|who| who.pid).collect();
    End { text, waits_for: (!pids.is_empty()).then_some(pids), rank: 0 }
}

/// By the kernel's table of locks, in which those who wait have their places.
pub(super) fn wanted_lock(scene: &Scene, own: Pid) -> Option<End> {
    let wanted = scene.locks.iter().find(|lock| lock.waits && lock.by.contains(&own))?;
    let holders = scene.locks.iter().filter(|lock| lock.inode == wanted.inode && !lock.waits);
    let pids: BTreeSet<Pid> = holders.flat_map(|lock| lock.by.iter().copied()).filter(|pid| *pid != own).collect();
    let named: Vec<String> = pids.iter().map(|pid| who_is(scene, *pid)).collect();
    Some(End {
        text: match named.is_empty() {
            true => format!("waits for a lock on {}; who holds it could not be seen", wanted.file),
            false => format!("waits for a lock on {} that {} holds", wanted.file, named.join(", ")),
        },
        waits_for: (!pids.is_empty()).then_some(pids),
        rank: 0,
    })
}
