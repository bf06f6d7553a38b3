//! `fell zombies --reap`.

use super::{exit, look};
use crate::args::ZombiesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, JsonLines};
use fell::Pid;
use fell::document::{ProcessReference, ReapingDocument, ZombiesDocument};
use fell::zombie::{Zombie, nudge, reap};
use std::collections::HashSet;
use std::time::Duration;

/// How long a parent may take to answer the first request.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a parent may take that has let one request pass already.
const IMPATIENCE: Duration = Duration::from_millis(10);

/// Has the zombies reaped, says what came of it, and looks again.
///
/// # Errors
///
/// stdout can't be written to.
pub(super) fn act(args: &ZombiesArgs) -> Result<Exit, Failure> {
    let mut deaf: HashSet<Option<Pid>> = HashSet::new();
    let reapings: Vec<ReapingDocument> = look(args).list.iter().map(|zombie| ask(zombie, &mut deaf)).collect();
    let mut document = ZombiesDocument::new(&look(args));
    let exit = exit(&document);
    if args.json {
        document.reapings = Some(reapings);
        output::json(&document, JsonLines::Many)?;
        return Ok(exit);
    }
    if args.count {
        output::result(document.count)?;
        return Ok(exit);
    }
    if !args.common.quiet {
        for ReapingDocument { process: ProcessReference { id: _, pid, name }, result: _, collected: _, detail } in
            &reapings
        {
            output::result(format!("{pid:>7}  {:<15}  {detail}", output::printable(name)))?;
        }
        let reaped = reapings.iter().filter(|reaping| reaping.collected).count();
        output::say(format!("reaped {reaped} of {}, {} left", reapings.len(), document.count));
    }
    Ok(exit)
}

fn ask(zombie: &Zombie, deaf: &mut HashSet<Option<Pid>>) -> ReapingDocument {
    let parent = zombie.info.parent;
    let reaping = match zombie.is_ours {
        true => reap(&zombie.info.id),
        false => nudge(&zombie.info.id, if deaf.contains(&parent) { IMPATIENCE } else { PATIENCE }),
    };
    let document = ReapingDocument::new(zombie, &reaping);
    if !document.collected {
        deaf.insert(parent);
    }
    document
}
