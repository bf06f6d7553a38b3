//! `fell zombies`.

mod check;
mod parent;
mod reap;
mod show;
mod watch;

use crate::args::{ReapBy, ZombiesArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::JsonLines;
use fell::document::ZombiesDocument;
use fell::zombie::Zombies;
use show::show;

/// Lists zombies, watches them, or does something about them.
///
/// # Errors
///
/// stdout can't be written to, signals can't be read, or what was asked for makes no sense.
pub(crate) fn act(args: &ZombiesArgs) -> Result<Exit, Failure> {
    match (args.watch, args.reap) {
        (Some(interval), _) => watch::act(args, interval),
        (None, Some(by @ (ReapBy::Asking | ReapBy::Injecting))) => reap::act(args, by),
        (None, _) if args.kill_parent => parent::act(args),
        (None, _) if args.warning.is_some() || args.critical.is_some() => check::act(args),
        (None, Some(ReapBy::Nothing) | None) => {
            let document = ZombiesDocument::new(&look(args));
            show(args, &document, JsonLines::Many)?;
            Ok(exit(&document))
        }
    }
}

fn exit(document: &ZombiesDocument) -> Exit {
    if document.count == 0 { Exit::Success } else { Exit::Remains }
}

/// The zombies of the parent that was asked for, or all.
fn look(args: &ZombiesArgs) -> Zombies {
    match args.parent {
        Some(parent) => fell::zombies().of_parent(parent),
        None => fell::zombies(),
    }
}
