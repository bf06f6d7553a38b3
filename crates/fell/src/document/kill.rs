//! What `fell kill --json` prints.

use super::{GapDocument, ProcessReference, ReleaseDocument, milliseconds};
use crate::escaped::{Escaped, Evidence};
use crate::info::ProcessInfo;
use crate::outcome::{Mechanism, Outcome, ProcessReport};
use crate::pid::Pid;
use crate::plan::{Action, KillPlan, PlannedProcess};
use crate::report::Report;
use serde::{Deserialize, Serialize};

/// What became of all targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KillDocument {
    /// `fell/kill/1`.
    pub schema: String,
    /// `report`: the last of the events.
    pub event: String,
    /// Whether it was only told what would be done, and nothing was signalled.
    pub dry_run: bool,
    /// Whether nothing that was to be ended is alive. `null` for a dry run.
    pub clean: Option<bool>,
    /// One entry a target, in the order in which they were given.
    pub targets: Vec<TargetDocument>,
    /// What has become of the ports and locks that they held. Only there if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<ReleaseDocument>,
}

impl KillDocument {
    /// The name of this document's schema.
    pub const SCHEMA: &str = "fell/kill/1";

    /// The document on what became of these targets.
    pub fn new(targets: Vec<TargetDocument>) -> KillDocument {
        KillDocument {
            schema: String::from(KillDocument::SCHEMA),
            event: String::from("report"),
            dry_run: false,
            clean: Some(targets.iter().all(|target| target.clean == Some(true))),
            targets,
            released: None,
        }
    }

    /// The document on what would be done to these targets.
    pub fn dry_run(targets: Vec<TargetDocument>) -> KillDocument {
        KillDocument { dry_run: true, clean: None, ..KillDocument::new(targets) }
    }
}

/// What became of one target and its descendants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TargetDocument {
    /// The target as it was given.
    pub target: String,
    /// The process that it stood for; `null` if there was none.
    pub id: Option<String>,
    /// The summary in one line.
    pub summary: String,
    /// Whether nothing that was to be ended is alive. `null` for a dry run.
    pub clean: Option<bool>,
    /// One entry a process, parents before children; newcomers follow.
    pub processes: Vec<OutcomeDocument>,
    /// Who seems to have left the tree. Only there for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escaped: Option<Vec<EscapedDocument>>,
    /// What could not be read. With a gap, a member may have been missed.
    pub gaps: Vec<GapDocument>,
    /// How often the tree was looked at.
    pub looks: u32,
    /// How long it all took.
    pub elapsed_ms: u64,
}

impl TargetDocument {
    /// The view of a report on the target that was given as `target`.
    pub fn new(target: impl Into<String>, report: &Report) -> TargetDocument {
        let summary = report.to_string();
        let clean = report.is_clean();
        let Report { target: id, processes, gaps, looks, elapsed } = report;
        TargetDocument {
            target: target.into(),
            id: Some(id.to_string()),
            summary,
            clean: Some(clean),
            processes: processes.iter().map(OutcomeDocument::from).collect(),
            escaped: None,
            gaps: gaps.iter().map(GapDocument::from).collect(),
            looks: *looks,
            elapsed_ms: milliseconds(*elapsed),
        }
    }

    /// The view of a plan, and of who seems to have left the tree: nothing was signalled.
    pub fn planned(target: impl Into<String>, plan: &KillPlan, escaped: &[Escaped]) -> TargetDocument {
        let KillPlan { processes } = plan;
        let ended = processes.iter().filter(|process| process.action == Action::End).count();
        TargetDocument {
            id: processes.first().map(|process| process.info.id.to_string()),
            summary: format!("would fell {ended} of {}", processes.len()),
            clean: None,
            processes: processes.iter().map(OutcomeDocument::from).collect(),
            escaped: Some(escaped.iter().map(EscapedDocument::from).collect()),
            looks: 1,
            ..TargetDocument::absent(target)
        }
    }

