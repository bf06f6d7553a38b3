//! What `fell zombies --json` prints.

use super::{GapDocument, ProcessReference, milliseconds};
use crate::detail::Detail;
use crate::ending::Ending;
use crate::pid::Pid;
use crate::redact::redact;
use crate::unit::Unit;
use crate::zombie::{Limit, LimitKind, Owner, Reaping, Zombie, Zombies};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The zombies that one look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ZombiesDocument {
    /// `fell/zombies/1`.
    pub schema: String,
    /// How many there are.
    pub count: usize,
    /// Those of the parent that owns most first.
    pub zombies: Vec<ZombieDocument>,
    /// The parents that fail to collect them, the one that owns most first.
    pub owners: Vec<OwnerDocument>,
    /// How many processes and threads there may be, and how many there are. Zombies count.
    pub limits: Vec<LimitDocument>,
    /// The PIDs of those that were not there at the look before. Only with `--watch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appeared: Option<Vec<u32>>,
    /// Those that were there at the look before and are no more. Only with `--watch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Vec<ProcessReference>>,
    /// What was tried to have them collected, and what came of it. Only there if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reapings: Option<Vec<ReapingDocument>>,
    /// What could not be read. With a gap, a zombie may be missing.
    pub gaps: Vec<GapDocument>,
}

impl ZombiesDocument {
    /// The name of this document's schema.
    pub const SCHEMA: &str = "fell/zombies/1";

    /// The view of what one look found.
    pub fn new(zombies: &Zombies) -> ZombiesDocument {
        let Zombies { list, owners, limits, gaps } = zombies;
        ZombiesDocument {
            schema: String::from(ZombiesDocument::SCHEMA),
            count: list.len(),
            zombies: list.iter().map(ZombieDocument::from).collect(),
            owners: owners.iter().map(OwnerDocument::from).collect(),
            limits: limits.iter().map(LimitDocument::from).collect(),
            appeared: None,
            collected: None,
            reapings: None,
            gaps: gaps.iter().map(GapDocument::from).collect(),
        }
    }
}

/// A process that has ended and waits for its parent to collect it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ZombieDocument {
    /// Who it was.
    #[serde(flatten)]
    pub process: ProcessReference,
    /// Its parent's PID.
    pub ppid: Option<u32>,
    /// The parent that fails to collect it, where its row could be read.
    pub parent: Option<ProcessReference>,
    /// Whether the one who asked is that parent.
    pub ours: bool,
    /// How long it has been dead.
    pub dead_for_ms: Option<u64>,
    /// How long it has been dead at least, where only that is known. Only with `--watch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_for_at_least_ms: Option<u64>,
    /// The exit code that it waits to hand over, where the kernel shows it.
    pub exit_code: Option<i32>,
    /// The number of the signal that it died of, where the kernel shows it.
    pub exit_signal: Option<i32>,
    /// Its cgroup.
    pub cgroup: Option<String>,
    /// The container, service or session that it belonged to.
    pub unit: Option<UnitDocument>,
}

impl From<&Zombie> for ZombieDocument {
    fn from(zombie: &Zombie) -> ZombieDocument {
        let Zombie { info, parent, is_ours, dead_for, cgroup } = zombie;
        let ending = info.exit_status.and_then(Ending::of_raw);
        ZombieDocument {
            process: ProcessReference::from(info),
            ppid: info.parent.map(Pid::get),
            parent: parent.as_ref().map(ProcessReference::from),
            ours: *is_ours,
            dead_for_ms: dead_for.map(|time: Duration| milliseconds(time)),
            dead_for_at_least_ms: None,
            exit_code: ending.and_then(Ending::code),
            exit_signal: ending.and_then(Ending::signal),
            cgroup: cgroup.clone(),
            unit: zombie.unit().map(UnitDocument::from),
        }
    }
}

/// A process that fails to collect its dead children.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnerDocument {
    /// Its PID; `null` if it is outside of the PID namespace that can be seen.
    pub pid: Option<u32>,
    /// Who it is, where its row could be read.
    pub process: Option<ProcessReference>,
    /// Its command line, in which secrets are hidden.
    pub command_line: Option<Vec<String>>,
    /// Its effective user.
    pub user: Option<String>,
    /// Its cgroup.
    pub cgroup: Option<String>,
    /// The container, service or session that it belongs to.
    pub unit: Option<UnitDocument>,
    /// Whether it is PID 1 of the system or of a container, which is to collect whatever is left behind there.
    pub is_init: Option<bool>,
    /// How many zombies it has.
    pub zombies: usize,
    /// How long the first of them has been dead.
    pub oldest_ms: Option<u64>,
}

