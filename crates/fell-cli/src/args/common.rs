//! Flags that every verb has.

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

/// How much fell says, and how.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Say nothing but errors
    #[arg(short, long, env = "FELL_QUIET", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Output", conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Explain each decision; -vv traces
    #[arg(short, long, env = "FELL_VERBOSE", action = clap::ArgAction::Count, hide_env = true, help_heading = "Output")]
    pub(crate) verbose: u8,
    /// Colour: auto, always or never
    #[arg(
        long,
        env = "FELL_COLOR",
        value_name = "WHEN",
        default_value = "auto",
        hide_env = true,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) color: Color,
    /// Log lines as text or json (see FELL_LOG=debug)
    #[arg(
        long,
        env = "FELL_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        hide_env = true,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}
