//! How processes are named in a reason.

use crate::scene::Who;
use std::collections::BTreeSet;

/// How many processes are named in one reason.
const MOST_NAMES: usize = 3;

/// `PID 4711 (cat)`
pub(super) fn name(who: &Who) -> String {
    format!("PID {} ({})", who.pid, who.name)
}

/// `PID 4711 (cat), PID 4712 (tee) and 3 more`
pub(super) fn names(all: &BTreeSet<Who>) -> String {
    let mut text = all.iter().take(MOST_NAMES).map(name).collect::<Vec<_>>().join(", ");
    if all.len() > MOST_NAMES {
        text.push_str(&format!(" and {} more", all.len() - MOST_NAMES));
    }
    text
}

/// `whose reader is PID 4711 (cat)`
pub(super) fn whose(role: &str, all: &BTreeSet<Who>) -> String {
    match all.len() {
        1 => format!("whose {role} is {}", names(all)),
        _ => format!("whose {role}s are {}", names(all)),
    }
}
