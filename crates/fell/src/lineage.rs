//! Who descends from a tree, told from the forks and exits of the whole system in their order.

use crate::pid::Pid;
use std::collections::BTreeSet;

/// What happened to some process of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifeEvent {
    /// A process was forked.
    Forked {
        /// By whom.
        parent: Pid,
        /// The new process, which now has this PID.
        child: Pid,
    },
    /// A process ended; its PID may be given to another one from now on.
    Exited(Pid),
}

/// The living members of a tree by their PIDs, as of the last event.
///
/// As long as no event is lost, a PID in here belongs to a descendant of the tree: when its owner ends, it is taken out,
/// and it comes in by a fork only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    members: BTreeSet<Pid>,
}

impl Lineage {
    /// Takes in a process that is known to be a member now.
    pub fn seed(&mut self, pid: Pid) {
        self.members.insert(pid);
    }

    /// Takes in what happened next.
    pub fn follow(&mut self, event: LifeEvent) {
        match event {
            LifeEvent::Forked { parent, child } if self.members.contains(&parent) => {
                self.members.insert(child);
            }
            // Its PID is a stranger's now, whoever had it before.
            LifeEvent::Forked { child, .. } => {
                self.members.remove(&child);
            }
            LifeEvent::Exited(pid) => {
                self.members.remove(&pid);
            }
        }
    }

    /// Forgets all: events were lost.
    pub fn clear(&mut self) {
        self.members.clear();
    }

    /// Whether this PID belongs to a member now.
    pub fn contains(&self, pid: Pid) -> bool {
        self.members.contains(&pid)
    }

    /// The members' PIDs.
    pub fn members(&self) -> impl Iterator<Item = Pid> {
        self.members.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: u32) -> Pid {
        Pid::new(number).unwrap()
    }

    fn forked(parent: u32, child: u32) -> LifeEvent {
        LifeEvent::Forked { parent: pid(parent), child: pid(child) }
    }

    #[test]
    fn a_daemon_is_followed_through_parents_that_have_ended() {
        let mut lineage = Lineage::default();
        lineage.seed(pid(10));
        for event in [forked(10, 11), forked(99, 50), forked(11, 12), LifeEvent::Exited(pid(11)), forked(12, 13)] {
            lineage.follow(event);
        }
        assert_eq!(lineage.members().map(Pid::get).collect::<Vec<_>>(), [10, 12, 13]);
    }

    #[test]
    fn a_recycled_pid_is_a_stranger() {
        let mut lineage = Lineage::default();
        lineage.seed(pid(10));
        lineage.follow(forked(10, 11));
        lineage.follow(LifeEvent::Exited(pid(11)));
        lineage.follow(forked(99, 11));
        lineage.follow(forked(11, 12));
        assert!(!lineage.contains(pid(11)) && !lineage.contains(pid(12)));
        // Also when its end was not seen.
        lineage.follow(forked(99, 10));
        assert_eq!(lineage.members().count(), 0);
    }
}
