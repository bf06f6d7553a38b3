//! Running a program to its end.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};

use miette::{Result, miette};

use crate::place;

/// `cargo` with these arguments, in the workspace's root: the same cargo that started this program.
pub(crate) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments).current_dir(place::root());
    command
}

/// Runs the command; anything but success is an error that shows it.
pub(crate) fn must_pass(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| miette!("{} does not start: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(miette!("{} ended with {status}", shown(command))) }
}

/// This process becomes the command, or, where processes can't do that, waits for it; returns only if something is
/// wrong, or the command has succeeded.
pub(crate) fn must_become(command: &mut Command) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        let error = command.exec();
        Err(miette!("{} does not start: {error}", shown(command)))
    }
    #[cfg(not(unix))]
    must_pass(command)
}

/// Whether the command can be run and succeeds; its output is dropped.
pub(crate) fn passes(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as a person would type it, without folders before the program's name.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_command() {
        let error = must_pass(&mut cargo(["no-such-subcommand-here"])).unwrap_err();
        assert!(error.to_string().contains("cargo no-such-subcommand-here ended with"), "{error}");
    }

    #[test]
    fn a_missing_program_does_not_pass() {
        assert!(!passes(&mut Command::new("no-such-program-here")));
    }
}
