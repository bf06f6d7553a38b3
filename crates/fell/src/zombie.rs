//! Processes that have ended and that nobody has collected.

mod inject;
mod owner;

pub use crate::sys::headroom::{Limit, LimitKind};
pub use crate::sys::inject::InjectError;
pub use inject::inject;
pub use owner::{Owner, kill_parent};

use crate::id::{ProcessId, Sameness};
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::pin::{PinError, Pinned};
use crate::signal::Signal;
use crate::snapshot::{Gap, Snapshot};
use crate::sys::headroom::{cgroup_of, limits};
use crate::sys::{Collected, Host, Machine, ReadError, SignalError};
use crate::unit::Unit;
use std::collections::HashMap;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// A process that has ended, with all its threads, and waits for its parent to collect it.
///
/// It can't be killed: it is dead. Only its parent can collect it, or, when the parent has ended, whoever
/// inherits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zombie {
    /// Its row; the name and, where it may be seen, the exit status are those it ended with.
    pub info: ProcessInfo,
    /// Who fails to collect it; `None` if the row of the parent can't be read.
    pub parent: Option<ProcessInfo>,
    /// Whether the caller is its parent.
    pub is_ours: bool,
    /// For how long it has been dead, not counting times when the machine was suspended; accurate
    /// to a few milliseconds. For a process with several threads, since the end of its first thread.
    ///
    /// Linux: from `se.exec_start` in `/proc/PID/sched`, `None` on kernels without it.
    pub dead_for: Option<Duration>,
    /// The cgroup that it died in, or where the kernel does not keep that, its parent's. `None` without cgroups.
    pub cgroup: Option<String>,
}

impl Zombie {
    /// The container, service or session that it belonged to, as its cgroup is named.
    pub fn unit(&self) -> Option<Unit> {
        self.cgroup.as_deref().and_then(Unit::of_cgroup)
    }
}

/// The zombies that one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zombies {
    /// Those of the parent that has most of them first; those of one parent in ascending order.
    pub list: Vec<Zombie>,
    /// Who fails to collect them: the parent that has most of them first, as in the list.
    pub owners: Vec<Owner>,
    /// How many processes there may be and how many there are, of the system and around each of the owners.
    pub limits: Vec<Limit>,
    /// What could not be read; there may be more zombies than listed.
    pub gaps: Vec<Gap>,
}

impl Zombies {
    /// Those of one parent alone.
    #[must_use]
    pub fn of_parent(mut self, parent: Pid) -> Zombies {
        self.list.retain(|zombie| zombie.info.parent == Some(parent));
        self.owners.retain(|owner| owner.pid == Some(parent));
        self
    }
}

/// What came of collecting a zombie.
#[derive(Debug)]
pub enum Reaping {
    /// It was a child of the caller and is collected: this is how it had ended. Nobody else will learn that.
    Reaped(ExitStatus),
    /// Its parent was told once more that a child has ended.
    Nudged {
        /// The parent.
        parent: Pid,
        /// Whether the zombie was collected within the time.
        worked: bool,
    },
    /// Its parent was made to collect it, by [`inject`], and will never learn how it had ended.
    Injected {
        /// The parent.
        parent: Pid,
    },
    /// It has not ended, or a thread of it still runs.
    NotAZombie,
    /// No process has this PID any more, or another one has it now.
    AlreadyGone,
    /// It is a child of another process, which alone can collect it.
    NotOurs {
        /// That process, where known.
        parent: Option<Pid>,
    },
    /// The system refuses.
    Failed(io::Error),
}

/// Lists the zombies of the whole system.
///
/// A leader thread that has ended while other threads of its process run is no zombie, although the table
/// shows state Z.
///
/// Linux: reads the whole table, a few files more of each zombie and of each owner, and to tell how long a zombie has been dead, binds the calling thread for an instant
/// to each processor that a zombie ran on last.
pub fn zombies() -> Zombies {
    let machine = Host::new();
    let mut table = machine.table();
    table.rows.extend(machine.unlisted_dead(&table));
    let dead = std::mem::take(&mut table.rows);
    let (dead, alive) = dead.into_iter().partition(|row| row.state == State::Zombie);
    table.rows = alive;
    let mut zombies = list(dead, &table, machine.own(), |pid| machine.living_threads(pid));
    for zombie in &mut zombies.list {
        zombie.dead_for = machine.dead_for(zombie.info.pid());
        let is_kept = |path: &String| path != "/";
        zombie.cgroup = cgroup_of(zombie.info.pid()).filter(is_kept);
    }
    zombies.owners = owner::owners(&machine, &zombies.list);
    let places: HashMap<Option<Pid>, &Owner> = zombies.owners.iter().map(|owner| (owner.pid, owner)).collect();
    for zombie in zombies.list.iter_mut().filter(|zombie| zombie.cgroup.is_none()) {
        zombie.cgroup = places.get(&zombie.info.parent).and_then(|owner| owner.cgroup.clone());
    }
    let threads = table.gaps.is_empty().then(|| {
        let living = table.rows.iter().map(|row| u64::from(row.threads.unwrap_or(1))).sum::<u64>();
        living + u64::try_from(zombies.list.len()).unwrap_or(0)
    });
    let parents: Vec<Pid> = zombies.owners.iter().filter_map(|owner| owner.pid).collect();
    zombies.limits = limits(&parents, threads);
    zombies
}

