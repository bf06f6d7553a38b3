//! `fell zombies`.

mod reap;
mod watch;

use crate::args::ZombiesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Align, Colour, JsonLines, Table};
use crate::verbs::time::short_time;
use fell::document::{GapDocument, ProcessReference, ZombieDocument, ZombiesDocument};
use fell::zombie::Zombies;
use std::time::Duration;

/// Lists zombies, or has them reaped.
///
/// # Errors
///
/// stdout can't be written to, or signals can't be read.
pub(crate) fn act(args: &ZombiesArgs) -> Result<Exit, Failure> {
    match args.watch {
        Some(interval) => watch::act(args, interval),
        None if args.reap => reap::act(args),
        None => {
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
    let mut zombies = fell::zombies();
    if let Some(parent) = args.parent {
        zombies.list.retain(|zombie| zombie.info.parent == Some(parent));
    }
    zombies
}

fn show(args: &ZombiesArgs, document: &ZombiesDocument, lines: JsonLines) -> Result<(), Failure> {
    if args.json {
        return output::json(document, lines);
    }
    if !args.common.quiet {
        for GapDocument { pid, what } in &document.gaps {
            output::say(pid.map_or_else(|| format!("not read: {what}"), |pid| format!("not read of {pid}: {what}")));
        }
    }
    if args.count {
        return output::result(document.count);
    }
    if document.count > 0 {
        output::result(table(document, output::choose(args.common.color)))?;
    }
    if !args.common.quiet {
        output::say(summary(document));
    }
    Ok(())
}

fn summary(document: &ZombiesDocument) -> String {
    let Some(worst) = document.zombies.first() else { return String::from("no zombies") };
    let many = document.zombies.iter().filter(|zombie| zombie.ppid == worst.ppid).count();
    let noun = if document.count == 1 { "zombie" } else { "zombies" };
    format!("{} {noun}, {many} of them not reaped by {}", document.count, parent_of(worst))
}

fn parent_of(zombie: &ZombieDocument) -> String {
    match (&zombie.parent, zombie.ppid) {
        (Some(parent), _) => format!("{} ({})", parent.pid, output::printable(&parent.name)),
        (None, Some(pid)) => pid.to_string(),
        (None, None) => String::from("a parent that can't be seen"),
    }
}

fn table(document: &ZombiesDocument, colour: Colour) -> Table {
    let headings = [
        ("PID", Align::Right),
        ("NAME", Align::Left),
        ("PARENT", Align::Right),
        ("PARENT NAME", Align::Left),
        ("DEAD FOR", Align::Right),
        ("EXIT", Align::Left),
    ];
    let mut table = Table::new(&headings.map(|(heading, align)| (colour.heading(heading), align)));
    let unknown = || String::from("?");
    for zombie in &document.zombies {
        let ProcessReference { id: _, pid, name } = &zombie.process;
        table.row(vec![
            pid.to_string(),
            output::printable(name),
            zombie.ppid.map_or_else(unknown, |pid| pid.to_string()),
            zombie.parent.as_ref().map_or_else(unknown, |parent| output::printable(&parent.name)),
            zombie.dead_for_ms.map_or_else(unknown, |time| short_time(Duration::from_millis(time))),
            match (zombie.exit_code, zombie.exit_signal) {
                (Some(code), _) => code.to_string(),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => unknown(),
            },
        ]);
    }
    table
}
