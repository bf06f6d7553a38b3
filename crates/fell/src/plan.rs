//! Who is to be ended, in what order, and who is refused.

use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::policy::{Extent, KillPolicy};
use std::fmt;

/// Why a process is not to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It is PID 1: the system, or this container, ends with it.
    Init,
    /// It is a thread of the kernel, which no signal ends.
    KernelThread,
    /// It is the caller itself.
    Own,
    /// The caller descends from it.
    Ancestor,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Init => "PID 1 ends the whole system or container",
            Refusal::KernelThread => "a kernel thread can't be ended by a signal",
            Refusal::Own => "it is the process that was asked to do it",
            Refusal::Ancestor => "it is an ancestor of the process that was asked to do it",
        })
    }
}

/// Who may not be ended, whatever the tree holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protected {
    /// The caller's own PID.
    pub own: Option<Pid>,
    /// The caller's ancestors: parent, grandparent and so on.
    pub ancestors: Vec<Pid>,
}

impl Protected {
    /// Whether and why this process may not be ended under this policy.
    pub fn refusal(&self, row: &ProcessInfo, policy: &KillPolicy) -> Option<Refusal> {
        let pid = row.pid();
        if self.own == Some(pid) {
            Some(Refusal::Own)
        } else if pid == Pid::INIT {
            Some(Refusal::Init)
        } else if row.kernel_thread {
            Some(Refusal::KernelThread)
        } else if self.ancestors.contains(&pid) && !policy.ancestors {
            Some(Refusal::Ancestor)
        } else {
            None
        }
    }

    /// What is to be done to the root of a tree.
    ///
    /// # Errors
    ///
    /// The root is not to be ended: then nothing of the tree may be signalled.
    pub fn root_action(&self, row: &ProcessInfo, policy: &KillPolicy) -> Result<Action, Refusal> {
        match (policy.extent, self.action(row, policy)) {
            // A process may end its own descendants, and no more of a tree that it is in.
            (Extent::Descendants, Action::Refuse(Refusal::Own)) => Ok(Action::Spare),
            (_, Action::Refuse(refusal)) => Err(refusal),
            (Extent::Descendants, _) => Ok(Action::Spare),
            (Extent::Tree, action) => Ok(action),
        }
    }

    /// What is to be done to a member below the root.
    pub fn action(&self, row: &ProcessInfo, policy: &KillPolicy) -> Action {
        match self.refusal(row, policy) {
            Some(refusal) => Action::Refuse(refusal),
            // A leader in state Z may have living threads: the kill loop asks the handle, too.
            None if row.state == State::Zombie => Action::Collected,
            None => Action::End,
        }
    }
}

/// What is to be done to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Signal it, and force it if it does not end.
    End,
    /// Nothing: it has ended already, and waits for its parent.
    Collected,
    /// Nothing: it must not be ended.
    Refuse(Refusal),
    /// Nothing: it was asked to be kept.
    Spare,
}

/// A process and what is to be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedProcess {
    /// The process.
    pub info: ProcessInfo,
    /// What is to be done to it.
    pub action: Action,
}

/// Who is to be ended, in order: the root first, parents before children, since some parents
/// restart, or dump core over, a child that ends before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillPlan {
    /// Every member of the tree once.
    pub processes: Vec<PlannedProcess>,
}

impl KillPlan {
    /// The plan for these members, the root first.
    ///
    /// # Errors
    ///
    /// The refusal of the root: then nothing at all may be signalled. A member below it that must
    /// not be ended is planned as refused, and the rest goes on.
    pub fn new(
        members: impl IntoIterator<Item = ProcessInfo>,
        policy: &KillPolicy,
        protected: &Protected,
    ) -> Result<KillPlan, Refusal> {
        let mut processes = Vec::new();
        for info in members {
            let action = match processes.is_empty() {
                true => protected.root_action(&info, policy)?,
                false => protected.action(&info, policy),
            };
            processes.push(PlannedProcess { info, action });
        }
        Ok(KillPlan { processes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ProcessId;

    fn row(pid: u32) -> ProcessInfo {
        ProcessInfo::bare(ProcessId::unborn(Pid::new(pid).unwrap()), None)
    }

    fn protected() -> Protected {
        Protected { own: Pid::new(50), ancestors: vec![Pid::new(40).unwrap(), Pid::INIT] }
    }

    fn plan(rows: Vec<ProcessInfo>, policy: &KillPolicy) -> Result<Vec<Action>, Refusal> {
        KillPlan::new(rows, policy, &protected()).map(|plan| plan.processes.iter().map(|p| p.action).collect())
    }

    #[test]
    fn refuses_a_root_that_must_live() {
        let policy = KillPolicy::default();
        assert_eq!(plan(vec![row(1)], &policy), Err(Refusal::Init));
        assert_eq!(plan(vec![row(50)], &policy), Err(Refusal::Own));
        assert_eq!(plan(vec![row(40), row(50)], &policy), Err(Refusal::Ancestor));
        assert_eq!(plan(vec![ProcessInfo { kernel_thread: true, ..row(9) }], &policy), Err(Refusal::KernelThread));
    }

    #[test]
    fn force_lifts_the_ancestors_rule_alone() {
        let policy = KillPolicy { ancestors: true, ..KillPolicy::default() };
        assert_eq!(plan(vec![row(1)], &policy), Err(Refusal::Init));
        assert_eq!(plan(vec![row(50)], &policy), Err(Refusal::Own));
        assert_eq!(plan(vec![row(40), row(50)], &policy), Ok(vec![Action::End, Action::Refuse(Refusal::Own)]));
    }

    #[test]
    fn the_children_of_who_must_not_be_ended_are_refused_as_well() {
        let policy = KillPolicy { extent: Extent::Descendants, ..KillPolicy::default() };
        assert_eq!(plan(vec![row(1), row(9)], &policy), Err(Refusal::Init));
        assert_eq!(plan(vec![row(40), row(9)], &policy), Err(Refusal::Ancestor));
        assert_eq!(plan(vec![ProcessInfo { kernel_thread: true, ..row(2) }], &policy), Err(Refusal::KernelThread));
        assert_eq!(plan(vec![row(50), row(9)], &policy), Ok(vec![Action::Spare, Action::End]));
        // As the first process of a container, too.
        let protected = Protected { own: Some(Pid::INIT), ancestors: Vec::new() };
        let own = KillPlan::new(vec![row(1), row(9)], &policy, &protected).unwrap();
        assert_eq!(own.processes[0].action, Action::Spare);
    }

    #[test]
    fn spares_the_root_when_only_the_descendants_are_meant() {
        let policy = KillPolicy { extent: Extent::Descendants, ..KillPolicy::default() };
        let zombie = ProcessInfo { state: State::Zombie, ..row(8) };
        assert_eq!(
            plan(vec![row(7), zombie, row(9)], &policy),
            Ok(vec![Action::Spare, Action::Collected, Action::End])
        );
    }
}
