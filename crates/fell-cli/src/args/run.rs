//! `fell run`.

use super::Common;
use crate::duration;
use clap::builder::BoolishValueParser;
use clap::{Parser, ValueEnum};
use fell::Signal;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Run a command so that nothing it started outlives it
#[derive(Debug, Parser)]
#[command(
    name = "run",
    override_usage = "fell run [OPTIONS] [--] COMMAND [ARGS]...",
    after_help = "Exit codes: the command's own, 128+n if it died of signal n, 124 at a limit,\n\
                  122 leftovers (--leftovers fail), 123 something is still alive, 125 fell failed,\n\
                  126 the command can't be executed, 127 it was not found.\n\n\
                  Examples:\n  fell run --timeout 30s -- cargo test\n  \
                  fell run -t 10m --idle-timeout 60s --leftovers fail --report json=run.json -- ./ci.sh"
)]
pub(crate) struct RunArgs {
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,

    /// Time limit, such as 30s or 1h 30m [default: none]
    #[arg(short, long, env = "FELL_TIMEOUT", value_name = "D", value_parser = duration::parse_limit, hide_env = true, help_heading = "Limits")]
    pub(crate) timeout: Option<Duration>,
    /// Limit on silence: no output for D (implies piping) [default: none]
    #[arg(long, env = "FELL_IDLE_TIMEOUT", value_name = "D", value_parser = duration::parse_limit, hide_env = true, help_heading = "Limits")]
    pub(crate) idle_timeout: Option<Duration>,
    /// Time between the first signal and force
    #[arg(short, long, env = "FELL_GRACE", value_name = "D", value_parser = duration::parse, default_value = "5s", hide_env = true, help_heading = "Limits")]
    pub(crate) grace: Duration,
    /// The first signal
    #[arg(
        short,
        long,
        env = "FELL_SIGNAL",
        value_name = "SIG",
        default_value = "TERM",
        hide_env = true,
        help_heading = "Limits"
    )]
    pub(crate) signal: Signal,
    /// What to show at a limit: dump (default with -v) or quiet
    #[arg(
        long,
        env = "FELL_ON_TIMEOUT",
        value_name = "WHAT",
        hide_env = true,
        hide_possible_values = true,
        help_heading = "Limits"
    )]
    pub(crate) on_timeout: Option<OnTimeout>,
    /// Ask a program about the tree before it is ended, such as 'py-spy dump --pid {pid}' (repeatable)
    #[arg(long, env = "FELL_DUMP_WITH", value_name = "CMD", hide_env = true, help_heading = "Limits")]
    pub(crate) dump_with: Vec<String>,
    /// Wait this long until the ports and locks of an ended tree are free
    #[arg(long, env = "FELL_WAIT_RELEASED", value_name = "D", value_parser = duration::parse_limit, hide_env = true, help_heading = "Limits")]
    pub(crate) wait_released: Option<Duration>,
    /// Exit with the command's status even at a limit
    #[arg(long, env = "FELL_PRESERVE_STATUS", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Limits")]
    pub(crate) preserve_status: bool,

    /// What living descendants mean when the command has ended
    #[arg(
        long,
        env = "FELL_LEFTOVERS",
        value_name = "RULE",
        default_value = "kill",
        hide_env = true,
        help_heading = "Containment"
    )]
    pub(crate) leftovers: LeftoversRule,
    /// A leftover with this command name may stay (repeatable)
    #[arg(
        long,
        env = "FELL_ALLOW",
        value_name = "NAME",
        value_delimiter = ',',
        hide_env = true,
        help_heading = "Containment"
    )]
    pub(crate) allow: Vec<String>,
    /// Force a layer: auto takes all that the host gives
    #[arg(
        long,
        env = "FELL_CONTAIN",
        value_name = "LAYER",
        default_value = "auto",
        hide_env = true,
        help_heading = "Containment"
    )]
    pub(crate) contain: Containment,
    /// Whether the command keeps the terminal: auto, on or off
    #[arg(long, env = "FELL_FOREGROUND", value_name = "WHEN", default_value = "auto", num_args = 0..=1, require_equals = true, default_missing_value = "on", hide_env = true, hide_default_value = true, hide_possible_values = true, help_heading = "Containment")]
    pub(crate) foreground: Foreground,

    /// Write the report: json=FILE (repeatable)
    #[arg(long, env = "FELL_REPORT", value_name = "FORMAT=FILE", hide_env = true, help_heading = "Output")]
    pub(crate) report: Vec<ReportFile>,
    /// Events as JSON lines on stdout, the last one the report
    #[arg(long, env = "FELL_JSON", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LeftoversRule {
    Kill,
    Fail,
    Warn,
    Allow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Containment {
    Auto,
    Cgroup,
    Reaper,
    Group,
    Pidns,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Foreground {
    Auto,
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnTimeout {
    Dump,
    Quiet,
}

/// A report that is to be written: `json=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportFile {
    /// Where to.
    pub(crate) path: PathBuf,
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportFile, String> {
        match text.split_once('=') {
            Some(("json", path)) if !path.is_empty() => Ok(ReportFile { path: PathBuf::from(path) }),
            Some((format @ ("junit" | "md"), _)) => Err(format!("{format} is not offered yet: expected json=FILE")),
            _ => Err(String::from("expected json=FILE")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<RunArgs, clap::Error> {
        RunArgs::try_parse_from(std::iter::once(&"run").chain(words))
    }

    #[test]
    fn options_end_at_the_command() {
        let args = parse(&["-t", "30s", "cargo", "test", "--timeout", "1", "-v"]).unwrap();
        assert_eq!(args.timeout, Some(Duration::from_secs(30)));
        assert_eq!(args.command, ["cargo", "test", "--timeout", "1", "-v"]);
        assert_eq!(parse(&["--", "-x"]).unwrap().command, ["-x"]);
        assert_eq!(parse(&["--", "a", "--", "b"]).unwrap().command, ["a", "--", "b"]);
    }

    #[test]
    fn foreground_takes_no_word_of_the_command() {
        let args = parse(&["--foreground", "vim"]).unwrap();
        assert_eq!((args.foreground, args.command), (Foreground::On, vec![OsString::from("vim")]));
        assert_eq!(parse(&["--foreground=off", "vim"]).unwrap().foreground, Foreground::Off);
        assert_eq!(parse(&["vim"]).unwrap().foreground, Foreground::Auto);
    }

    #[test]
    fn a_report_names_its_format() {
        assert_eq!("json=a=b".parse(), Ok(ReportFile { path: PathBuf::from("a=b") }));
        assert_eq!("junit=x".parse::<ReportFile>().unwrap_err(), "junit is not offered yet: expected json=FILE");
        for text in ["", "json", "json=", "x=y"] {
            assert_eq!(text.parse::<ReportFile>().unwrap_err(), "expected json=FILE", "{text}");
        }
    }
}
