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
        let (link, directory) = (link.display(), args.directory.display());
        match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::new(Exit::Usage, format!("{link} is there already"))
                .help("nothing was replaced; remove it first, or take another directory"),
            io::ErrorKind::NotFound => {
                Failure::new(Exit::Usage, format!("no directory {directory}")).help("make it first")
            }
            _ => Failure::new(Exit::Usage, format!("{link} can't be made: {error}")),
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
