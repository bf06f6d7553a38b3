//! `fell install-links DIR`.

use crate::args::InstallLinksArgs;
use crate::dropin::{Made, links};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use std::io;

/// Links fell under the names of the tools that it stands in for.
///
/// # Errors
///
/// Something is in the way, or the directory is not to be written to.
pub(crate) fn act(args: &InstallLinksArgs) -> Result<Exit, Failure> {
    let binary = std::env::current_exe()
        .map_err(|error| Failure::new(Exit::Usage, format!("fell does not find its own file: {error}")))?;
    let made = links(&args.directory, &binary).map_err(|(link, error)| {
        let failure = Failure::new(Exit::Usage, format!("{}: {error}", link.display()));
        match error.kind() {
            io::ErrorKind::AlreadyExists => failure.help("nothing is replaced; remove it first, or take another directory"),
            io::ErrorKind::NotFound => failure.help("make the directory first"),
            _ => failure,
        }
    })?;
    let lines: Vec<String> = made
        .iter()
        .map(|made| match made {
            Made::New(link) => format!("{} -> {}", link.display(), binary.display()),
            Made::Same(link) => format!("{} -> {} (as before)", link.display(), binary.display()),
        })
        .collect();
    output::result(lines.join("\n"))?;
    Ok(Exit::Success)
}