    /// A target that stood for no process.
    pub fn absent(target: impl Into<String>) -> TargetDocument {
        TargetDocument {
            target: target.into(),
            id: None,
            summary: String::from("already gone: nothing was alive"),
            clean: Some(true),
            processes: Vec::new(),
            escaped: None,
            gaps: Vec::new(),
            looks: 0,
            elapsed_ms: 0,
        }
    }
}

/// A process that seems to have left a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EscapedDocument {
    /// The process.
    #[serde(flatten)]
    pub process: ProcessReference,
    /// What ties it to the tree, in words.
    pub evidence: String,
    /// Whether that is proof, so that it is ended with the tree without being asked for.
    pub proven: bool,
}

impl From<&Escaped> for EscapedDocument {
    fn from(Escaped { info, evidence }: &Escaped) -> EscapedDocument {
        EscapedDocument {
            process: ProcessReference::from(info),
            evidence: evidence.to_string(),
            proven: matches!(evidence, Evidence::Mark(_)),
        }
    }
}

/// What became of one process, or would be done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OutcomeDocument {
    /// Who it is: `PID:INODE`, or the bare PID where the inode is not known.
    pub id: String,
    /// Its PID.
    pub pid: u32,
    /// Its parent's PID.
    pub ppid: Option<u32>,
    /// Its short name.
    pub name: String,
    /// What it was doing when it was first seen.
    pub state: String,
    /// What would be done to it: `end`, `collected`, `refuse`, `spare`. Only there for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What became of it: `exited`, `killed`, `already-gone`, `zombie`, `permission-denied`, `unkillable`,
    /// `refused`, `spared`. `null` for a dry run.
    pub outcome: Option<String>,
    /// The same in words, with its reason.
    pub detail: String,
    /// By which means it was addressed: `pidfd`, `cgroup`, `checked-pid`; `null` if it never was.
    pub mechanism: Option<String>,
    /// How long after the beginning its end was observed; `null` while it is alive.
    pub after_ms: Option<u64>,
    /// It has ended, and waits for this parent outside of the tree to collect it.
    pub uncollected_by: Option<u32>,
}

impl OutcomeDocument {
    fn of(info: &ProcessInfo) -> OutcomeDocument {
        OutcomeDocument {
            id: info.id.to_string(),
            pid: info.pid().get(),
            ppid: info.parent.map(Pid::get),
            name: info.name.clone(),
            state: info.state.to_string(),
            action: None,
            outcome: None,
            detail: String::new(),
            mechanism: None,
            after_ms: None,
            uncollected_by: None,
        }
    }
}

impl From<&ProcessReport> for OutcomeDocument {
    fn from(report: &ProcessReport) -> OutcomeDocument {
        let ProcessReport { info, outcome, mechanism, after, uncollected_by } = report;
        let parent = match outcome {
            Outcome::Zombie { parent } => *parent,
            _ => *uncollected_by,
        };
        OutcomeDocument {
            outcome: Some(String::from(word_of(*outcome))),
            detail: outcome.to_string(),
            mechanism: mechanism.map(|mechanism: Mechanism| mechanism.to_string()),
            after_ms: after.map(milliseconds),
            uncollected_by: parent.map(Pid::get),
            ..OutcomeDocument::of(info)
        }
    }
}

impl From<&PlannedProcess> for OutcomeDocument {
    fn from(PlannedProcess { info, action }: &PlannedProcess) -> OutcomeDocument {
        let (word, detail) = match action {
            Action::End => ("end", String::from("would be ended")),
            Action::Collected => ("collected", String::from("has ended already, waits for its parent")),
            Action::Refuse(refusal) => ("refuse", format!("would be refused, {refusal}")),
            Action::Spare => ("spare", String::from("would be kept as asked")),
        };
        OutcomeDocument { action: Some(String::from(word)), detail, ..OutcomeDocument::of(info) }
    }
}

fn word_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Exited => "exited",
        Outcome::Killed => "killed",
        Outcome::AlreadyGone => "already-gone",
        Outcome::Zombie { .. } => "zombie",
        Outcome::PermissionDenied => "permission-denied",
        Outcome::Unkillable { .. } => "unkillable",
        Outcome::Refused(_) => "refused",
        Outcome::Spared => "spared",
    }
}
