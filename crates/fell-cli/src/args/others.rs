//! The verbs with few flags: `tree`, `doctor`, `completions`, `man`.

use super::Common;
use clap::builder::BoolishValueParser;
use clap::{Parser, ValueEnum};

/// Show a process and its descendants
#[derive(Debug, Parser)]
#[command(
    override_usage = "fell tree [OPTIONS] [PID]",
    after_help = "Examples:\n  fell tree $$            This shell and what it runs\n  fell tree --why 4711    What each of its processes waits for, and who has it\n  fell tree --json 4711   The same facts as one JSON document"
)]
pub(crate) struct TreeArgs {
    /// The root of the tree, as PID or PID:INODE [default: 1]
    #[arg(value_name = "PID", allow_negative_numbers = true, value_parser = parse_id)]
    pub(crate) root: Option<fell::ProcessId>,
    /// Say why each process does not go on, and what it holds
    #[arg(long, env = "FELL_WHY", value_parser = BoolishValueParser::new(), hide_env = true)]
    pub(crate) why: bool,
    /// Show the ancestors too
    #[arg(long, env = "FELL_ANCESTORS", value_parser = BoolishValueParser::new(), hide_env = true)]
    pub(crate) ancestors: bool,
    /// Show values that look like secrets
    #[arg(long, env = "FELL_NO_REDACT", value_parser = BoolishValueParser::new(), hide_env = true)]
    pub(crate) no_redact: bool,
    /// Draw with ASCII (as always when stdout is no terminal)
    #[arg(long, env = "FELL_ASCII", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Output")]
    pub(crate) ascii: bool,
    /// One JSON document
    #[arg(long, env = "FELL_JSON", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

fn parse_id(text: &str) -> Result<fell::ProcessId, fell::id::ParseIdError> {
    text.parse()
}

/// Show what this host allows, and what that means for fell's promises
#[derive(Debug, Parser)]
#[command(
    override_usage = "fell doctor [OPTIONS]",
    after_help = "Examples:\n  fell doctor          Each containment layer and identity source: yes or no, and why not\n  fell doctor --json   The same facts as one JSON document"
)]
pub(crate) struct DoctorArgs {
    /// One JSON document
    #[arg(long, env = "FELL_JSON", value_parser = BoolishValueParser::new(), hide_env = true, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Link fell under the names that it stands in for: timeout, tini, dumb-init
#[derive(Debug, Parser)]
#[command(
    override_usage = "fell install-links DIR",
    after_help = "Nothing is replaced. A directory in front of PATH is the place: scripts then run fell unchanged.\n\n\
                  Examples:\n  fell install-links ~/.local/bin                 For one user\n  \
                  fell install-links /opt/fell/bin && PATH=/opt/fell/bin:$PATH ./ci.sh   For one run"
)]
pub(crate) struct InstallLinksArgs {
    /// The directory to put the links in
    #[arg(value_name = "DIR")]
    pub(crate) directory: std::path::PathBuf,
}

/// Print shell completions
#[derive(Debug, Parser)]
#[command(
    override_usage = "fell completions SHELL",
    after_help = "Examples:\n  fell completions bash > ~/.local/share/bash-completion/completions/fell\n  fell completions fish > ~/.config/fish/completions/fell.fish"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Print a man page
#[derive(Debug, Parser)]
#[command(
    override_usage = "fell man [VERB]",
    after_help = "Examples:\n  fell man | man -l -             Read the page on fell\n  fell man run > fell-run.1       Write the page on fell run"
)]
pub(crate) struct ManArgs {
    /// The verb that the page is about [default: fell itself]
    #[arg(value_name = "VERB")]
    pub(crate) verb: Option<PageOf>,
}

/// The verbs that have a man page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageOf {
    Run,
    Kill,
    Tree,
    Zombies,
    Validate,
    Doctor,
    InstallLinks,
    Completions,
    Man,
}

impl PageOf {
    /// The verb as it is written.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            PageOf::Run => "run",
            PageOf::Kill => "kill",
            PageOf::Tree => "tree",
            PageOf::Zombies => "zombies",
            PageOf::Validate => "validate",
            PageOf::Doctor => "doctor",
            PageOf::InstallLinks => "install-links",
            PageOf::Completions => "completions",
            PageOf::Man => "man",
        }
    }
}
