//! `fell zombies --warning N --critical N`: a check as Nagios, Icinga and their like expect it.

use super::look;
use super::show::summary;
use crate::args::ZombiesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use fell::document::{LimitDocument, ZombiesDocument};

/// One line on stdout with performance data, and the code of a plugin.
///
/// # Errors
///
/// stdout can't be written to.
pub(super) fn act(args: &ZombiesArgs) -> Result<Exit, Failure> {
    let document = ZombiesDocument::new(&look(args));
    let exit = verdict(&document, args.warning, args.critical);
    output::result(line(&document, exit, args.warning, args.critical))?;
    Ok(exit)
}

/// A threshold is the highest number that is still good, as a plugin's range `N` is. What could not be seen can't be good.
fn verdict(document: &ZombiesDocument, warning: Option<usize>, critical: Option<usize>) -> Exit {
    let is_beyond = |threshold: Option<usize>| threshold.is_some_and(|threshold| document.count > threshold);
    match (is_beyond(critical), is_beyond(warning), document.gaps.is_empty()) {
        (true, ..) => Exit::Critical,
        (false, true, _) => Exit::Warning,
        (false, false, false) => Exit::Unknown,
        (false, false, true) => Exit::Success,
    }
}

/// `ZOMBIES WARNING: 12 zombies, … | zombies=12;10;100;0 pid_max=812;;;0;4194304`.
fn line(document: &ZombiesDocument, exit: Exit, warning: Option<usize>, critical: Option<usize>) -> String {
    let state = match exit {
        Exit::Critical => "CRITICAL",
        Exit::Warning => "WARNING",
        Exit::Success => "OK",
        _ => "UNKNOWN",
    };
    let threshold = |threshold: Option<usize>| threshold.map(|number| number.to_string()).unwrap_or_default();
    let mut text = format!("ZOMBIES {state}: {}", summary(document));
    if !document.gaps.is_empty() {
        text.push_str("; not all processes could be seen");
    }
    // What stands behind the bar is performance data: no name may bring one along.
    let mut line = output::printable(&text).replace('|', "/");
    line.push_str(&format!(" | zombies={};{};{};0", document.count, threshold(warning), threshold(critical)));
    for LimitDocument { kind, cgroup, used, limit } in &document.limits {
        if let (None, Some(used)) = (cgroup, used) {
            line.push_str(&format!(" {kind}={used};;;0;{limit}"));
        }
    }
    let tightest = document.limits.iter().filter_map(|limit| {
        limit.cgroup.as_ref()?;
        Some((limit.limit.saturating_sub(limit.used?), limit.used?, limit.limit))
    });
    if let Some((_, used, limit)) = tightest.min() {
        line.push_str(&format!(" pids.max={used};;;0;{limit}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use fell::document::{GapDocument, OwnerDocument, ProcessReference};

    fn document(count: usize, is_whole: bool) -> ZombiesDocument {
        let owner = |zombies| OwnerDocument {
            pid: Some(7),
            process: Some(ProcessReference { id: String::from("7"), pid: 7, name: String::from("a|b\nc") }),
            command_line: None,
            user: None,
            cgroup: None,
            unit: None,
            is_init: Some(false),
            zombies,
            oldest_ms: None,
        };
        let limit = |kind: &str, cgroup: Option<&str>, used| LimitDocument {
            kind: String::from(kind),
            cgroup: cgroup.map(String::from),
            used,
            limit: 100,
        };
        ZombiesDocument {
            schema: String::new(),
            count,
            zombies: Vec::new(),
            owners: if count == 0 { Vec::new() } else { vec![owner(count)] },
            limits: vec![
                limit("pid_max", None, Some(80)),
                limit("threads-max", None, None),
                limit("pids.max", Some("/a"), Some(10)),
                limit("pids.max", Some("/b"), Some(90)),
            ],
            appeared: None,
            collected: None,
            reapings: None,
            gaps: if is_whole { Vec::new() } else { vec![GapDocument { pid: None, what: String::new() }] },
        }
    }

    #[test]
    fn thresholds_are_the_highest_good_numbers() {
        let verdict = |count, is_whole| verdict(&document(count, is_whole), Some(5), Some(10));
        for (count, exit) in [(0, Exit::Success), (5, Exit::Success), (6, Exit::Warning), (11, Exit::Critical)] {
            assert_eq!(verdict(count, true), exit, "{count}");
        }
        // Too many are too many, however many more there are.
        for (count, exit) in [(5, Exit::Unknown), (6, Exit::Warning), (11, Exit::Critical)] {
            assert_eq!(verdict(count, false), exit, "{count}");
        }
        assert_eq!(super::verdict(&document(1, true), None, Some(0)), Exit::Critical);
    }

    #[test]
    fn no_name_forges_performance_data() {
        assert_eq!(
            line(&document(6, true), Exit::Warning, Some(5), None),
            "ZOMBIES WARNING: 6 zombies, 6 of them not reaped by 7 (a/b\\nc) | zombies=6;5;;0 pid_max=80;;;0;100 pids.max=90;;;0;100"
        );
        assert!(
            line(&document(0, false), Exit::Unknown, None, Some(1))
                .starts_with("ZOMBIES UNKNOWN: no zombies; not all processes could be seen | zombies=0;;1;0 ")
        );
    }
}
