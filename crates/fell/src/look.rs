//! Looking at processes: at the whole table, or at one tree among many.

use crate::id::ProcessId;
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::pin::{Adoption, PinError, Pinned};
use crate::plan::Protected;
use crate::snapshot::{Coverage, Gap, Snapshot};
use crate::sys::{Host, Machine, ReadError};
use crate::tree::is_older;
use std::collections::HashSet;

/// Looks at the whole process table.
///
/// The rows are not read in one instant: a process that ends meanwhile is left out, one that
/// is forked meanwhile may be missing. Rows carry PID and start time, not the pidfd's inode.
///
/// Linux: reads one file a process. Without `/proc`, and for processes that `hidepid` hides, the snapshot
/// has a gap that says so.
pub fn look() -> Snapshot {
    Host::new().table()
}

/// Looks at one process and its descendants.
///
/// Each is held while it is read, so that a row and a place in the tree belong to the process that is
/// named, and its identity is complete. The snapshot is empty if the target is gone, or if its PID belongs to
/// another process by now. A process whose row can't be read is in the snapshot as a
/// [bare](ProcessInfo::bare) row, with a gap.
///
/// A child whose parent ended while the look went on, and which has another parent by now, keeps the
/// parent under which it was listed.
///
/// Linux: costs two files a process, whatever else runs on the host, from the lists of children that the
/// kernel keeps. A kernel without them (`CONFIG_PROC_CHILDREN`) has its table read instead, and the
/// snapshot then holds all of it, as its [coverage](Snapshot::coverage) says.
pub fn look_at(target: &ProcessId) -> Snapshot {
    look_at_with(target, |_| ()).0
}

/// [`look_at`], and what `read` tells of each process while it is held, beside the rows.
///
/// `None` where it can't be told to be that process's own: it had ended before it was seen to run on, or the whole table
/// was read.
pub fn look_at_with<T>(target: &ProcessId, read: impl FnMut(Pid) -> T) -> (Snapshot, Vec<Option<T>>) {
    let machine = Host::new();
    let (mut snapshot, told) = look_on(&machine, target, read);
    snapshot.cost = machine.cost();
    (snapshot, told)
}

/// The ancestors of a process, its parent first, up to PID 1 or to where they can't be read.
///
/// Each row is read by its number, after its child's: one that is younger than its child is another process, and
/// ends the chain.
pub fn ancestors(pid: Pid) -> Vec<ProcessInfo> {
    ancestors_on(&Host::new(), pid)
}

/// [`look_at_with`] on any machine. What it cost is for the caller to fill in.
fn look_on<M: Machine, T>(machine: &M, target: &ProcessId, read: impl FnMut(Pid) -> T) -> (Snapshot, Vec<Option<T>>) {
    let mut snapshot = Snapshot::new(machine.now(), Coverage::Descendants(vec![target.pid]));
    let root = match Pinned::on(machine, target) {
        Ok(root) => root,
        Err(PinError::Gone) => return (snapshot, Vec::new()),
        Err(error @ PinError::Failed(_)) => {
            note(&mut snapshot, target.pid, with_source(&error));
            return (snapshot, Vec::new());
        }
    };
    let row = root.info().clone();
    let mut walk = Walk { machine, snapshot, told: Vec::new(), read, way: Vec::new() };
    match walk.go(root) {
        Ok(()) => (walk.snapshot, walk.told),
        Err(NoLists) => {
            let table = by_table(machine, row, walk.snapshot);
            let told = table.rows.iter().map(|_| None).collect();
            (table, told)
        }
    }
}

/// [`look_at`] on any machine.
#[cfg(test)]
pub(crate) fn look_at_on<M: Machine>(machine: &M, target: &ProcessId) -> Snapshot {
    look_on(machine, target, |_| ()).0
}

/// The machine has no lists of children.
struct NoLists;

/// A process on the way from the root to where the walk is, held until its children are done.
struct Step<H> {
    parent: Pinned<H>,
    listed_at: u64,
    children: std::vec::IntoIter<Pid>,
}

