//! The plan file, as it is written.

mod condition;
mod read;
mod set;
mod signal;
mod span;
mod step;
mod table;

pub use condition::Condition;
pub use read::{find, parse, read};
pub use set::{Setting, apply};
pub use signal::SignalName;
pub use span::{Span, parse_span};
pub use step::{AllowFile, Backoff, Flaky, KillFile, Kind, LeftoversFile, ReadyFile, RetriesFile, Rule, StepFile};
pub use table::{NamedStep, StepTable};

use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use toml::Spanned;

/// A plan file, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "fell plan"))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlanFile {
    /// The version of this format: 1.
    #[cfg_attr(feature = "schema", schemars(with = "u32", range(min = 1, max = 1)))]
    pub schema: Spanned<u32>,
    /// The plan's name, which the reports carry. Default: the name of its folder.
    pub name: Option<String>,
    /// The time limit of the whole plan. The shorter of plan and step wins.
    pub timeout: Option<Span>,
    /// How many steps run at once, services not counted. Default: one per core.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>", range(min = 1)))]
    pub jobs: Option<NonZeroUsize>,
    /// Where the reports go.
    #[serde(default)]
    pub report: ReportFile,
    /// What steps have that do not say otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// The steps by their names.
    #[serde(default)]
    pub step: StepTable,
}

/// Where the reports go, from the plan's own directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ReportFile {
    /// JUnit XML, in the dialect that Jenkins reads.
    pub junit: Option<PathBuf>,
    /// JSON: `fell/validate/1`.
    pub json: Option<PathBuf>,
    /// Markdown.
    pub md: Option<PathBuf>,
    /// Annotations and the step summary of GitHub Actions. Default: when it runs there.
    pub github: GitHub,
    /// The directory for the steps' output. Default: `steps` beside the first report.
    pub output: Option<PathBuf>,
}

/// Whether to speak to GitHub Actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GitHub {
    /// When it runs there.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// What steps have that do not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Defaults {
    /// The time limit of each attempt; not for services.
    pub timeout: Option<Span>,
    /// The limit on silence; not for services.
    pub idle_timeout: Option<Span>,
    /// How trees are ended.
    pub kill: KillFile,
    /// What living descendants mean after the command has ended.
    pub leftovers: LeftoversFile,
    /// How often steps are tried again.
    pub retries: Option<RetriesFile>,
    /// What success after a retry counts as.
    pub flaky: Option<Flaky>,
    /// Variables added to the environment of every step.
    pub env: BTreeMap<String, String>,
}
