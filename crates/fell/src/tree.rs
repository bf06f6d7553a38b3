//! A process and its descendants, found in a snapshot.

use crate::id::{ProcessId, Sameness};
use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::snapshot::Snapshot;
use std::collections::{HashMap, HashSet};

/// A member of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its row.
    pub info: ProcessInfo,
    /// Its distance from the root, which has 0.
    pub depth: usize,
}

/// A process and its descendants, parents before children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The members; the first is the root, unless it was not seen.
    pub nodes: Vec<Node>,
    /// Rows that claim a parent in the tree but are older than it: the parent's PID was recycled.
    pub strangers: Vec<ProcessInfo>,
}

impl Tree {
    /// The tree below `root`, or an empty one if the snapshot holds no such process: not the PID, or
    /// only another owner of it.
    ///
    /// A row that is older than its parent is no child of it. A snapshot that was not read in one
    /// instant may hold a cycle; each process is taken once.
    pub fn rooted(root: &ProcessId, snapshot: &Snapshot) -> Tree {
        let mut tree = Tree { nodes: Vec::new(), strangers: Vec::new() };
        let Some(top) = snapshot.row(root.pid).filter(|row| row.id.compare(root) != Sameness::Different) else {
            return tree;
        };
        let mut children: HashMap<Pid, Vec<&ProcessInfo>> = HashMap::new();
        for row in &snapshot.rows {
            if let Some(parent) = row.parent {
                children.entry(parent).or_default().push(row);
            }
        }
        let mut seen = HashSet::from([root.pid]);
        tree.nodes.push(Node { info: top.clone(), depth: 0 });
        let mut next = 0;
        while let Some(Node { info: parent, depth }) = tree.nodes.get(next).cloned() {
            next += 1;
            for &row in children.get(&parent.pid()).into_iter().flatten() {
                if is_older(row, &parent) {
                    tree.strangers.push(row.clone());
                } else if seen.insert(row.pid()) {
                    tree.nodes.push(Node { info: row.clone(), depth: depth + 1 });
                }
            }
        }
        tree
    }

    /// The root's row.
    pub fn root(&self) -> Option<&ProcessInfo> {
        self.nodes.first().map(|node| &node.info)
    }

    /// The members below the root.
    pub fn descendants(&self) -> &[Node] {
        self.nodes.get(1..).unwrap_or_default()
    }

    /// Whether this PID is a member.
    pub fn contains(&self, pid: Pid) -> bool {
        self.nodes.iter().any(|node| node.info.pid() == pid)
    }
}

/// A child can't have started before its parent. Equal starts are possible (one tick), unknown ones prove nothing.
pub fn is_older(child: &ProcessInfo, parent: &ProcessInfo) -> bool {
    matches!((child.id.birth.start, parent.id.birth.start), (Some(child), Some(parent)) if child < parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Coverage;
    use std::time::Duration;

    fn pid(number: u32) -> Pid {
        Pid::new(number).unwrap()
    }

    fn snapshot(rows: &[(u32, u32, u64)]) -> Snapshot {
        let mut snapshot = Snapshot::new(Duration::ZERO, Coverage::Table);
        snapshot.rows = rows
            .iter()
            .map(|&(own, parent, start)| ProcessInfo::bare(ProcessId::started(pid(own), start), Pid::new(parent)))
            .collect();
        snapshot
    }

    fn pids(tree: &Tree) -> Vec<u32> {
        tree.nodes.iter().map(|node| node.info.pid().get()).collect()
    }

    #[test]
    fn parents_come_before_children() {
        let snapshot = snapshot(&[(1, 0, 0), (5, 3, 9), (3, 2, 8), (4, 2, 8), (2, 1, 7), (9, 1, 7)]);
        let tree = Tree::rooted(&ProcessId::started(pid(2), 7), &snapshot);
        assert_eq!(pids(&tree), [2, 3, 4, 5]);
        assert_eq!(tree.nodes.iter().map(|n| n.depth).collect::<Vec<_>>(), [0, 1, 1, 2]);
    }

    #[test]
    fn a_row_older_than_its_parent_is_a_stranger_with_all_below_it() {
        let snapshot = snapshot(&[(2, 1, 70), (3, 2, 60), (4, 3, 65), (5, 2, 70)]);
        let tree = Tree::rooted(&ProcessId::started(pid(2), 70), &snapshot);
        assert_eq!(pids(&tree), [2, 5]);
        assert_eq!(tree.strangers.len(), 1);
    }

    #[test]
    fn a_recycled_root_gives_nothing() {
        let snapshot = snapshot(&[(2, 1, 70), (3, 2, 71)]);
        assert_eq!(pids(&Tree::rooted(&ProcessId::started(pid(2), 69), &snapshot)), [0; 0]);
        assert_eq!(pids(&Tree::rooted(&ProcessId::unborn(pid(2)), &snapshot)), [2, 3]);
        assert_eq!(pids(&Tree::rooted(&ProcessId::unborn(pid(9)), &snapshot)), [0; 0]);
    }

    #[test]
    fn a_cycle_ends() {
        let snapshot = snapshot(&[(2, 3, 7), (3, 2, 7), (4, 4, 7)]);
        assert_eq!(pids(&Tree::rooted(&ProcessId::unborn(pid(2)), &snapshot)), [2, 3]);
        assert_eq!(pids(&Tree::rooted(&ProcessId::unborn(pid(4)), &snapshot)), [4]);
    }
}
