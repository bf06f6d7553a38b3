//! What is told of zombies.

use crate::args::ZombiesArgs;
use crate::failure::Failure;
use crate::output::{self, Align, Colour, JsonLines, Table};
use crate::verbs::time::short_time;
use fell::document::{
    GapDocument, LimitDocument, OwnerDocument, ProcessReference, UnitDocument, ZombieDocument, ZombiesDocument,
};
use std::time::Duration;

/// How many parents are described at most.
const OWNERS: usize = 5;
/// How many letters of a command line are shown.
const COMMAND: usize = 80;

/// Prints a document, as it was asked for.
///
/// # Errors
///
/// stdout can't be written to.
pub(super) fn show(args: &ZombiesArgs, document: &ZombiesDocument, lines: JsonLines) -> Result<(), Failure> {
    if args.json {
        return output::json(document, lines);
    }
    if !args.common.quiet {
        gaps(document);
    }
    if args.count {
        return output::result(document.count);
    }
    if document.count > 0 {
        output::result(table(document, output::choose(args.common.color)))?;
    }
    if !args.common.quiet {
        output::say(summary(document));
        owners(document);
        room(document, args.common.verbose > 0);
    }
    Ok(())
}

fn gaps(document: &ZombiesDocument) {
    for GapDocument { pid, what } in &document.gaps {
        output::say(pid.map_or_else(|| format!("not read: {what}"), |pid| format!("not read of {pid}: {what}")));
    }
}

/// How many there are, and who owns most.
pub(super) fn summary(document: &ZombiesDocument) -> String {
    let Some(worst) = document.owners.first() else { return String::from("no zombies") };
    let noun = if document.count == 1 { "zombie" } else { "zombies" };
    format!("{} {noun}, {} of them not reaped by {}", document.count, worst.zombies, name_of(worst))
}

fn owners(document: &ZombiesDocument) {
    for owner in document.owners.iter().take(OWNERS) {
        output::say(about(owner));
        if owner.is_init == Some(true) {
            output::say(format!(
                "{} is PID 1 {}: it is to collect whatever is left behind there, and does not",
                name_of(owner),
                if owner.pid == Some(1) { "here" } else { "of a container" }
            ));
        }
    }
    if let Some(more @ 1..) = document.owners.len().checked_sub(OWNERS) {
        output::say(format!("and {more} more parents"));
    }
}

/// Who a parent is, where it belongs, how it was started.
fn about(owner: &OwnerDocument) -> String {
    let mut line = format!("{}: {}", name_of(owner), owner.zombies);
    if let Some(oldest) = owner.oldest_ms {
        line.push_str(&format!(", the first dead for {}", short_time(Duration::from_millis(oldest))));
    }
    if let Some(user) = &owner.user {
        line.push_str(&format!(", user {user}"));
    }
    if let Some(UnitDocument { kind, name }) = &owner.unit {
        line.push_str(&format!(", {kind} {name}"));
    }
    if let Some(words) = owner.command_line.as_ref().filter(|words| !words.is_empty()) {
        let whole = words.join(" ");
        let shown: String = whole.chars().take(COMMAND).collect();
        line.push_str(&format!(": {shown}{}", if shown.len() < whole.len() { "…" } else { "" }));
    }
    line
}

/// What is left of the room for processes: always where it is short, otherwise if it was asked for.
fn room(document: &ZombiesDocument, all: bool) {
    for LimitDocument { kind, cgroup, used, limit } in &document.limits {
        let Some(used) = used else { continue };
        let is_short = used.saturating_mul(2) >= *limit;
        if all || is_short {
            let place = cgroup.as_ref().map(|path| format!(" of {path}")).unwrap_or_default();
            output::say(format!("{used} of {limit} processes and threads in use ({kind}{place})"));
        }
    }
}

fn name_of(owner: &OwnerDocument) -> String {
    match (&owner.process, owner.pid) {
        (Some(process), _) => format!("{} ({})", process.pid, output::printable(&process.name)),
        (None, Some(pid)) => pid.to_string(),
        (None, None) => String::from("a parent that can't be seen"),
    }
}

/// How long a zombie has been dead, as far as that is known.
pub(super) fn dead_for(zombie: &ZombieDocument) -> String {
    match (zombie.dead_for_ms, zombie.dead_for_at_least_ms) {
        (Some(time), _) => short_time(Duration::from_millis(time)),
        (None, Some(time)) => format!("at least {}", short_time(Duration::from_millis(time))),
        (None, None) => String::from("?"),
    }
}

/// How it had ended, as far as that is shown.
pub(super) fn ending(zombie: &ZombieDocument) -> String {
    match (zombie.exit_code, zombie.exit_signal) {
        (Some(code), _) => code.to_string(),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => String::from("?"),
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
        ("IN", Align::Left),
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
            dead_for(zombie),
            ending(zombie),
            zombie
                .unit
                .as_ref()
                .map_or_else(String::new, |unit| output::printable(&format!("{} {}", unit.kind, unit.name))),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zombie(dead_for_ms: Option<u64>, at_least: Option<u64>) -> ZombieDocument {
        ZombieDocument {
            process: ProcessReference { id: String::from("7"), pid: 7, name: String::from("x") },
            ppid: None,
            parent: None,
            ours: false,
            dead_for_ms,
            dead_for_at_least_ms: at_least,
            exit_code: None,
            exit_signal: Some(9),
            cgroup: None,
            unit: None,
        }
    }

    #[test]
    fn what_is_not_known_is_said_so() {
        assert_eq!(dead_for(&zombie(Some(12_000), None)), "12s");
        assert_eq!(dead_for(&zombie(None, Some(12_000))), "at least 12s");
        assert_eq!(dead_for(&zombie(None, None)), "?");
        assert_eq!(ending(&zombie(None, None)), "signal 9");
    }
}
