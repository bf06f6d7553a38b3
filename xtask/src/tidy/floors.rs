//! A module of the engine imports only from its own floor or from floors below.

use super::finding::Finding;
use super::paths;
use super::tokens::Token;

/// The floors of `crates/fell/src`, lowest first.
const FLOORS: [(&str, &[&str]); 5] = [
    ("words", &["pid", "id", "signal", "info"]),
    (
        "thought",
        &[
            "snapshot", "lineage", "tree", "policy", "plan", "outcome", "report", "error", "redact", "unit", "scene",
            "why",
        ],
    ),
    ("machine", &["sys"]),
    (
        "deeds",
        &[
            "pin",
            "kill",
            "member",
            "felling",
            "wait",
            "look",
            "scope",
            "guardian",
            "run",
            "zombie",
            "doctor",
            "detail",
            "dump",
            "released",
            "ports",
            "ending",
            "escaped",
            "abandoned",
            "signals",
            "init",
            "stream",
        ],
    ),
    // What the deeds report, as documents: nothing in the engine stands on it.
    ("views", &["document"]),
];

/// The machine stands on the words alone, but for the thoughts that it returns: plain data, without decisions.
const MACHINE_MAY_USE: [(&str, &str); 5] = [
    ("error", "a call that fails says so"),
    ("snapshot", "a look at the process table is one"),
    ("lineage", "births and deaths are told as its events"),
    ("scene", "what is seen of processes from the inside is one"),
    ("outcome", "the mechanism that delivered a signal is named there"),
];

const MACHINE: usize = 2;
const VIEWS: usize = 4;
const SOURCE: &str = "crates/fell/src/";

/// Whether a file of the engine only thinks: words, thought and views.
pub(super) fn is_pure(path: &str) -> bool {
    module_path(path)
        .and_then(|module| floor_of(module.first()?))
        .is_some_and(|floor| floor < MACHINE || floor == VIEWS)
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|(_, modules)| modules.contains(&module))
}

/// `crates/fell/src/sys/linux/mod.rs` is `[sys, linux]`; `lib.rs` is empty.
fn module_path(path: &str) -> Option<Vec<&str>> {
    let inside = path.strip_prefix(SOURCE)?.strip_suffix(".rs")?;
    let mut segments: Vec<&str> = inside.split('/').collect();
    if matches!(segments.last(), Some(&("mod" | "lib"))) {
        segments.pop();
    }
    Some(segments)
}

/// What is wrong with the imports of a file.
pub(crate) fn check(path: &str, tokens: &[Token<'_>]) -> Vec<Finding> {
    let Some(own) = module_path(path) else {
        return Vec::new();
    };
    // The root only declares modules and passes their names on.
    let Some(&home) = own.first() else {
        return Vec::new();
    };
    // The tests of a module may look at it from above.
    if own.last() == Some(&"tests") {
        return Vec::new();
    }
    let Some(floor) = floor_of(home) else {
        return vec![Finding::new(
            path,
            1,
            format!(
                "module `{home}` has no floor: give it one in FLOORS in xtask/src/tidy/floors.rs, and in ARCHITECTURE.md"
            ),
        )];
    };
    paths::of(tokens)
        .iter()
        .filter_map(|used| {
            let module = imported(&own, used)?;
            let wrong = refusal(home, floor, module)?;
            Some(Finding::new(path, used.line, format!("`{}`: {wrong}", used.segments.join("::"))))
        })
        .collect()
}

/// The segment that stands right below the crate's root, if the path leads there.
fn imported<'t>(own: &[&'t str], used: &paths::Path<'t>) -> Option<&'t str> {
    let (first, rest) = used.segments.split_first()?;
    match *first {
        "crate" => rest.first().copied(),
        "super" => {
            let ups = used.segments.iter().take_while(|segment| **segment == "super").count();
            let mut place: Vec<&str> = own.iter().chain(&used.within).copied().collect();
            place.truncate(place.len().checked_sub(ups)?);
            place.extend(&used.segments[ups..]);
            place.first().copied()
        }
        _ => None,
    }
}

