//! What `fell validate` reports, as a document.

use fell::document::{DumpDocument, OutcomeDocument, RunDocument};
use serde::{Deserialize, Serialize};

/// What became of a plan, or has so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ValidateDocument {
    /// `fell/validate/1`.
    pub schema: String,
    /// `report`: the last of the events.
    pub event: String,
    /// The plan's name.
    pub plan: String,
    /// `running`, `passed`, `failed` or `cancelled`.
    pub verdict: String,
    /// The signal because of which the plan was cancelled: `INT`.
    pub cancelled_by: Option<String>,
    /// Whether the plan reached its time limit.
    pub timed_out: bool,
    /// Which part of a larger plan this is: `2/4`.
    pub shard: Option<String>,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// How long it took, or has so far.
    pub elapsed_ms: u64,
    /// The code with which fell ends because of it; `null` while it runs.
    pub exit_code: Option<u8>,
    /// How many steps have which verdict.
    pub counts: Counts,
    /// The steps in the order in which they are written.
    pub steps: Vec<StepDocument>,
    /// The steps that were not chosen.
    pub deselected: Vec<String>,
    /// Zombies of fell itself at the end; `null` while it runs.
    pub zombies: Option<u64>,
}

impl ValidateDocument {
    /// The name of this document's schema.
    pub const SCHEMA: &str = "fell/validate/1";
}

/// How many steps have which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Counts {
    /// Passed at the first attempt.
    pub passed: u64,
    /// Passed at a later attempt.
    pub flaky: u64,
    /// Failed.
    pub failed: u64,
    /// Ended because the plan was.
    pub cancelled: u64,
    /// Never ran.
    pub skipped: u64,
    /// Not over yet.
    pub pending: u64,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepDocument {
    /// Its name.
    pub name: String,
    /// `step` or `service`.
    pub kind: String,
    /// The steps that it needs.
    pub needs: Vec<String>,
    /// Whether it runs whatever happened before.
    pub always: bool,
    /// `waiting`, `running`, `passed`, `flaky`, `failed`, `cancelled` or `skipped`.
    pub verdict: String,
    /// Whether the verdict is a success. `null` for what is not over.
    pub ok: Option<bool>,
    /// Why: of the last failed attempt, or why it never ran.
    pub reason: Option<String>,
    /// The kind of its failure: `exit`, `timeout`, `idle-timeout`, `leftovers`, `error`.
    pub failure: Option<String>,
    /// All its attempts together.
    pub elapsed_ms: u64,
    /// Its attempts that have ended.
    pub attempts: Vec<AttemptDocument>,
}

/// One attempt at a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttemptDocument {
    /// Which, from 1.
    pub number: u32,
    /// `passed`, `failed` or `cancelled`.
    pub result: String,
    /// The kind of its failure: `exit`, `timeout`, `idle-timeout`, `leftovers`, `error`.
    pub failure: Option<String>,
    /// The failure in words.
    pub message: Option<String>,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Its time limit.
    pub limit_ms: Option<u64>,
    /// When the service was ready.
    pub ready_after_ms: Option<u64>,
    /// The file with its output.
    pub output: String,
    /// How long that is.
    pub output_bytes: u64,
    /// What became of its run; `null` if it could not be started.
    pub run: Option<RunDocument>,
    /// The tree as it stood when the limit was reached, before anything was signalled.
    pub at_limit: Option<DumpDocument>,
    /// What was alive after the command had ended, before anything was signalled.
    pub left: Option<DumpDocument>,
    /// Leftovers that may stay, and why.
    pub allowed: Vec<AllowedDocument>,
}

impl AttemptDocument {
    /// What was left and may not stay.
    pub fn leftovers(&self) -> impl Iterator<Item = &OutcomeDocument> {
        let left = self.run.iter().flat_map(|run| &run.leftovers);
        left.filter(|process| process.outcome.as_deref() != Some("spared"))
    }
}

/// A leftover that may stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AllowedDocument {
    /// The name of its process.
    pub name: String,
    /// Why it may stay.
    pub reason: String,
    /// The PIDs of those that stayed.
    pub pids: Vec<u32>,
}
