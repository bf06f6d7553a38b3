//! Looking into processes: what their threads wait in, what they have open, and who has the other ends.
//!
//! Everything here is bounded by a moment, and by a number of descriptors a process. Files are looked at with
//! `AT_STATX_DONT_SYNC`, which asks no server: a process that hangs on a dead file server must not take its observer with
//! it. For the same reason nothing that lies in the memory of a process in an uninterruptible wait is read.

mod calls;
mod descriptors;
mod holders;
mod locks;
mod memory;
mod sockets;

pub(crate) use locks::held_locks;
pub(crate) use sockets::listening_addresses;

use super::Linux;
use super::clock::since_boot;
use super::proc::{proc_path, read_error};
use crate::id::Sameness;
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::scene::{Scene, Seen, Thing, Thread};
use crate::snapshot::Gap;
use crate::sys::{Machine, ReadError, parse};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::path::Path;
use std::time::Duration;

/// How many threads of a process are looked at.
const MOST_THREADS: usize = 16;
/// How much of a short file is read.
const SHORT: usize = 16 * 1024;

/// Looks into these processes until this moment of the clock since boot, and finds out who else has what they wait on.
pub(crate) fn see_inside(machine: &Linux, rows: &[ProcessInfo], until: Duration) -> (Scene, Vec<Gap>) {
    let mut look = Look { machine, until, gaps: Vec::new(), denied: 0, closed: 0 };
    if let Err(error) = machine.proc() {
        return (Scene::default(), vec![Gap { pid: None, what: format!("/proc: {error}") }]);
    }
    let mut scene = Scene::default();
    for (index, row) in rows.iter().enumerate() {
        if look.is_over() {
            let what = format!("what {} processes wait in and hold: out of time", rows.len() - index);
            look.gaps.push(Gap { pid: None, what });
            break;
        }
        scene.processes.extend(look.see(row));
    }
    sockets::find(&mut look, &mut scene);
    locks::find(&mut look, &mut scene);
    holders::find(&mut look, &mut scene);
    locks::settle(&mut scene);
    for (count, what) in [(look.denied, "what they wait in"), (look.closed, "what they have open")] {
        if count > 0 {
            let what = format!("{what}, of {count} of these processes: permission denied");
            look.gaps.push(Gap { pid: None, what });
        }
    }
    (scene, look.gaps)
}

/// What a descriptor shows that leads to this file.
pub(crate) fn things_of_path(path: &Path) -> Option<Vec<Thing>> {
    let found = rustix::fs::stat(path).ok()?;
    Some(vec![Thing::File((found.st_dev, found.st_ino))])
}

/// The same of the caller's standard output and error. Of terminals and `/dev/null`, nothing: everybody holds them.
pub(crate) fn things_of_own_output() -> Option<Vec<Thing>> {
    let mut things = Vec::new();
    for found in [rustix::fs::fstat(std::io::stdout()), rustix::fs::fstat(std::io::stderr())] {
        let found = found.ok()?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::CharacterDevice => {}
            FileType::Socket => things.push(Thing::Socket(found.st_ino)),
            // With a name or without one: the inodes of pipes without are those of a file system of their own.
            FileType::Fifo => things.extend([Thing::Pipe(found.st_ino), Thing::File((found.st_dev, found.st_ino))]),
            _ => things.push(Thing::File((found.st_dev, found.st_ino))),
        }
    }
    (!things.is_empty()).then_some(things)
}

/// A look into processes, with its bounds and what could not be seen.
struct Look<'a> {
    machine: &'a Linux,
    until: Duration,
    gaps: Vec<Gap>,
    /// Processes of which it may not be seen what they wait in, and what they have open.
    denied: usize,
    closed: usize,
}

impl Look<'_> {
    fn is_over(&self) -> bool {
        since_boot() >= self.until
    }

    fn gap(&mut self, pid: Pid, what: impl Into<String>) {
        self.gaps.push(Gap { pid: Some(pid), what: what.into() });
    }

    /// One process; `None` if it is gone, or another one has its PID.
    fn see(&mut self, row: &ProcessInfo) -> Option<Seen> {
        let pid = row.pid();
        let mut seen = Seen {
            info: row.clone(),
            threads: None,
            more_threads: 0,
            descriptors: None,
            tracer: None,
            cgroup: self.cgroup(pid),
            in_own_network: true,
        };
        if matches!(row.state, State::Zombie | State::Dead) || row.kernel_thread {
            seen.descriptors = Some(Vec::new());
            seen.threads = Some(Vec::new());
            return Some(seen);
        }
        if row.state == State::Traced {
            let status = self.read(proc_path!("/proc/{pid}/status").as_bytes(), SHORT);
            seen.tracer = status.ok().and_then(|bytes| parse::status(&bytes).tracer);
        }
        // First where it waits, then what that is: a descriptor that was closed meanwhile is not found, and nothing is said.
        self.see_threads(&mut seen);
        descriptors::see(self, &mut seen);
        // Read first, then verify: what was read before the row was still its own.
        match self.machine.read(pid) {
            Ok(now) if now.id.compare(&row.id) != Sameness::Different => {}
            _ => return None,
        }
        Some(seen)
    }

    fn see_threads(&mut self, seen: &mut Seen) {
        let pid = seen.info.pid();
        let Ok(mut ids) = self.machine.files().pids(proc_path!("/proc/{pid}/task").as_bytes()) else { return };
        ids.sort_unstable_by_key(|id| (*id != pid, *id));
        seen.more_threads = ids.len().saturating_sub(MOST_THREADS);
        ids.truncate(MOST_THREADS);
        let mut threads = Vec::with_capacity(ids.len());
        let mut is_denied = false;
        for id in ids {
            let call = match self.read(proc_path!("/proc/{pid}/task/{id}/syscall").as_bytes(), SHORT) {
                Ok(bytes) => parse::syscall(&bytes),
                Err(Errno::NOENT | Errno::SRCH) => continue,
                Err(_) => {
                    is_denied = true;
                    None
                }
            };
            let channel = self.read(proc_path!("/proc/{pid}/task/{id}/wchan").as_bytes(), SHORT).ok();
            // proc(5): `0` for a thread that runs, and for one that may not be looked into.
            let channel = channel.and_then(|bytes| String::from_utf8(bytes).ok());
            let channel = channel.filter(|name| !name.is_empty() && name != "0");
            let may_read = seen.info.state != State::Uninterruptible;
            let call = call.map(|call| calls::read(pid, call, may_read));
            threads.push(Thread { id, call, channel });
        }
        if is_denied {
            self.denied += 1;
        }
        seen.threads = (!threads.is_empty()).then_some(threads);
    }

    fn cgroup(&mut self, pid: Pid) -> Option<String> {
        let bytes = self.read(proc_path!("/proc/{pid}/cgroup").as_bytes(), SHORT).ok()?;
        let cgroups = parse::cgroup(&bytes);
        let path = cgroups.v2.or_else(|| {
            let by_name = |name: &[u8]| cgroups.v1.iter().find(|place| place.controllers == name);
            by_name(b"name=systemd").or(cgroups.v1.first()).map(|place| place.path)
        })?;
        Some(String::from_utf8_lossy(path).into_owned())
    }

    fn read(&self, path: &[u8], limit: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        self.machine.files().read(path, &mut bytes, limit).map(|_| bytes)
    }
}

/// What a failed look at descriptors means, in words; `None` if the process is just gone.
fn refusal(errno: Errno) -> Option<String> {
    match read_error(errno) {
        ReadError::Gone => None,
        error => Some(format!("descriptors: {error}")),
    }
}
