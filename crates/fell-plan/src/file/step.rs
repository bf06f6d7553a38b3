//! A step of a plan, as it is written.

use super::{Condition, SignalName, Span};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::Spanned;

/// A step, as it is written: `[step.NAME]`. What it leaves out comes from `[defaults]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StepFile {
    /// What it is: a step that ends by itself, or a service.
    pub kind: Kind,
    /// The command and its arguments; no shell stands between.
    pub run: Option<Vec<String>>,
    /// A script for a shell: `bash -eo pipefail -c`, or `sh -e -c` where there is no bash. In place of `run`.
    pub shell: Option<String>,
    /// The steps that must have passed, and the services that must be ready, before this one starts.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub needs: Vec<Spanned<String>>,
    /// Variables added to the environment.
    pub env: BTreeMap<String, String>,
    /// The directory to run in, from the plan's own. Default: the plan's own.
    pub dir: Option<PathBuf>,
    /// The time limit of each attempt. A service has none unless it is set here.
    pub timeout: Option<Span>,
    /// The limit on silence: no output for this long.
    pub idle_timeout: Option<Span>,
    /// How the step's tree is ended.
    pub kill: Option<KillFile>,
    /// What living descendants mean after the command has ended.
    pub leftovers: Option<LeftoversFile>,
    /// How often it is tried again, and for what.
    pub retries: Option<RetriesFile>,
    /// What success after a retry counts as. Default: pass.
    pub flaky: Option<Flaky>,
    /// It runs whatever happened before: after its `needs` are over, or without `needs` after all other steps.
    pub always: bool,
    /// When a service counts as ready. Default: as soon as it has started.
    pub ready: Option<ReadyFile>,
}

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It ends by itself, and its exit code counts.
    #[default]
    Step,
    /// It lives until no step that needs it is left; then its tree is ended.
    Service,
}

/// How a tree is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct KillFile {
    /// The first signal. Default: TERM.
    pub signal: Option<SignalName>,
    /// The time between the first signal and force. Default: 5s.
    pub grace: Option<Span>,
}

/// What living descendants mean after the command has ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LeftoversFile {
    /// How long descendants may take to end by themselves. Default: 500ms.
    pub settle: Option<Span>,
    /// Default: fail.
    pub result: Option<Rule>,
    /// Who may stay.
    pub allow: Option<Vec<AllowFile>>,
}

/// What a leftover means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// It is ended, and the step's own end counts.
    Kill,
    /// It is ended, and the step has failed.
    #[default]
    Fail,
    /// It is ended, and the reports say so; the step's own end counts.
    Warn,
    /// It is left alone.
    Allow,
}

/// A leftover that may stay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AllowFile {
    /// The name of its process.
    pub name: String,
    /// Why it may stay.
    pub reason: String,
}

/// How often a step is tried again, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RetriesFile {
    /// How often, after the first attempt.
    pub count: u32,
    /// For what: any of these. Default: any failure.
    pub on: Option<Vec<Condition>>,
    /// How the delay grows.
    #[serde(default)]
    pub backoff: Backoff,
    /// The time before the first retry. Default: none.
    pub delay: Option<Span>,
}

/// How the time between attempts grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Backoff {
    /// It does not.
    #[default]
    Fixed,
    /// It doubles with each attempt.
    Exponential,
}

/// What success after a retry counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Flaky {
    /// Success.
    #[default]
    Pass,
    /// Failure.
    Fail,
}

/// When a service counts as ready: exactly one of `log`, `port` and `run`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ReadyFile {
    /// Its output holds this text.
    pub log: Option<String>,
    /// A process of its own listens on this TCP port.
    pub port: Option<u16>,
    /// This command succeeds.
    pub run: Option<Vec<String>>,
    /// How long it may take. Default: 30s.
    pub timeout: Option<Span>,
}
