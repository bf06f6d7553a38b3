//! The command line.

use super::board::Board;
use super::mode::Mode;
use clap::{Parser, ValueEnum};
use fell_testkit::Trick;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

/// Whether a game has a PID namespace of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Isolate {
    /// For dangerous tricks, if permitted; never for a contestant that must win: real conditions count.
    Auto,
    /// Always, if permitted.
    Always,
    /// Never.
    Never,
}

/// Play victims against contestants, and judge by who is left
#[derive(Debug, Parser)]
#[command(
    name = "fell-arena",
    after_help = "Exit codes: 0 nothing was lost; 1 a contestant that must win lost something; 2 bad usage or no play."
)]
pub(crate) struct Args {
    /// Victims to play; all if not said
    #[arg(long, value_name = "VICTIM", value_delimiter = ',', value_parser = trick)]
    pub(crate) only: Vec<Trick>,
    /// Modes to play; all if not said
    #[arg(long, value_name = "MODE", value_delimiter = ',')]
    pub(crate) modes: Vec<Mode>,
    /// Contestants to play against, NAME or NAME@USER; all that are known, and as root fell@nobody, if not said
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) contestants: Vec<String>,
    /// A further contestant, by a command line with {cmd} or {pid} (and {limit} in seconds, {fell}); twice for both
    #[arg(long, value_name = "NAME=TEMPLATE")]
    pub(crate) contestant: Vec<String>,
    /// Contestants whose losses make this fail, under every user
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "fell")]
    pub(crate) must_win: Vec<String>,
    /// How often each game is played
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// The user that victims and contestants run as: a number or `nobody`
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// How many games are played at once
    #[arg(short, long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) jobs: u32,
    /// Which games are played in a PID namespace of their own
    #[arg(long, default_value = "auto", num_args = 0..=1, default_missing_value = "always")]
    pub(crate) isolate: Isolate,
    /// Count it as a loss if somebody dies only after the contestant has returned, however soon
    #[arg(long)]
    pub(crate) strict: bool,
    /// The program under test; if not said, $FELL_BIN, beside this program, or in $PATH
    #[arg(long, value_name = "FILE", env = "FELL_BIN")]
    pub(crate) fell: Option<PathBuf>,
    /// Write the board as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Write what was seen as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Print each game as it ends
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// List victims and contestants
    #[arg(long)]
    pub(crate) list: bool,
}

fn trick(name: &str) -> Result<Trick, String> {
    match name.parse() {
        Ok(Trick::Bystander) => Err(String::from("the bystander is innocent, and no victim")),
        Ok(trick) => Ok(trick),
        Err(error) => Err(format!("{error}; --list names them all")),
    }
}

/// The files that the board is written to, open before the games: they may take long.
#[derive(Debug)]
pub(crate) struct Outputs {
    markdown: Option<File>,
    json: Option<File>,
}

impl Args {
    /// Opens the output files.
    pub(crate) fn outputs(&self) -> io::Result<Outputs> {
        let open = |path: &Option<PathBuf>| path.as_ref().map(File::create).transpose();
        Ok(Outputs { markdown: open(&self.markdown)?, json: open(&self.json)? })
    }
}

impl Outputs {
    /// Writes them.
    pub(crate) fn write(self, board: &Board<'_>) -> io::Result<()> {
        if let Some(mut file) = self.markdown {
            file.write_all(board.markdown().as_bytes())?;
        }
        if let Some(mut file) = self.json {
            file.write_all(board.json()?.as_bytes())?;
        }
        Ok(())
    }
}
