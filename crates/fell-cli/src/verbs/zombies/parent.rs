//! `fell zombies --parent PID --kill-parent`.

use super::{exit, look};
use crate::args::ZombiesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, JsonLines};
use crate::verbs::kill;
use fell::document::{TargetDocument, ZombiesDocument};
use fell::init::pause;
use fell::zombie::{Zombies, kill_parent};
use fell::{Error, KillPolicy, ProcessId};
use std::time::{Duration, Instant};

/// How long whoever inherits the zombies may take to collect them.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long is waited between two looks at them.
const PAUSE: Duration = Duration::from_millis(20);

/// Ends the parent with its descendants, and looks whether its zombies are collected by whoever inherits them.
///
/// # Errors
///
/// The parent must not be ended; nothing was signalled. Or stdout can't be written to.
pub(super) fn act(args: &ZombiesArgs) -> Result<Exit, Failure> {
    let found = look(args);
    let Some(target) = target(args, &found) else {
        if !args.common.quiet {
            output::say("no zombies: nothing was done");
        }
        return Ok(Exit::Success);
    };
    let policy = KillPolicy { grace: args.grace, ..KillPolicy::default() };
    let report = kill_parent(target, &policy).map_err(|error| {
        let failure = Failure::of(Exit::Usage, &error);
        match error {
            Error::Refused { .. } => failure.help("nothing was signalled"),
            _ => failure,
        }
    })?;
    let ended = TargetDocument::new(target.to_string(), &report);
    if !args.json && !args.common.quiet {
        for process in &ended.processes {
            output::result(kill::line(process))?;
        }
        output::say(&ended.summary);
    }
    let left = left_of(&found);
    let document = ZombiesDocument::new(&left);
    if args.json {
        output::json(&document, JsonLines::Many)?;
    } else if args.count {
        output::result(document.count)?;
    } else if !args.common.quiet {
        output::say(format!("{} of {} zombies are collected", found.list.len() - document.count, found.list.len()));
        for heir in &left.owners {
            let name = heir.info.as_ref().map_or("?", |info| info.name.as_str());
            let pid = heir.pid.map_or_else(|| String::from("?"), |pid| pid.to_string());
            output::say(format!(
                "{} are left to {pid} ({}), which does not collect them",
                heir.zombies,
                output::printable(name)
            ));
        }
    }
    Ok(if ended.clean == Some(false) { Exit::Remains } else { exit(&document) })
}

/// The parent as it was seen with its zombies: not whoever has its PID by now.
fn target(args: &ZombiesArgs, found: &Zombies) -> Option<ProcessId> {
    let owner = found.owners.first()?;
    owner.info.as_ref().map(|info| info.id).or_else(|| args.parent.map(ProcessId::unborn))
}

/// Those of them that are still there when their heirs have had time.
fn left_of(found: &Zombies) -> Zombies {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut left = fell::zombies();
        let is_one = |id: &ProcessId| found.list.iter().any(|zombie| zombie.info.id == *id);
        left.list.retain(|zombie| is_one(&zombie.info.id));
        left.owners.retain_mut(|owner| {
            owner.zombies = left.list.iter().filter(|zombie| zombie.info.parent == owner.pid).count();
            owner.zombies > 0
        });
        if left.list.is_empty() || Instant::now() >= deadline {
            return left;
        }
        pause(PAUSE);
    }
}