/// Why a module on `floor` may not use `module`; `None` when it may.
fn refusal(home: &str, floor: usize, module: &str) -> Option<String> {
    let Some(other) = floor_of(module) else {
        return Some(match module {
            "*" => "a glob of the root hides the floor: name the modules".to_owned(),
            _ => format!(
                "`{module}` is on no floor: write the path through its module; a new module gets its floor in FLOORS in xtask/src/tidy/floors.rs"
            ),
        });
    };
    if module == home {
        return None;
    }
    if other > floor {
        let ((here, _), (there, _)) = (FLOORS[floor], FLOORS[other]);
        return Some(format!("`{home}` is on floor {floor} ({here}) and may not use floor {other} ({there})"));
    }
    if floor == MACHINE && other == 1 && !MACHINE_MAY_USE.iter().any(|(allowed, _)| *allowed == module) {
        return Some(format!(
            "the machine may use floor 0 and the plain data in MACHINE_MAY_USE in xtask/src/tidy/floors.rs, not `{module}`"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::lines;
    use crate::tidy::tokens;

    fn found(file: &str, code: &str) -> Vec<String> {
        lines(&check(&format!("{SOURCE}{file}"), &tokens::of(code)))
    }

    fn refused(file: &str, code: &str, because: &str) {
        let lines = found(file, code);
        assert!(lines.len() == 1 && lines[0].contains(because), "{code}: {lines:?}");
    }

    #[test]
    fn lower_and_own_floors_are_free() {
        for (file, code) in [
            ("tree.rs", "use crate::pid::Pid; use crate::snapshot::Snapshot;"),
            ("kill.rs", "use crate::{pin::Pinned, plan::KillPlan, sys::Machine, wait};"),
            ("sys/linux/pidfd.rs", "use super::super::Machine; use crate::{error::Error, pid::Pid};"),
            ("plan/order.rs", "use super::KillPlan; use super::super::tree::Tree;"),
            ("pid.rs", "mod tests { use super::*; }"),
            ("lib.rs", "pub use kill::kill_tree; use crate::anything;"),
            ("pid.rs", "pub(crate) fn f() {} // crate::kill"),
        ] {
            assert_eq!(found(file, code), Vec::<String>::new(), "{file}: {code}");
        }
    }

    #[test]
    fn higher_floors_are_refused() {
        refused("pid.rs", "use crate::tree::Tree;", "may not use floor 1 (thought)");
        refused("tree.rs", "use crate::{pid::Pid, sys::Machine};", "may not use floor 2 (machine)");
        refused("tree.rs", "fn f() { crate::kill::kill_tree() }", "may not use floor 3 (deeds)");
        refused("sys/mod.rs", "use crate::pin::Pinned;", "may not use floor 3 (deeds)");
        refused("run.rs", "use crate::document::Document;", "may not use floor 4 (views)");
    }

    #[test]
    fn super_leads_out_of_the_module_too() {
        refused("tree.rs", "use super::kill::now;", "may not use floor 3");
        refused("tree.rs", "mod tests { use super::super::sys::fake; }", "may not use floor 2");
        refused("plan/order.rs", "use super::super::sys;", "may not use floor 2");
    }

    #[test]
    fn the_machine_uses_only_the_listed_thoughts() {
        refused("sys/linux/mod.rs", "use crate::policy::KillPolicy;", "MACHINE_MAY_USE");
        assert!(found("sys/linux/mod.rs", "use crate::snapshot::Snapshot;").is_empty());
    }

    #[test]
    fn detours_through_the_root_are_refused() {
        refused("tree.rs", "use crate::Pid;", "`Pid` is on no floor");
        refused("tree.rs", "use crate::*;", "hides the floor");
    }

    #[test]
    fn a_file_of_tests_may_look_from_above() {
        assert!(found("sys/linux/tests.rs", "use crate::look::look;").is_empty());
        refused("sys/linux/tested.rs", "use crate::look::look;", "may not use floor 3 (deeds)");
    }

    #[test]
    fn unknown_modules_get_a_hint() {
        refused("oracle.rs", "", "module `oracle` has no floor");
        refused("kill.rs", "use crate::oracle::Oracle;", "FLOORS");
    }

    #[test]
    fn other_crates_have_no_floors() {
        assert!(check("crates/fell-cli/src/main.rs", &tokens::of("use crate::x::Y;")).is_empty());
    }
}
