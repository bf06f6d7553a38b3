//! What `fell zombies --json` prints.

use super::{GapDocument, ProcessReference, milliseconds};
use crate::ending::Ending;
use crate::pid::Pid;
use crate::zombie::{Reaping, Zombie, Zombies};
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
        let Zombies { list, gaps } = zombies;
        ZombiesDocument {
            schema: String::from(ZombiesDocument::SCHEMA),
            count: list.len(),
            zombies: list.iter().map(ZombieDocument::from).collect(),
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
    /// The exit code that it waits to hand over, where the kernel shows it.
    pub exit_code: Option<i32>,
    /// The number of the signal that it died of, where the kernel shows it.
    pub exit_signal: Option<i32>,
}

impl From<&Zombie> for ZombieDocument {
    fn from(Zombie { info, parent, is_ours, dead_for }: &Zombie) -> ZombieDocument {
        let ending = info.exit_status.and_then(Ending::of_raw);
        ZombieDocument {
            process: ProcessReference::from(info),
            ppid: info.parent.map(Pid::get),
            parent: parent.as_ref().map(ProcessReference::from),
            ours: *is_ours,
            dead_for_ms: dead_for.map(|time: Duration| milliseconds(time)),
            exit_code: ending.and_then(Ending::code),
            exit_signal: ending.and_then(Ending::signal),
        }
    }
}

/// What came of collecting one zombie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReapingDocument {
    /// The zombie.
    #[serde(flatten)]
    pub process: ProcessReference,
    /// `reaped`, `nudged`, `not-a-zombie`, `already-gone`, `not-ours`, `failed`.
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
