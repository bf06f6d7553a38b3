//! `fell man [VERB]`.

use crate::args::{Fell, ManArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use clap::CommandFactory as _;

/// Prints a man page.
///
/// # Errors
///
/// stdout can't be written to.
pub(crate) fn act(args: &ManArgs) -> Result<Exit, Failure> {
    let mut fell = Fell::command();
    // Names the verbs `fell-run` and so on.
    fell.build();
    let subject = match args.verb {
        None => fell,
        Some(page) => fell
            .find_subcommand(page.verb())
            .ok_or_else(|| Failure::new(Exit::Usage, format!("no such verb: {}", page.verb())))?
            .clone()
            .version(env!("CARGO_PKG_VERSION")),
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(subject)
        .source(concat!("fell ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|error| Failure::of(Exit::Failed, &error))?;
    output::result(String::from_utf8_lossy(&page).trim_end())?;
    Ok(Exit::Success)
}
