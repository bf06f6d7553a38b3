//! `fell zombies`.

use super::Common;
use crate::duration;
use clap::Parser;
use clap::builder::BoolishValueParser;
use fell::Pid;
use std::time::Duration;

/// List zombies with the parent that fails to reap them
#[derive(Debug, Parser)]
#[command(
    override_usage = "fell zombies [OPTIONS]",
    after_help = "Exit codes: 0 no zombies; 1 zombies remain; 2 bad usage.\n\
                  With --warning or --critical those of Nagios: 0, 1, 2; 3 not all could be seen.\n\n\
                  Examples:\n  fell zombies --parent 4711 --reap      Ask 4711 to collect its dead, and say whether it did\n  \
                  fell zombies --warning 10 --critical 100   A check for Nagios, Icinga and the like"
)]
pub(crate) struct ZombiesArgs {
    /// Only those of this parent
    #[arg(long, env = "FELL_PARENT", value_name = "PID", allow_negative_numbers = true, hide_env = true)]
    pub(crate) parent: Option<Pid>,
    /// Print their number alone
    #[arg(long, env = "FELL_COUNT", value_parser = BoolishValueParser::new(), hide_env = true, conflicts_with = "json")]
    pub(crate) count: bool,
    /// Look again every D, until interrupted, and print what has changed
    #[arg(long, env = "FELL_WATCH", value_name = "D", value_parser = duration::parse_limit, hide_env = true)]
    pub(crate) watch: Option<Duration>,

    /// Have them reaped: ours by waiting, another's by asking its parent; inject makes the one of --parent do it
    #[arg(
        long,
        env = "FELL_REAP",
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "ask",
        value_parser = parse_reap,
        hide_env = true,
        conflicts_with = "watch",
        help_heading = "Deeds"
    )]
    pub(crate) reap: Option<ReapBy>,
    /// End the parent given by --parent with all its descendants; its zombies go to PID 1 then
    #[arg(
        long,
        env = "FELL_KILL_PARENT",
        value_parser = BoolishValueParser::new(),
        hide_env = true,
        requires = "parent",
        conflicts_with_all = ["watch", "reap"],
        help_heading = "Deeds"
    )]
    pub(crate) kill_parent: bool,
    /// With --kill-parent: time between the first signal and force; 0 is force at once
    #[arg(
        short,
        long,
        env = "FELL_GRACE",
        value_name = "D",
        value_parser = duration::parse,
        default_value = "5s",
        hide_env = true,
        help_heading = "Deeds"
    )]
    pub(crate) grace: Duration,

    /// A monitoring check: warn of more than N
    #[arg(
        long,
        env = "FELL_WARNING",
        value_name = "N",
        hide_env = true,
        conflicts_with_all = ["watch", "reap", "kill_parent", "count", "json"],
        help_heading = "Monitoring"
    )]
    pub(crate) warning: Option<usize>,
    /// A monitoring check: more than N are critical
    #[arg(
        long,
        env = "FELL_CRITICAL",
        value_name = "N",
        hide_env = true,
        conflicts_with_all = ["watch", "reap", "kill_parent", "count", "json"],
        help_heading = "Monitoring"
    )]
    pub(crate) critical: Option<usize>,

    /// One JSON document; with --watch one a change
    #[arg(long, env = "FELL_JSON", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// How zombies are to be reaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReapBy {
    /// Not at all: said by a variable that is off.
    Nothing,
    /// Ours by waiting, another's by asking its parent.
    Asking,
    /// The same, and then by making the parent collect them.
    Injecting,
}

/// `ask`, `inject`, or what a variable that is on or off may hold.
fn parse_reap(text: &str) -> Result<ReapBy, String> {
    match text.to_ascii_lowercase().as_str() {
        "ask" | "1" | "y" | "yes" | "t" | "true" | "on" => Ok(ReapBy::Asking),
        "inject" => Ok(ReapBy::Injecting),
        "" | "0" | "n" | "no" | "f" | "false" | "off" => Ok(ReapBy::Nothing),
        _ => Err(String::from("expected ask or inject")),
    }
}
