//! `fell completions SHELL`.

use crate::args::{CompletionsArgs, Fell};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use clap::CommandFactory as _;

/// Prints the completions of a shell.
///
/// # Errors
///
/// stdout can't be written to.
pub(crate) fn act(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Fell::command(), "fell", &mut script);
    output::result(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Success)
}
