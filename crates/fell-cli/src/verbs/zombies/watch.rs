//! `fell zombies --watch D`.

use super::show::{dead_for, ending, show, summary};
use super::{exit, look};
use crate::args::ZombiesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, JsonLines};
use fell::document::{ProcessReference, ZombieDocument, ZombiesDocument, milliseconds};
use fell::signals::SignalStream;
use fell::zombie::Zombies;
use fell::{ProcessId, Signal};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

/// Looks again and again, until it is interrupted; prints what there is, then what changes. Ends as the last look would have.
///
/// # Errors
///
/// stdout can't be written to, or signals can't be read.
pub(super) fn act(args: &ZombiesArgs, interval: Duration) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("signals can't be read: {error}"));
    let signals = SignalStream::block_and_open(&[Signal::INT, Signal::TERM, Signal::HUP]).map_err(failed)?;
    let mut known: Option<Known> = None;
    loop {
        let found = look(args);
        let now = Instant::now();
        let (document, next) = compared(&found, known.take(), now);
        let is_first = document.appeared.is_none();
        let has_changed = [document.appeared.as_ref().map(Vec::len), document.collected.as_ref().map(Vec::len)]
            .into_iter()
            .flatten()
            .any(|length| length > 0);
        match (is_first, has_changed) {
            (true, _) => show(args, &document, JsonLines::One)?,
            (false, true) => change(args, &document)?,
            (false, false) => {}
        }
        let last = exit(&document);
        known = Some(next);
        if signals.wait(interval).map_err(failed)? {
            return Ok(last);
        }
    }
}

/// Those of the look before, with the time at which each was seen first.
type Known = BTreeMap<(u32, Option<u64>), (Instant, ProcessReference)>;

/// What there is, and what of it is new or gone since the look before, if there was one.
fn compared(found: &Zombies, known: Option<Known>, now: Instant) -> (ZombiesDocument, Known) {
    let mut document = ZombiesDocument::new(found);
    let is_first = known.is_none();
    let mut before = known.unwrap_or_default();
    let mut after = Known::new();
    let mut appeared = Vec::new();
    for (zombie, document) in found.list.iter().zip(&mut document.zombies) {
        let ProcessId { pid, birth } = zombie.info.id;
        let key = (pid.get(), birth.start);
        let since = match before.remove(&key) {
            Some((since, _)) => since,
            None => {
                appeared.push(pid.get());
                now
            }
        };
        if document.dead_for_ms.is_none() {
            document.dead_for_at_least_ms = Some(milliseconds(now.duration_since(since)));
        }
        after.insert(key, (since, document.process.clone()));
    }
    if !is_first {
        document.appeared = Some(appeared);
        document.collected = Some(before.into_values().map(|(_, process)| process).collect());
    }
    (document, after)
}

/// Prints what has changed.
fn change(args: &ZombiesArgs, document: &ZombiesDocument) -> Result<(), Failure> {
    if args.json {
        return output::json(document, JsonLines::One);
    }
    if args.count {
        return output::result(document.count);
    }
    let time = humantime::format_rfc3339_seconds(SystemTime::now());
    for ProcessReference { id: _, pid, name } in document.collected.iter().flatten() {
        output::result(format!("{time}  -  {pid:>7}  {:<15}  collected", output::printable(name)))?;
    }
    let appeared = document.appeared.as_deref().unwrap_or_default();
    for zombie in document.zombies.iter().filter(|zombie| appeared.contains(&zombie.process.pid)) {
        output::result(format!("{time}  +  {}", line(zombie)))?;
    }
    if !args.common.quiet {
        output::say(summary(document));
    }
    Ok(())
}

fn line(zombie: &ZombieDocument) -> String {
    let ProcessReference { id: _, pid, name } = &zombie.process;
    let parent = match (&zombie.parent, zombie.ppid) {
        (Some(parent), _) => format!("{} ({})", parent.pid, output::printable(&parent.name)),
        (None, pid) => pid.map_or_else(|| String::from("?"), |pid| pid.to_string()),
    };
    let name = output::printable(name);
    format!("{pid:>7}  {name:<15}  of {parent}, dead for {}, exit {}", dead_for(zombie), ending(zombie))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fell::zombie::Zombie;
    use fell::{Pid, ProcessInfo};

    fn found(pids: &[(u32, u64)]) -> Zombies {
        let zombie = |(pid, start): &(u32, u64)| {
            let mut id = ProcessId::unborn(Pid::new(*pid).unwrap());
            id.birth.start = Some(*start);
            let info = ProcessInfo::bare(id, None);
            Zombie { info, parent: None, is_ours: false, dead_for: None, cgroup: None }
        };
        Zombies { list: pids.iter().map(zombie).collect(), owners: Vec::new(), limits: Vec::new(), gaps: Vec::new() }
    }

    #[test]
    fn changes_are_told_and_ages_grow() {
        let start = Instant::now();
        let (first, known) = compared(&found(&[(7, 1), (8, 1)]), None, start);
        assert_eq!((first.appeared, first.zombies[0].dead_for_at_least_ms), (None, Some(0)));
        // 7 is another one by now.
        let later = start + Duration::from_secs(3);
        let (second, known) = compared(&found(&[(7, 2), (8, 1)]), Some(known), later);
        assert_eq!(second.appeared, Some(vec![7]));
        assert_eq!(second.collected.unwrap().iter().map(|process| process.pid).collect::<Vec<_>>(), [7]);
        assert_eq!(second.zombies[1].dead_for_at_least_ms, Some(3000));
        let (third, _) = compared(&found(&[(7, 2), (8, 1)]), Some(known), later);
        assert_eq!((third.appeared, third.collected), (Some(vec![]), Some(vec![])));
    }
}
