//! Who fails to collect zombies.

use super::Zombie;
use crate::detail::{Detail, Details};
use crate::error::Error;
use crate::id::ProcessId;
use crate::info::ProcessInfo;
use crate::kill::kill_tree;
use crate::pid::Pid;
use crate::pin::Pinned;
use crate::plan::Refusal;
use crate::policy::{Extent, KillPolicy};
use crate::report::Report;
use crate::sys::Host;
use crate::sys::headroom::{cgroup_of, is_namespace_init};
use crate::unit::Unit;
use std::time::Duration;

/// A process that fails to collect its dead children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its PID; `None` if it is outside of the PID namespace that can be seen.
    pub pid: Option<Pid>,
    /// Its row, with its whole identity; `None` if that can't be read.
    pub info: Option<ProcessInfo>,
    /// Its command line and its user. The command line holds secrets and all: [`redact`](crate::redact::redact) it.
    pub detail: Detail,
    /// Its cgroup; `None` without cgroups.
    pub cgroup: Option<String>,
    /// Whether it is PID 1, of the system or of a container: then it is to collect whatever is left behind there, also what it
    /// has not started, and nobody else ever will. `None` if that can't be told.
    pub is_init: Option<bool>,
    /// How many zombies it has.
    pub zombies: usize,
    /// For how long the first of them has been dead, as far as that is known.
    pub oldest: Option<Duration>,
}

impl Owner {
    /// The container, service or session that it belongs to, as its cgroup is named.
    pub fn unit(&self) -> Option<Unit> {
        self.cgroup.as_deref().and_then(Unit::of_cgroup)
    }
}

/// The owners of zombies, which are listed owner by owner, in the same order.
pub(super) fn owners(machine: &Host, list: &[Zombie]) -> Vec<Owner> {
    let mut details = Details::new();
    let of_one = list.chunk_by(|one, other| one.info.parent == other.info.parent);
    of_one
        .filter_map(|zombies| {
            let first = zombies.first()?;
            let pid = first.info.parent;
            let mut info = first.parent.clone();
            if let Some(info) = &mut info {
                info.id.birth.inode = info.id.birth.inode.or_else(|| machine.inode(&info.id));
            }
            Some(Owner {
                pid,
                detail: info.as_ref().map(|info| details.of(&info.id)).unwrap_or_default(),
                info,
                cgroup: pid.and_then(cgroup_of),
                is_init: pid.and_then(is_namespace_init),
                zombies: zombies.len(),
                oldest: zombies.iter().filter_map(|zombie| zombie.dead_for).max(),
            })
        })
        .collect()
}

/// Ends a negligent parent with all its descendants: its zombies then go to whoever inherits them, PID 1 mostly, which
/// collects them. As [`kill_tree`], with its report.
///
/// # Errors
///
/// [`Error::Refused`] as [`kill_tree`], and also if the parent is PID 1 of a container, which would end with it.
pub fn kill_parent(parent: ProcessId, policy: &KillPolicy) -> Result<Report, Error> {
    // Held while it is asked where it stands: the answer is about the one that is ended.
    let target = match Pinned::new(&parent) {
        Ok(pinned) if is_namespace_init(pinned.pid()) == Some(true) => {
            return Err(Error::Refused { target: pinned.id(), refusal: Refusal::Init });
        }
        Ok(pinned) => pinned.id(),
        // Gone, or not to be held: it is said in the usual words.
        Err(_) => parent,
    };
    kill_tree(target, &KillPolicy { extent: Extent::Tree, ..policy.clone() })
}
