//! `fell kill`.

use super::{Common, Target};
use crate::duration;
use clap::Parser;
use clap::builder::BoolishValueParser;
use fell::Signal;
use std::time::Duration;

/// End running process trees: grace first, then force
#[derive(Debug, Parser)]
#[command(
    override_usage = "fell kill [OPTIONS] TARGET...",
    after_help = "Exit codes: 0 nothing is left, 1 a target is still alive or was denied,\n\
                  2 bad usage or refused: nothing was signalled.\n\n\
                  Examples:\n  fell kill 4711                         TERM, then KILL after 5 s, to 4711 and its descendants\n  \
                  fell kill --grace 1s :8080 4711:5032   Whatever listens on port 8080, and one exact process"
)]
pub(crate) struct KillArgs {
    /// PID, PID:INODE, or :PORT for whatever listens on it
    #[arg(required_unless_present = "run", value_name = "TARGET", allow_negative_numbers = true)]
    pub(crate) targets: Vec<Target>,

    /// Time between the first signal and force; 0 is force at once
    #[arg(short, long, env = "FELL_GRACE", value_name = "D", value_parser = duration::parse, default_value = "5s", hide_env = true)]
    pub(crate) grace: Duration,
    /// The first signal
    #[arg(short, long, env = "FELL_SIGNAL", value_name = "SIG", default_value = "TERM", hide_env = true)]
    pub(crate) signal: Signal,
    /// Keep the target, end its descendants
    #[arg(long, env = "FELL_CHILDREN_ONLY", value_parser = BoolishValueParser::new(), hide_env = true)]
    pub(crate) children_only: bool,
    /// Lift the refusal to end fell's own ancestors
    #[arg(long, env = "FELL_FORCE", value_parser = BoolishValueParser::new(), hide_env = true)]
    pub(crate) force: bool,
    /// End what seems to have left the tree too (see --dry-run)
    #[arg(long, env = "FELL_INCLUDE_ESCAPED", value_parser = BoolishValueParser::new(), hide_env = true)]
    pub(crate) include_escaped: bool,
    // No variable: FELL_RUN is the mark of the run around, which a plain `fell kill` must not end.
    /// End what is left of an earlier `fell run`, by its name
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
    /// Wait this long until the ports and locks of the trees are free
    #[arg(long, env = "FELL_WAIT_RELEASED", value_name = "D", value_parser = duration::parse_limit, hide_env = true)]
    pub(crate) wait_released: Option<Duration>,
    /// Show what would be done to each process, signal nothing
    #[arg(long, env = "FELL_DRY_RUN", value_parser = BoolishValueParser::new(), hide_env = true)]
    pub(crate) dry_run: bool,

    /// Events as JSON lines, the last one the report
    #[arg(long, env = "FELL_JSON", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}
