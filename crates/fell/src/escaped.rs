//! Processes that left a tree, and what still ties them to it.
//!
//! Who was orphaned hangs under `init` or a subreaper, where no walk from the tree finds it. What is left is evidence.

use crate::id::ProcessId;
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::scope::MARK;
use crate::snapshot::Snapshot;
use crate::sys::{Host, Machine};
use std::collections::HashSet;
use std::fmt;

/// What ties a process to a tree that it is not in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// It carries the mark of the run that the tree's root is the command of: it descends from it.
    Mark(String),
    /// It is in the session that this member leads.
    Session(Pid),
    /// It is in the process group that this member leads.
    Group(Pid),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Evidence::Mark(run) => write!(f, "carries the mark of run {run}"),
            Evidence::Session(leader) => write!(f, "is in the session of member {leader}"),
            Evidence::Group(leader) => write!(f, "is in the process group of member {leader}"),
        }
    }
}

/// A process that seems to have left a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escaped {
    /// The process.
    pub info: ProcessInfo,
    /// What ties it to the tree.
    pub evidence: Evidence,
}

/// The processes that seem to have left the tree of these members, the root first.
///
/// Only a session or group that a member *leads* counts: one that the whole tree shares with others, as all jobs of a
/// shell do, says nothing. A mark counts if the root is the command of that run, so that all who carry it descend
/// from the root; reading it needs the right to trace the process.
pub fn escaped(members: &[ProcessInfo]) -> Vec<Escaped> {
    let machine = Host::new();
    let Some(root) = members.first() else { return Vec::new() };
    let mut found = marked_escapes(&machine, root, members);
    let marked: HashSet<Pid> = found.iter().map(|escaped| escaped.info.pid()).collect();
    let others = by_leader(members, &machine.table());
    found.extend(others.into_iter().filter(|escaped| !marked.contains(&escaped.info.pid())));
    found
}

/// Those of them that surely descend from the root, by the mark. Looks at no more than the root and its parent unless the
/// root is the command of a run.
pub(crate) fn marked_escapes(machine: &Host, root: &ProcessInfo, members: &[ProcessInfo]) -> Vec<Escaped> {
    let Some(run) = own_run(machine, root) else { return Vec::new() };
    marked_by(machine, &run)
        .into_iter()
        .filter(|row| members.iter().all(|member| member.pid() != row.pid()))
        .map(|info| Escaped { info, evidence: Evidence::Mark(run.clone()) })
        .collect()
}

/// The processes of this host that carry the mark of a run, and are alive.
pub(crate) fn marked_by(machine: &Host, run: &str) -> Vec<ProcessInfo> {
    let carries =
        |row: &ProcessInfo| row.state != State::Zombie && runs_of(machine, &row.id).iter().any(|name| name == run);
    machine.table().rows.into_iter().filter(carries).collect()
}

fn by_leader(members: &[ProcessInfo], table: &Snapshot) -> Vec<Escaped> {
    let leaders: HashSet<Pid> = members.iter().map(ProcessInfo::pid).collect();
    let oldest = members.iter().filter_map(|member| member.id.birth.start).min();
    let is_leader = |pid: &Pid| leaders.contains(pid);
    let candidates = table.rows.iter().filter(|row| {
        // Who is older than the whole tree is no descendant of it.
        row.state != State::Zombie && !leaders.contains(&row.pid()) && row.id.birth.start >= oldest
    });
    candidates
        .filter_map(|row| {
            let session = row.session.filter(is_leader).map(Evidence::Session);
            let evidence = session.or_else(|| row.group.filter(is_leader).map(Evidence::Group))?;
            Some(Escaped { info: row.clone(), evidence })
        })
        .collect()
}

/// The run whose command this is: it carries a mark that its parent does not.
fn own_run(machine: &Host, root: &ProcessInfo) -> Option<String> {
    let mut own = runs_of(machine, &root.id);
    let parent = root.parent.map(|parent| runs_of(machine, &ProcessId::unborn(parent))).unwrap_or_default();
    own.pop().filter(|run| !parent.contains(run))
}

/// The runs that a process belongs to, outermost first; none as well where its environment can't be read.
fn runs_of(machine: &Host, id: &ProcessId) -> Vec<String> {
    match machine.variable(id.pid, MARK) {
        Ok(Some(value)) => value.to_string_lossy().split(',').map(str::to_owned).collect(),
        Ok(None) | Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Coverage;
    use std::time::Duration;

    fn row(pid: u32, group: u32, session: u32, start: u64) -> ProcessInfo {
        let id = ProcessId::started(Pid::new(pid).unwrap(), start);
        ProcessInfo { group: Pid::new(group), session: Pid::new(session), ..ProcessInfo::bare(id, None) }
    }

    #[test]
    fn only_what_a_member_leads_is_evidence() {
        let tree = [row(20, 20, 10, 5), row(21, 20, 10, 6), row(22, 22, 22, 7)];
        let mut table = Snapshot::new(Duration::ZERO, Coverage::Table);
        table.rows = vec![
            row(10, 10, 10, 1), // the shell
            row(30, 30, 10, 9), // another job of the shell
            row(31, 20, 10, 9), // in the root's group
            row(32, 32, 22, 9), // in a member's session
            row(33, 20, 10, 4), // in the root's group, and older than the root
            row(21, 20, 10, 6),
            ProcessInfo { state: State::Zombie, ..row(34, 20, 10, 9) },
        ];
        let found: Vec<_> = by_leader(&tree, &table).into_iter().map(|e| (e.info.pid().get(), e.evidence)).collect();
        let leader = |pid| Pid::new(pid).unwrap();
        assert_eq!(found, [(31, Evidence::Group(leader(20))), (32, Evidence::Session(leader(22)))]);
    }
}
