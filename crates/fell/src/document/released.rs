//! What has become of the ports and locks of a tree, in a document.

use super::milliseconds;
use crate::pid::Pid;
use crate::released::{Held, Release};
use serde::{Deserialize, Serialize};

/// What has become of what a tree held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseDocument {
    /// What is free again: `port 8080 (127.0.0.1:8080)`, `flock write lock on /path`.
    pub released: Vec<String>,
    /// What is not.
    pub held: Vec<HeldDocument>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
    /// How long it was waited for.
    pub after_ms: u64,
}

/// Something that is not free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeldDocument {
    /// What.
    pub what: String,
    /// The PIDs of those who have it now; empty if that may not be seen.
    pub pids: Vec<u32>,
    /// In words.
    pub text: String,
}

impl From<&Release> for ReleaseDocument {
    fn from(release: &Release) -> ReleaseDocument {
        let Release { released, held, unseen, after } = release;
        ReleaseDocument {
            released: released.clone(),
            held: held.iter().map(HeldDocument::from).collect(),
            unseen: unseen.clone(),
            after_ms: milliseconds(*after),
        }
    }
}

impl From<&Held> for HeldDocument {
    fn from(Held { what, by }: &Held) -> HeldDocument {
        let name = |(pid, name): &(Pid, String)| match name.is_empty() {
            true => format!("whoever has it from PID {pid}, which has ended"),
            false => format!("PID {pid} ({name})"),
        };
        let names: Vec<String> = by.iter().map(name).collect();
        let text = match names.is_empty() {
            true => format!("{what}: still held; by whom may not be seen"),
            false => format!("{what}: still held by {}", names.join(", ")),
        };
        HeldDocument { what: what.clone(), pids: by.iter().map(|(pid, _)| pid.get()).collect(), text }
    }
}
