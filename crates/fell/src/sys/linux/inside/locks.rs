//! The file locks of a scene.

use super::{Look, SHORT, descriptors};
use crate::pid::Pid;
use crate::scene::{FileLock, Holder, Kind, LockId, Scene, Thing, Who};
use crate::snapshot::Gap;
use crate::sys::parse::{self, Lock};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// How much of the table of locks is read: some 15,000 rows.
const TABLE: usize = 1 << 20;

/// Finds the locks on files that the processes of the scene have open.
pub(super) fn find(look: &mut Look<'_>, scene: &mut Scene) {
    let rows: Vec<Lock> = match look.read(b"/proc/locks", TABLE) {
        Ok(bytes) => parse::locks(&bytes).flatten().collect(),
        Err(errno) => {
            look.gaps.push(Gap { pid: None, what: format!("file locks: {errno}") });
            Vec::new()
        }
    };
    let locked: BTreeSet<u64> = rows.iter().map(|row| row.inode).collect();
    // Where the table hides a lock, because who took it has ended or belongs to another PID namespace, the waiting call
    // tells the file.
    let waited_on: BTreeSet<u64> = super::holders::waited_files(scene).iter().map(|(_, inode)| *inode).collect();
    let mut found: Vec<FileLock> = Vec::new();
    let mut holders: Vec<(Thing, Holder)> = Vec::new();
    for seen in &scene.processes {
        let pid = seen.info.pid();
        let mut done: BTreeSet<i32> = BTreeSet::new();
        for descriptor in seen.descriptors.iter().flatten() {
            let Kind::File(path, file @ (_, inode)) = &descriptor.kind else { continue };
            if !locked.contains(inode) && !waited_on.contains(inode) {
                continue;
            }
            if look.is_over() {
                look.gaps.push(Gap { pid: None, what: String::from("file locks: out of time") });
                break;
            }
            if !done.insert(descriptor.number) {
                continue;
            }
            let info = descriptors::info(look, pid, descriptor.number, SHORT);
            let locks = info.locks.iter().any(|lock| lock.inode == *inode);
            for lock in info.locks {
                add(&mut found, lock, path, pid);
            }
            for row in rows.iter().filter(|row| row.waits && row.inode == *inode && row.pid == Some(pid)) {
                add(&mut found, row.clone(), path, pid);
            }
            let who = Who { pid, name: seen.info.name.clone() };
            holders.push((Thing::File(*file), Holder { who, reads: false, writes: false, locks }));
        }
    }
    for (thing, holder) in holders {
        scene.holders.entry(thing).or_default().push(holder);
    }
    // Who waits outside the scene is not told; who holds, only by number, is settled when the others were looked at.
    for row in rows.into_iter().filter(|row| !row.waits && waited_on.contains(&row.inode)) {
        if !found.iter().any(|lock| !lock.waits && lock.inode == row.inode) {
            let file = format!("inode {}", row.inode);
            let id = id_of(&row);
            let Lock { waits, kind, access, pid, inode, .. } = row;
            found.push(FileLock { kind, access, waits, file, inode, id, by: BTreeSet::new(), taken_by: pid });
        }
    }
    scene.locks = found;
}

/// The locks that are held.
///
/// # Errors
///
/// The system does not tell.
pub(crate) fn held_locks() -> io::Result<Vec<Lock>> {
    let bytes = std::fs::read("/proc/locks")?;
    Ok(parse::locks(&bytes).flatten().filter(|lock| !lock.waits).collect())
}

/// What tells this lock from all others.
fn id_of(lock: &Lock) -> LockId {
    LockId { device: lock.device.clone(), inode: lock.inode, range: lock.range.clone(), taker: lock.taker }
}

fn add(found: &mut Vec<FileLock>, lock: Lock, path: &str, by: Pid) {
    let id = id_of(&lock);
    let Lock { waits, kind, access, pid, inode, .. } = lock;
    let same =
        |other: &&mut FileLock| other.id == id && other.waits == waits && other.kind == kind && other.access == access;
    match found.iter_mut().find(same) {
        Some(known) => {
            known.by.insert(by);
        }
        None => found.push(FileLock {
            kind,
            access,
            waits,
            file: String::from(path),
            inode,
            id,
            by: BTreeSet::from([by]),
            taken_by: pid,
        }),
    }
}

/// After everybody was looked at: whoever holds a lock by an open file is its holder, whoever took it.
pub(super) fn settle(scene: &mut Scene) {
    let mut by_inode: BTreeMap<u64, BTreeSet<Pid>> = BTreeMap::new();
    for (thing, holders) in &scene.holders {
        if let Thing::File((_, inode)) = thing {
            let pids = holders.iter().filter(|holder| holder.locks).map(|holder| holder.who.pid);
            by_inode.entry(*inode).or_default().extend(pids);
        }
    }
    for lock in scene.locks.iter_mut().filter(|lock| !lock.waits) {
        lock.by.extend(by_inode.get(&lock.inode).into_iter().flatten());
        lock.taken_by = lock.taken_by.filter(|pid| !lock.by.contains(pid));
    }
}