/// A walk over the lists of children.
struct Walk<'m, M: Machine, T, R> {
    machine: &'m M,
    snapshot: Snapshot,
    /// What was told of each row of the snapshot.
    told: Vec<Option<T>>,
    read: R,
    way: Vec<Step<M::Handle>>,
}

impl<M: Machine, T, R: FnMut(Pid) -> T> Walk<'_, M, T, R> {
    /// Visits the root and what is below it, parents before children. Holds no more handles than the tree is deep.
    fn go(&mut self, root: Pinned<M::Handle>) -> Result<(), NoLists> {
        let parent = root.info().parent;
        let mut seen = HashSet::from([root.pid()]);
        self.enter(root, parent)?;
        while let Some(step) = self.way.last_mut() {
            let Some(pid) = step.children.next() else {
                self.way.pop();
                continue;
            };
            if seen.contains(&pid) {
                continue;
            }
            match step.parent.adopt(self.machine, pid, step.listed_at) {
                Adoption::Child(child) => {
                    seen.insert(pid);
                    let parent = step.parent.pid();
                    self.enter(child, Some(parent))?;
                }
                Adoption::Gone | Adoption::Stranger => {}
                Adoption::Unverified(why) => note(&mut self.snapshot, pid, why),
            }
        }
        Ok(())
    }

    /// Takes a process into the snapshot, and lists its children for the next steps.
    fn enter(&mut self, process: Pinned<M::Handle>, parent: Option<Pid>) -> Result<(), NoLists> {
        let pid = process.pid();
        let row = ProcessInfo { parent, ..process.info().clone() };
        if row == ProcessInfo::bare(row.id, parent) {
            note(&mut self.snapshot, pid, String::from("row: can't be read"));
        }
        let was_over = matches!(row.state, State::Zombie | State::Dead);
        self.snapshot.rows.push(row);
        let told = (self.read)(pid);

        let listed_at = self.machine.ticks();
        // Who runs on had its PID all the time since it was opened: what was told is its own.
        let has_ended = process.has_ended();
        self.told.push((!has_ended).then_some(told));
        let children = if has_ended { Err(ReadError::Gone) } else { self.machine.children_of(process.info()) };
        match children {
            Ok(children) if children.is_empty() => {}
            Ok(children) => self.way.push(Step { parent: process, listed_at, children: children.into_iter() }),
            Err(ReadError::Unsupported) => return Err(NoLists),
            // Its children had been given away before it became a zombie.
            Err(_) if was_over && process.has_ended() => {}
            Err(_) if process.has_ended() => {
                note(&mut self.snapshot, pid, String::from("children: it ended before they were listed"));
            }
            Err(error) => note(&mut self.snapshot, pid, format!("children: {error}")),
        }
        Ok(())
    }
}

/// The whole table, with the root's row as it was read through its handle.
fn by_table<M: Machine>(machine: &M, root: ProcessInfo, walked: Snapshot) -> Snapshot {
    let mut table = machine.table();
    match table.rows.iter_mut().find(|row| row.pid() == root.pid()) {
        Some(row) => row.id = root.id,
        None => table.rows.push(root),
    }
    table.gaps.splice(0..0, walked.gaps);
    Snapshot { taken_at: walked.taken_at, ..table }
}

/// [`ancestors`] on any machine. One that can't be read is the last, as a bare row.
pub(crate) fn ancestors_on<M: Machine>(machine: &M, pid: Pid) -> Vec<ProcessInfo> {
    let mut ancestors: Vec<ProcessInfo> = Vec::new();
    let Ok(mut child) = machine.read(pid) else { return ancestors };
    let mut seen = HashSet::from([pid]);
    while let Some(parent) = child.parent.filter(|parent| seen.insert(*parent)) {
        match machine.read(parent) {
            Ok(row) if is_older(&child, &row) => break,
            Ok(row) => {
                ancestors.push(row.clone());
                child = row;
            }
            Err(_) => {
                ancestors.push(ProcessInfo::bare(ProcessId::unborn(parent), None));
                break;
            }
        }
    }
    ancestors
}

