//! Who has open what the processes of a scene wait on: themselves, and everybody else on this host.

use super::{Look, SHORT, descriptors};
use crate::pid::Pid;
use crate::scene::{Call, Descriptor, Holder, Kind, Scene, Seen, Socket, Thing, Who};
use crate::snapshot::Gap;
use crate::sys::Machine;
use crate::sys::linux::proc::proc_path;
use crate::sys::parse::{self, Link};
use rustix::fs::readlinkat;
use rustix::io::Errno;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Fills in who has open what is waited on.
pub(super) fn find(look: &mut Look<'_>, scene: &mut Scene) {
    let wanted = wanted(scene);
    if wanted.is_empty() {
        return;
    }
    let mut found: Vec<(Thing, Holder)> = Vec::new();
    for seen in &scene.processes {
        let who = Who { pid: seen.info.pid(), name: seen.info.name.clone() };
        for Descriptor { kind, reads, writes, .. } in seen.descriptors.iter().flatten() {
            // Files were looked at for their locks already.
            if let Some(thing) = kind.thing().filter(|thing| wanted.contains_key(thing))
                && !matches!(kind, Kind::File(..))
            {
                let holder = Holder { who: who.clone(), reads: *reads, writes: *writes, locks: false };
                found.push((thing, holder));
            }
        }
    }
    let inside: BTreeSet<Pid> = scene.processes.iter().map(|seen| seen.info.pid()).collect();
    let mut denied = 0_usize;
    let mut missed = 0_usize;
    match look.machine.files().pids(b"/proc") {
        Ok(mut pids) => {
            // Time may run out: first those who have taken a lock that is waited for, then the youngest.
            let takers: BTreeSet<Pid> = scene.locks.iter().filter_map(|lock| lock.taken_by).collect();
            pids.sort_unstable_by_key(|pid| (!takers.contains(pid), Reverse(*pid)));
            for pid in pids.into_iter().filter(|pid| !inside.contains(pid)) {
                if look.is_over() {
                    missed += 1;
                    continue;
                }
                match among(look, pid, &wanted) {
                    Ok(held) if held.is_empty() => {}
                    Ok(held) => {
                        // Who has ended since holds nothing.
                        let Ok(row) = look.machine.read(pid) else { continue };
                        let who = Who { pid, name: row.name };
                        found.extend(held.into_iter().map(|(thing, reads, writes, locks)| {
                            (thing, Holder { who: who.clone(), reads, writes, locks })
                        }));
                    }
                    Err(Errno::NOENT | Errno::SRCH) => {}
                    Err(_) => denied += 1,
                }
            }
        }
        Err(errno) => look.gaps.push(Gap { pid: None, what: format!("/proc: {errno}") }),
    }
    if denied > 0 {
        let what = format!("descriptors of {denied} processes outside the tree: permission denied");
        look.gaps.push(Gap { pid: None, what });
    }
    if missed > 0 {
        let what = format!("descriptors of {missed} processes outside the tree: out of time");
        look.gaps.push(Gap { pid: None, what });
    }
    scene.hidden = denied + missed;
    for (thing, holder) in found {
        scene.holders.entry(thing).or_default().push(holder);
    }
}

/// What is waited on, and under which path, if it has one.
fn wanted(scene: &Scene) -> BTreeMap<Thing, Option<String>> {
    let mut wanted = BTreeMap::new();
    for seen in &scene.processes {
        for descriptor in waited_on(seen) {
            match &descriptor.kind {
                Kind::Pipe(_) => {
                    wanted.extend(descriptor.kind.thing().map(|thing| (thing, None)));
                }
                Kind::Fifo(path, _) | Kind::File(path, _) => {
                    wanted.extend(descriptor.kind.thing().map(|thing| (thing, Some(path.clone()))));
                }
                Kind::Socket(inode) => {
                    let peer = match scene.sockets.get(inode) {
                        Some(Socket::Unix { peer, .. } | Socket::Tcp { peer, .. }) => *peer,
                        None => None,
                    };
                    wanted.extend(peer.map(|peer| (Thing::Socket(peer), None)));
                }
                _ => {}
            }
        }
    }
    wanted
}

/// The files that are waited on for a lock, by device and inode.
pub(super) fn waited_files(scene: &Scene) -> BTreeSet<(u64, u64)> {
    let files = scene.processes.iter().flat_map(waited_on).filter_map(|descriptor| match &descriptor.kind {
        Kind::File(_, file) => Some(*file),
        _ => None,
    });
    files.collect()
}

/// The descriptors that a process waits on. Where the call may not be seen, those that fit the channel.
fn waited_on(seen: &Seen) -> Vec<&Descriptor> {
    let mut found: Vec<&Descriptor> = Vec::new();
    for thread in seen.threads.iter().flatten() {
        match (&thread.call, thread.channel.as_deref()) {
            (Some(Call::Read(number) | Call::Write(number)), _) => {
                // A file on a disk has no other end.
                found.extend(seen.descriptor(*number).filter(|descriptor| !matches!(descriptor.kind, Kind::File(..))));
            }
            (Some(Call::Lock(number)), _) => found.extend(seen.descriptor(*number)),
            (Some(Call::Poll(interests, _)), _) => {
                let all = interests.iter().filter_map(|interest| seen.descriptor(interest.number));
                found.extend(all.filter(|descriptor| !matches!(descriptor.kind, Kind::File(..))));
            }
            (None, Some(channel)) if channel.contains("pipe") => {
                let all = seen.descriptors.iter().flatten();
                found.extend(all.filter(|descriptor| matches!(descriptor.kind, Kind::Pipe(_) | Kind::Fifo(..))));
            }
            (None, Some(channel)) if channel.contains("lock") => {
                let all = seen.descriptors.iter().flatten();
                found.extend(all.filter(|descriptor| matches!(descriptor.kind, Kind::File(..))));
            }
            _ => {}
        }
    }
    found
}

type Held = Vec<(Thing, bool, bool, bool)>;

/// What of this another process has open, for what, and whether it holds a lock on it.
fn among(look: &Look<'_>, pid: Pid, wanted: &BTreeMap<Thing, Option<String>>) -> Result<Held, Errno> {
    let mut held = Held::new();
    let until = look.until;
    look.machine.files().list(proc_path!("/proc/{pid}/fd").as_bytes(), |directory, name| {
        if super::since_boot() >= until {
            return;
        }
        // Closed since it was listed: then it is not held.
        let Ok(link) = readlinkat(directory, name, Vec::new()) else { return };
        let thing = match parse::link(link.as_bytes()) {
            Link::Pipe(inode) => Some(Thing::Pipe(inode)),
            Link::Socket(inode) => Some(Thing::Socket(inode)),
            // In another mount namespace its path may be another one, but hardly its name.
            Link::Path(path) if wanted.values().flatten().any(|one| base_name(one.as_bytes()) == base_name(path)) => {
                descriptors::file(directory, name).map(|(_, file)| Thing::File(file))
            }
            Link::Path(_) | Link::Anonymous(_) => None,
        };
        let Some(thing) = thing.filter(|thing| wanted.contains_key(thing)) else { return };
        let (reads, writes) = descriptors::modes(directory, name);
        let number = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
        let locks = matches!(thing, Thing::File(_))
            && number.is_some_and(|number| !descriptors::info(look, pid, number, SHORT).locks.is_empty());
        held.push((thing, reads, writes, locks));
    })?;
    Ok(held)
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}
