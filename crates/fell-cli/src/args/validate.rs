//! `fell validate`.

use super::Common;
use crate::duration;
use clap::Parser;
use clap::ValueEnum;
use clap::builder::BoolishValueParser;
use fell_plan::Shard;
use fell_plan::file::Setting;
use std::path::PathBuf;
use std::time::Duration;

/// Run the steps of a plan, each under limits, and leave nothing behind
#[derive(Debug, Parser)]
#[command(
    override_usage = "fell validate [OPTIONS] [PLAN]",
    after_help = "Exit codes: 0 every step passed and nothing is left; 100 a step failed, or the plan was\n\
                  cancelled; 2 bad usage or an unsound plan, nothing was run; 125 fell failed.\n\n\
                  Examples:\n  fell validate                            Run the plan of this project\n  \
                  fell validate --only e2e --set step.e2e.timeout=20m"
)]
pub(crate) struct ValidateArgs {
    /// The plan [default: fell.toml here or in a directory above]
    #[arg(value_name = "PLAN")]
    pub(crate) plan: Option<PathBuf>,

    /// Run these steps and what they need (repeatable)
    #[arg(
        long,
        env = "FELL_ONLY",
        value_name = "STEP",
        value_delimiter = ',',
        hide_env = true,
        help_heading = "Choice"
    )]
    pub(crate) only: Vec<String>,
    /// Run the K-th of N parts of the plan
    #[arg(long, env = "FELL_SHARD", value_name = "K/N", hide_env = true, help_heading = "Choice")]
    pub(crate) shard: Option<Shard>,
    /// Change a value of the plan (repeatable)
    #[arg(long, env = "FELL_SET", value_name = "KEY=VALUE", hide_env = true, help_heading = "Choice")]
    pub(crate) set: Vec<Setting>,
    /// Print the steps, run none
    #[arg(long, env = "FELL_LIST", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Choice")]
    pub(crate) list: bool,
    /// Print what would be run, and in which order; run nothing
    #[arg(long, env = "FELL_DRY_RUN", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Choice", conflicts_with = "list")]
    pub(crate) dry_run: bool,

    /// Start no more steps once one has failed
    #[arg(long, env = "FELL_FAIL_FAST", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Run", overrides_with = "keep_going")]
    pub(crate) fail_fast: bool,
    /// Go on after a failure with what does not need it (default)
    #[arg(long, env = "FELL_KEEP_GOING", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Run", overrides_with = "fail_fast")]
    pub(crate) keep_going: bool,
    /// How many steps run at once [default: the plan's]
    #[arg(short, long, env = "FELL_JOBS", value_name = "N", hide_env = true, help_heading = "Run")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// Time limit of each step that sets none itself [default: the plan's]
    #[arg(short, long, env = "FELL_TIMEOUT", value_name = "D", value_parser = duration::parse_limit, hide_env = true, help_heading = "Run")]
    pub(crate) timeout: Option<Duration>,

    /// The steps' output: the end of it when a step has failed (failed), of every step (tail), or all of it as it is
    /// written (live) [default: failed]
    #[arg(
        long,
        env = "FELL_OUTPUT",
        value_name = "WHAT",
        hide_env = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) output: Option<ShownOutput>,
    /// Annotations for GitHub Actions: auto, on or off
    #[arg(
        long,
        env = "FELL_GITHUB",
        value_name = "WHEN",
        hide_env = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) github: Option<GitHub>,
    /// Events as JSON lines on stdout, the last one the report
    #[arg(long, env = "FELL_JSON", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What is shown of the steps' output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ShownOutput {
    #[default]
    Failed,
    Tail,
    Live,
}

/// Whether to speak to GitHub Actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GitHub {
    Auto,
    On,
    Off,
}