/// Who may not be ended from here: the caller and its ancestors, as far up as they can be read.
pub(crate) fn protected<M: Machine>(machine: &M) -> Protected {
    let own = machine.own();
    Protected { own: Some(own), ancestors: ancestors_on(machine, own).iter().map(ProcessInfo::pid).collect() }
}

fn note(snapshot: &mut Snapshot, pid: Pid, what: String) {
    snapshot.gaps.push(Gap { pid: Some(pid), what });
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Cost;
    use crate::sys::fake::{Call, Fake, Instance, Nature, Rules};
    use crate::tree::Tree;
    use std::time::Duration;

    /// A calm world in which the caller has forked a chain: root, child, grandchild.
    fn chain(rules: Rules) -> (Fake, [Instance; 3]) {
        let fake = Fake::new(rules);
        let chain = {
            let mut world = fake.world_mut();
            world.pass(Duration::from_secs(1));
            let own = world.own();
            let root = world.spawn(own, Nature::PLAIN).unwrap();
            world.pass(Duration::from_secs(1));
            let child = world.spawn(root, Nature::PLAIN).unwrap();
            let grandchild = world.spawn(child, Nature::PLAIN).unwrap();
            world.pass(Duration::from_secs(1));
            [root, child, grandchild]
        };
        (fake, chain)
    }

    fn id(fake: &Fake, who: Instance) -> ProcessId {
        fake.world().get(who).id()
    }

    fn ids(snapshot: &Snapshot) -> Vec<ProcessId> {
        snapshot.rows.iter().map(|row| row.id).collect()
    }

    #[test]
    fn sees_the_tree_and_no_more() {
        let (fake, chain) = chain(Rules::CALM);
        let snapshot = look_at_on(&fake, &id(&fake, chain[0]));
        assert_eq!(ids(&snapshot), chain.map(|who| id(&fake, who)));
        assert_eq!(snapshot.gaps, []);
        assert_eq!(snapshot.coverage, Coverage::Descendants(vec![id(&fake, chain[0]).pid]));
        assert_eq!(snapshot.cost, Cost::default());
    }

    #[test]
    fn what_is_told_stands_beside_its_row() {
        let (fake, chain) = chain(Rules::CALM);
        let [root, child, grandchild] = chain.map(|who| id(&fake, who));
        let (snapshot, told) = look_on(&fake, &root, |pid| pid);
        assert_eq!(ids(&snapshot), [root, child, grandchild]);
        assert_eq!(told, [Some(root.pid), Some(child.pid), Some(grandchild.pid)]);
    }

    #[test]
    fn what_may_be_told_of_another_is_not_told() {
        let (fake, chain) = chain(Rules::CALM);
        let [root, child, _] = chain.map(|who| id(&fake, who));
        let read = |pid| {
            if pid == child.pid {
                let mut world = fake.world_mut();
                world.end(chain[1]);
                world.collect(chain[1]);
            }
            pid
        };
        let (snapshot, told) = look_on(&fake, &root, read);
        assert_eq!(ids(&snapshot), [root, child]);
        assert_eq!(told, [Some(root.pid), None]);
    }

    #[test]
    fn a_target_that_is_gone_or_recycled_gives_nothing() {
        let (fake, chain) = chain(Rules::CALM);
        let root = id(&fake, chain[0]);
        let other = ProcessId::started(root.pid, root.birth.start.unwrap() + 1);
        assert_eq!(ids(&look_at_on(&fake, &other)), []);
        fake.world_mut().end(chain[0]);
        fake.world_mut().collect(chain[0]);
        assert_eq!(look_at_on(&fake, &root).gaps, []);
        fake.world_mut().recycle(root.pid).unwrap();
        assert_eq!(ids(&look_at_on(&fake, &root)), []);
    }

    #[test]
    fn a_row_that_cannot_be_read_stays_with_a_gap() {
        let (fake, chain) = chain(Rules::CALM);
        let [root, child, grandchild] = chain.map(|who| id(&fake, who));
        fake.fail(Call::Read(child.pid));
        let snapshot = look_at_on(&fake, &root);
        let pids: Vec<_> = snapshot.rows.iter().map(ProcessInfo::pid).collect();
        assert_eq!(pids, [root.pid, child.pid, grandchild.pid]);
        assert_eq!(snapshot.gaps, [Gap { pid: Some(child.pid), what: "row: can't be read".to_owned() }]);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_a_gap() {
        let (fake, chain) = chain(Rules::CALM);
        let [root, child, _] = chain.map(|who| id(&fake, who));
        fake.fail(Call::Children(child.pid));
        let snapshot = look_at_on(&fake, &root);
        assert_eq!(ids(&snapshot), [root, child]);
        assert_eq!(snapshot.gaps, [Gap { pid: Some(child.pid), what: "children: refused by the script".to_owned() }]);
    }

    #[test]
    fn a_child_keeps_the_parent_that_listed_it() {
        let (fake, chain) = chain(Rules::CALM);
        let [root, child, grandchild] = chain.map(|who| id(&fake, who));
        fake.before(Call::Open(grandchild.pid), move |world| {
            world.end(chain[1]);
            world.collect(chain[1]);
        });
        let snapshot = look_at_on(&fake, &root);
        assert_eq!(ids(&snapshot), [root, child, grandchild]);
        let tree = Tree::rooted(&root, &snapshot);
        assert_eq!(tree.nodes.len(), 3, "the orphan is still in the tree");
    }

    #[test]
    fn a_listed_pid_that_was_recycled_is_left_out() {
        let (fake, chain) = chain(Rules::CALM);
        let [root, child, grandchild] = chain.map(|who| id(&fake, who));
        fake.before(Call::Open(grandchild.pid), move |world| {
            world.end(chain[2]);
            world.collect(chain[2]);
            world.recycle(grandchild.pid).unwrap();
        });
        let snapshot = look_at_on(&fake, &root);
        assert_eq!(ids(&snapshot), [root, child]);
        assert_eq!(snapshot.gaps.len(), 1);
        assert_eq!(snapshot.gaps[0].pid, Some(grandchild.pid));
    }

    #[test]
    fn who_ends_before_its_children_are_listed_leaves_a_gap() {
        let (fake, chain) = chain(Rules::CALM);
        let [root, child, _] = chain.map(|who| id(&fake, who));
        fake.before(Call::Children(child.pid), move |world| {
            world.end(chain[1]);
            world.collect(chain[1]);
        });
        let snapshot = look_at_on(&fake, &root);
        assert_eq!(ids(&snapshot), [root, child]);
        assert_eq!(snapshot.gaps[0].what, "children: it ended before they were listed");
    }

    #[test]
    fn without_lists_the_table_is_read() {
        let (fake, chain) = chain(Rules { childless_from: 0, ..Rules::CALM });
        let root = id(&fake, chain[0]);
        let snapshot = look_at_on(&fake, &root);
        assert_eq!(snapshot.coverage, Coverage::Table);
        assert_eq!(Tree::rooted(&root, &snapshot).nodes.len(), 3);
        assert_eq!(snapshot.row(root.pid).unwrap().id, root, "with the inode");
    }

    #[test]
    fn the_caller_and_all_above_it_are_protected() {
        let (fake, _) = chain(Rules::CALM);
        let pids = [fake.world().init(), fake.world().shell(), fake.world().own()].map(|who| id(&fake, who).pid);
        let [init, shell, own] = pids;
        assert_eq!(protected(&fake), Protected { own: Some(own), ancestors: vec![shell, init] });
        fake.fail(Call::Read(shell));
        assert_eq!(protected(&fake).ancestors, [shell], "an ancestor is protected before its row is read");
    }

    #[test]
    fn a_cycle_of_parents_ends() {
        let (fake, [root, child, _]) = chain(Rules::CALM);
        fake.world_mut().change(root).parent = Some(child);
        assert!(ancestors_on(&fake, id(&fake, child).pid).len() <= 2);
    }
}
