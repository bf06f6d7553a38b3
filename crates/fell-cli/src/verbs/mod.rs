//! What fell does, one file a verb.

mod completions;
mod doctor;
#[cfg(target_os = "linux")]
mod install_links;
mod kill;
mod man;
mod release;
mod run;
mod time;
mod tree;
#[cfg(target_os = "linux")]
mod validate;
mod zombies;

use crate::args::{Common, Verb};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log;

/// Does what was asked.
///
/// # Errors
///
/// fell itself failed, or was asked for something that makes no sense.
pub(crate) fn act(verb: Verb) -> Result<Exit, Failure> {
    log::start(common(&verb), bad_input(&verb))?;
    match verb {
        Verb::Run(args) => run::act(&args),
        Verb::Kill(args) => kill::act(&args),
        Verb::Tree(args) => tree::act(&args),
        Verb::Zombies(args) => zombies::act(&args),
        #[cfg(target_os = "linux")]
        Verb::Validate(args) => validate::act(&args),
        Verb::Doctor(args) => doctor::act(&args),
        #[cfg(target_os = "linux")]
        Verb::InstallLinks(args) => install_links::act(&args),
        #[cfg(not(target_os = "linux"))]
        Verb::Validate(_) | Verb::InstallLinks(_) => {
            Err(Failure::new(Exit::Usage, "this verb is not to be had on this system yet"))
        }
        Verb::Completions(args) => completions::act(&args),
        Verb::Man(args) => man::act(&args),
    }
}

fn common(verb: &Verb) -> Option<&Common> {
    match verb {
        Verb::Run(args) => Some(&args.common),
        Verb::Kill(args) => Some(&args.common),
        Verb::Tree(args) => Some(&args.common),
        Verb::Zombies(args) => Some(&args.common),
        Verb::Validate(args) => Some(&args.common),
        Verb::Doctor(args) => Some(&args.common),
        Verb::InstallLinks(_) | Verb::Completions(_) | Verb::Man(_) => None,
    }
}

fn bad_input(verb: &Verb) -> Exit {
    match verb {
        Verb::Run(_) => Exit::Failed,
        _ => Exit::Usage,
    }
}
