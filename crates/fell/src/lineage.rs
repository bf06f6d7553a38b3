//! Who descends from a tree, told from the forks and exits of the whole system in their order.

use crate::pid::Pid;
use std::collections::BTreeMap;

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
    /// Each with the number of its entry.
    members: BTreeMap<Pid, Entry>,
    last: u64,
    /// A birth has come in since the members were last seen.
    has_grown: bool,
}

/// One stay of a PID in a lineage: a recycled PID has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry(u64);

impl Lineage {
    /// Takes in a process that is known to be a member now.
    pub fn seed(&mut self, pid: Pid) {
        self.last += 1;
        self.members.insert(pid, Entry(self.last));
    }

    /// Takes out a process that was seen to have ended, unless its PID has come in anew since.
    ///
    /// To be called once all is taken in that had happened when it was seen: its children would be missed otherwise.
    pub fn dismiss(&mut self, pid: Pid, entry: Entry) {
        if self.members.get(&pid) == Some(&entry) {
            self.members.remove(&pid);
        }
    }

    /// Takes in what happened next.
    pub fn follow(&mut self, event: LifeEvent) {
        match event {
            LifeEvent::Forked { parent, child } if self.contains(parent) => {
                self.seed(child);
                self.has_grown = true;
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

    /// Whether members were born since [`is_seen`](Lineage::is_seen) was last said.
    pub fn has_grown(&self) -> bool {
        self.has_grown
    }

    /// Says that all members are known to whoever asks.
    pub fn is_seen(&mut self) {
        self.has_grown = false;
    }

    /// Whether this PID belongs to a member now.
    pub fn contains(&self, pid: Pid) -> bool {
        self.members.contains_key(&pid)
    }

    /// The members' PIDs, and the entry of each.
    pub fn members(&self) -> impl Iterator<Item = (Pid, Entry)> {
        self.members.iter().map(|(&pid, &entry)| (pid, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: u32) -> Pid {
        Pid::new(number).unwrap()
    }

    fn pids(lineage: &Lineage) -> Vec<u32> {
        lineage.members().map(|(pid, _)| pid.get()).collect()
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
        assert_eq!(pids(&lineage), [10, 12, 13]);
    }

    #[test]
    fn only_births_are_news() {
        let mut lineage = Lineage::default();
        lineage.seed(pid(10));
        lineage.follow(forked(99, 50));
        assert!(!lineage.has_grown());
        lineage.follow(forked(10, 11));
        lineage.follow(LifeEvent::Exited(pid(11)));
        assert!(lineage.has_grown());
        lineage.is_seen();
        assert!(!lineage.has_grown());
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

    #[test]
    fn only_the_one_that_was_seen_to_have_ended_is_dismissed() {
        let mut lineage = Lineage::default();
        lineage.seed(pid(10));
        let (_, seen) = lineage.members().next().unwrap();
        lineage.follow(forked(10, 11));
        lineage.follow(LifeEvent::Exited(pid(10)));
        lineage.follow(forked(11, 10));
        lineage.dismiss(pid(10), seen);
        assert_eq!(pids(&lineage), [10, 11]);
        let (_, anew) = lineage.members().next().unwrap();
        lineage.dismiss(pid(10), anew);
        assert_eq!(pids(&lineage), [11]);
    }
}
