//! A plan that is sound: every default filled in, every name resolved.

use crate::file::{Backoff, Condition, GitHub, Rule};
use fell::Signal;
use std::path::PathBuf;
use std::time::Duration;

/// A plan that is sound: every default filled in, every name resolved, no cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// The directory of its file, from which paths are meant.
    pub root: PathBuf,
    /// The time limit of the whole.
    pub timeout: Option<Duration>,
    /// How many steps run at once, services not counted.
    pub jobs: usize,
    /// Where the reports go.
    pub reports: Reports,
    /// The steps in the order in which they are written.
    pub steps: Vec<Step>,
    /// Which part of a larger plan this is: `2/4`.
    pub shard: Option<String>,
    /// The steps of the file that were not chosen.
    pub deselected: Vec<String>,
}

/// Where the reports go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reports {
    /// JUnit XML.
    pub junit: Option<PathBuf>,
    /// JSON.
    pub json: Option<PathBuf>,
    /// Markdown.
    pub markdown: Option<PathBuf>,
    /// Whether to speak to GitHub Actions.
    pub github: GitHub,
    /// The directory for the steps' output; a temporary one if `None`.
    pub output: Option<PathBuf>,
}

/// A step of a sound plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The steps that it needs, as positions in the plan.
    pub needs: Vec<usize>,
    /// Whether it is a service, and when that is ready.
    pub service: Option<Readiness>,
    /// Whether it runs whatever happened before.
    pub always: bool,
    /// Variables added to the environment.
    pub env: Vec<(String, String)>,
    /// The directory to run in.
    pub dir: PathBuf,
    /// The time limit of an attempt.
    pub timeout: Option<Duration>,
    /// The limit on silence.
    pub idle_timeout: Option<Duration>,
    /// The first signal.
    pub signal: Signal,
    /// The time between the first signal and force.
    pub grace: Duration,
    /// What living descendants mean after the command has ended.
    pub leftovers: LeftoversPolicy,
    /// How often it is tried again, and for what.
    pub retries: Retries,
    /// Whether success after a retry is a failure.
    pub flaky_fails: bool,
}

/// When a service is ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// What shows it.
    pub sign: Sign,
    /// How long it may take.
    pub timeout: Duration,
}

/// What shows that a service is ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sign {
    /// It has started.
    #[default]
    Started,
    /// Its output holds this text.
    Log(String),
    /// A process of its own listens on this port.
    Port(u16),
    /// This command succeeds.
    Command(Vec<String>),
}

/// What living descendants mean after the command has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftoversPolicy {
    /// How long they may take to end by themselves.
    pub settle: Duration,
    /// What they mean after that.
    pub rule: Rule,
    /// Who may stay, and why.
    pub allow: Vec<(String, String)>,
}

/// How often a step is tried again, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retries {
    /// How often, after the first attempt.
    pub count: u32,
    /// For what; empty: for any failure.
    pub on: Vec<Condition>,
    /// How the delay grows.
    pub backoff: Backoff,
    /// The time before the first retry.
    pub delay: Duration,
}

/// The longest time between two attempts.
const MAX_DELAY: Duration = Duration::from_secs(3600);

impl Retries {
    /// The time to wait after this many failed attempts.
    pub fn delay_after(&self, attempts: u32) -> Duration {
        match self.backoff {
            Backoff::Fixed => self.delay,
            Backoff::Exponential => {
                let factor = 2_u32.saturating_pow(attempts.saturating_sub(1));
                self.delay.saturating_mul(factor).min(MAX_DELAY.max(self.delay))
            }
        }
    }
}

impl Plan {
    /// The position of the step with this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_delays_double_and_stay_bounded() {
        let retries = Retries { backoff: Backoff::Exponential, delay: Duration::from_secs(2), ..Retries::default() };
        let delays: Vec<u64> = (1..=4).map(|attempts| retries.delay_after(attempts).as_secs()).collect();
        assert_eq!(delays, [2, 4, 8, 16]);
        assert_eq!(retries.delay_after(1000), MAX_DELAY);
        assert_eq!(Retries { backoff: Backoff::Fixed, ..retries }.delay_after(5), Duration::from_secs(2));
    }
}
