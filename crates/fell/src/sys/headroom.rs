//! How many processes there may be, and where a process is counted.

/// What bounds the number of processes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// The highest number that a process or thread may get, `kernel.pid_max`.
    PidMax,
    /// The number of threads of the whole system, `kernel.threads-max`.
    ThreadsMax,
    /// The number of threads in this cgroup and below, `pids.max`.
    Cgroup(String),
}

/// A bound on the number of processes and threads. A zombie counts as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What bounds them.
    pub kind: LimitKind,
    /// How many there are; `None` if that can't be told.
    pub used: Option<u64>,
    /// How many there may be.
    pub limit: u64,
}

impl Limit {
    /// How many more there may be.
    pub fn left(&self) -> Option<u64> {
        self.used.map(|used| self.limit.saturating_sub(used))
    }
}

#[cfg(target_os = "linux")]
pub(crate) use super::linux::headroom::{cgroup_of, is_namespace_init, limits};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::Limit;
    use crate::pid::Pid;

    /// No cgroups here.
    pub(crate) fn cgroup_of(_: Pid) -> Option<String> {
        None
    }

    /// No PID namespaces here.
    pub(crate) fn is_namespace_init(_: Pid) -> Option<bool> {
        Some(false)
    }

    /// None that is known.
    pub(crate) fn limits(_: &[Pid], _: Option<u64>) -> Vec<Limit> {
        Vec::new()
    }
}
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{cgroup_of, is_namespace_init, limits};