/// The zombies among rows in state Z, with their parents from the rest of the table.
fn list(
    dead: Vec<ProcessInfo>,
    table: &Snapshot,
    own: Pid,
    living_threads: impl Fn(Pid) -> Result<usize, ReadError>,
) -> Zombies {
    let mut gaps = table.gaps.clone();
    let mut counts: HashMap<Option<Pid>, usize> = HashMap::new();
    let mut list = Vec::new();
    // A zombie's children have been given away, so no zombie is the parent of another, unless its other threads live.
    let leaders: HashMap<Pid, ProcessInfo> = dead.iter().map(|row| (row.pid(), row.clone())).collect();
    for info in dead {
        if info.threads.is_none_or(|threads| threads > 1) {
            match living_threads(info.pid()) {
                Ok(0) => {}
                Ok(_) | Err(ReadError::Gone) => continue,
                Err(error) => {
                    gaps.push(Gap { pid: Some(info.pid()), what: format!("threads: {error}") });
                    continue;
                }
            }
        }
        let parent = info.parent.and_then(|parent| table.row(parent).or(leaders.get(&parent))).cloned();
        *counts.entry(info.parent).or_default() += 1;
        let is_ours = info.parent == Some(own);
        list.push(Zombie { info, parent, is_ours, dead_for: None, cgroup: None });
    }
    let count = |zombie: &Zombie| counts.get(&zombie.info.parent).copied().unwrap_or(0);
    list.sort_by_key(|zombie| (std::cmp::Reverse(count(zombie)), zombie.info.parent, zombie.info.pid()));
    Zombies { list, owners: Vec::new(), limits: Vec::new(), gaps }
}

/// Collects a zombie that is a child of the caller; never any other child.
///
/// Another's child is left alone, and [`Reaping::NotOurs`] names its parent, which [`nudge`] may help. A caller
/// that waits for the child elsewhere, by [`std::process::Child`] say, will find no child there any more.
pub fn reap(target: &ProcessId) -> Reaping {
    let pinned = match Pinned::new(target) {
        Ok(pinned) => pinned,
        Err(PinError::Gone) => return Reaping::AlreadyGone,
        Err(PinError::Failed(error)) => return Reaping::Failed(error),
    };
    if !pinned.has_ended() {
        return Reaping::NotAZombie;
    }
    match pinned.handle().collect() {
        Ok(Collected::Status(status)) => Reaping::Reaped(status),
        Ok(Collected::Alive) => Reaping::NotAZombie,
        Ok(Collected::NoChild) if pinned.handle().is_collected() => Reaping::AlreadyGone,
        Ok(Collected::NoChild) => Reaping::NotOurs { parent: pinned.info().parent },
        Err(error) => Reaping::Failed(error),
    }
}

/// Asks the parent of a zombie to collect it, by SIGCHLD, and waits up to `wait` to see whether it did.
///
/// That helps a parent whose handler missed a signal; one that never waits for its children ignores it. A parent
/// that collects one child a signal collects one, not necessarily this one. The default action of SIGCHLD is to be
/// ignored, so it harms nobody, PID 1 included.
///
/// The caller's own zombie is collected by [`reap`] instead, and not nudged: [`Reaping::NotOurs`] with the caller as
/// the parent.
pub fn nudge(zombie: &ProcessId, wait: Duration) -> Reaping {
    let machine = Host::new();
    let pinned = match Pinned::on(&machine, zombie) {
        Ok(pinned) => pinned,
        Err(PinError::Gone) => return Reaping::AlreadyGone,
        Err(PinError::Failed(error)) => return Reaping::Failed(error),
    };
    if !pinned.has_ended() {
        return Reaping::NotAZombie;
    }
    let Some(parent) = pinned.info().parent.filter(|parent| *parent != machine.own()) else {
        return Reaping::NotOurs { parent: pinned.info().parent };
    };
    let held = match Pinned::on(&machine, &ProcessId::unborn(parent)) {
        Ok(held) => held,
        // It ended, so the zombie has another parent by now, or none.
        Err(PinError::Gone) => return Reaping::Nudged { parent, worked: pinned.handle().wait_until_collected(wait) },
        Err(PinError::Failed(error)) => return Reaping::Failed(error),
    };
    // Still the parent, with the parent held: its PID was not recycled in between.
    match machine.read(zombie.pid) {
        Ok(row) if row.id.compare(&pinned.id()) == Sameness::Different => return Reaping::AlreadyGone,
        Ok(row) if row.parent != Some(parent) => return Reaping::NotOurs { parent: row.parent },
        Ok(_) => {}
        Err(ReadError::Gone) => return Reaping::AlreadyGone,
        Err(ReadError::Failed(error)) => return Reaping::Failed(error),
        Err(ReadError::Unsupported) => return Reaping::Failed(io::ErrorKind::Unsupported.into()),
    }
    match held.signal(Signal::CHLD) {
        Ok(()) | Err(SignalError::Gone) => {}
        Err(SignalError::Denied) => return Reaping::Failed(io::ErrorKind::PermissionDenied.into()),
        Err(SignalError::Unsupported) => return Reaping::Failed(io::ErrorKind::Unsupported.into()),
        Err(SignalError::Failed(error)) => return Reaping::Failed(error),
    }
    Reaping::Nudged { parent, worked: pinned.handle().wait_until_collected(wait) }
}