impl From<&Owner> for OwnerDocument {
    fn from(owner: &Owner) -> OwnerDocument {
        let Owner { pid, info, detail, cgroup, is_init, zombies, oldest } = owner;
        let Detail { command_line, user, .. } = detail;
        OwnerDocument {
            pid: pid.map(Pid::get),
            process: info.as_ref().map(ProcessReference::from),
            command_line: command_line.as_ref().map(|argv| redact(argv)),
            user: user.clone(),
            cgroup: cgroup.clone(),
            unit: owner.unit().map(UnitDocument::from),
            is_init: *is_init,
            zombies: *zombies,
            oldest_ms: oldest.map(milliseconds),
        }
    }
}

/// The container, service or session that a process belongs to, as its cgroup is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnitDocument {
    /// `container`, `service`, `session`, or `scope`.
    pub kind: String,
    /// Its name; of most containers the first 12 digits of the identifier.
    pub name: String,
}

impl From<Unit> for UnitDocument {
    fn from(Unit { kind, name }: Unit) -> UnitDocument {
        UnitDocument { kind: kind.to_string(), name }
    }
}

/// How many processes and threads there may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LimitDocument {
    /// `pid_max`, `threads-max`, or, of a cgroup, `pids.max`.
    pub kind: String,
    /// The cgroup.
    pub cgroup: Option<String>,
    /// How many there are.
    pub used: Option<u64>,
    /// How many there may be.
    pub limit: u64,
}

impl From<&Limit> for LimitDocument {
    fn from(Limit { kind, used, limit }: &Limit) -> LimitDocument {
        let (kind, cgroup) = match kind {
            LimitKind::PidMax => ("pid_max", None),
            LimitKind::ThreadsMax => ("threads-max", None),
            LimitKind::Cgroup(path) => ("pids.max", Some(path.clone())),
        };
        LimitDocument { kind: String::from(kind), cgroup, used: *used, limit: *limit }
    }
}

/// What came of collecting one zombie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReapingDocument {
    /// The zombie.
    #[serde(flatten)]
    pub process: ProcessReference,
    /// `reaped`, `nudged`, `injected`, `not-a-zombie`, `already-gone`, `not-ours`, `failed`.
    pub result: String,
    /// Whether it is collected now.
    pub collected: bool,
    /// The same in words, with its reason.
    pub detail: String,
}

impl ReapingDocument {
    /// The view of what came of collecting this zombie.
    pub fn new(zombie: &Zombie, reaping: &Reaping) -> ReapingDocument {
        let named = |parent: Option<Pid>| match (parent, &zombie.parent) {
            (Some(pid), Some(info)) if info.pid() == pid => format!("{pid} ({})", info.name),
            (Some(pid), _) => pid.to_string(),
            (None, _) => String::from("one that can't be seen"),
        };
        let (result, collected, detail) = match reaping {
            Reaping::Reaped(status) => ("reaped", true, format!("reaped: {status}")),
            Reaping::Nudged { parent, worked: true } => {
                ("nudged", true, format!("reaped by its parent {} when asked", named(Some(*parent))))
            }
            Reaping::Nudged { parent, worked: false } => {
                ("nudged", false, format!("not reaped: its parent {} was asked and did nothing", named(Some(*parent))))
            }
            Reaping::Injected { parent } => {
                ("injected", true, format!("reaped by its parent {}, which was made to", named(Some(*parent))))
            }
            Reaping::NotAZombie => ("not-a-zombie", false, String::from("not reaped: it is alive")),
            Reaping::AlreadyGone => ("already-gone", true, String::from("already reaped")),
            Reaping::NotOurs { parent } => ("not-ours", false, format!("not reaped: its parent is {}", named(*parent))),
            Reaping::Failed(error) => ("failed", false, format!("not reaped: {error}")),
        };
        ReapingDocument {
            process: ProcessReference::from(&zombie.info),
            result: String::from(result),
            collected,
            detail,
        }
    }
}
