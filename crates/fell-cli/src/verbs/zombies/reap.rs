//! `fell zombies --reap`.

use super::{exit, look};
use crate::args::{ReapBy, ZombiesArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, JsonLines};
use fell::document::{ProcessReference, ReapingDocument, ZombiesDocument};
use fell::zombie::{Owner, Reaping, Zombie, inject, nudge, reap};
use fell::{Pid, ProcessId};
use std::collections::HashMap;
use std::time::Duration;

/// How long a parent may take to answer the first request.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a parent may take that has let one request pass already.
const IMPATIENCE: Duration = Duration::from_millis(10);
/// How many requests a parent may let pass. It is one signal, whichever zombie it is sent for.
const REQUESTS: u32 = 5;

/// Has the zombies reaped, says what came of it, and looks again.
///
/// # Errors
///
/// stdout can't be written to, or no parent was named that is to be made to collect.
pub(super) fn act(args: &ZombiesArgs, by: ReapBy) -> Result<Exit, Failure> {
    if by == ReapBy::Injecting && args.parent.is_none() {
        return Err(Failure::new(Exit::Usage, "--reap=inject: no parent was named")
            .help("name the one that is to collect its dead: --parent PID; nothing was done"));
    }
    let found = look(args);
    let mut deaf: HashMap<Option<Pid>, u32> = HashMap::new();
    let mut reapings: Vec<ReapingDocument> = found.list.iter().map(|zombie| ask(zombie, &mut deaf)).collect();
    if by == ReapBy::Injecting
        && let Some(owner) = found.owners.first()
    {
        make(args, owner, &found.list, &mut reapings);
    }
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

fn ask(zombie: &Zombie, deaf: &mut HashMap<Option<Pid>, u32>) -> ReapingDocument {
    let parent = zombie.info.parent;
    let unanswered = deaf.entry(parent).or_default();
    let reaping = match (zombie.is_ours, parent) {
        (true, _) => reap(&zombie.info.id),
        // The same signal as before, to the same parent.
        (false, Some(parent)) if *unanswered >= REQUESTS => Reaping::Nudged { parent, worked: false },
        (false, _) => nudge(&zombie.info.id, if *unanswered == 0 { PATIENCE } else { IMPATIENCE }),
    };
    let document = ReapingDocument::new(zombie, &reaping);
    *unanswered = if document.collected { 0 } else { *unanswered + 1 };
    document
}

/// Makes a parent collect what it did not collect when it was asked.
fn make(args: &ZombiesArgs, owner: &Owner, list: &[Zombie], reapings: &mut [ReapingDocument]) {
    let left: Vec<usize> =
        reapings.iter().enumerate().filter(|(_, reaping)| !reaping.collected).map(|(place, _)| place).collect();
    let Some(info) = owner.info.as_ref().filter(|_| !left.is_empty()) else { return };
    let name = format!("{} ({})", info.pid(), output::printable(&info.name));
    if !args.common.quiet {
        output::say(format!(
            "{name} is stopped for an instant and made to collect {} of its children: it never learns how they ended. Its own \
             wait for one of them fails with ECHILD; Python's Popen.poll() then gives 0",
            left.len()
        ));
    }
    let zombies: Vec<&Zombie> = left.iter().filter_map(|place| list.get(*place)).collect();
    let ids: Vec<ProcessId> = zombies.iter().map(|zombie| zombie.info.id).collect();
    match inject(&info.id, &ids) {
        Ok(results) => {
            for ((place, zombie), result) in left.iter().zip(zombies).zip(results) {
                if let Some(reaping) = reapings.get_mut(*place) {
                    *reaping = ReapingDocument::new(zombie, &result);
                }
            }
        }
        Err(error) => {
            output::say(format!("{name} can't be made to collect: {error}"));
            for reaping in reapings.iter_mut().filter(|reaping| !reaping.collected) {
                reaping.detail.push_str(&format!("; it can't be made to: {error}"));
            }
        }
    }
}
