//! What this host allows, and what that means for the promises.

use crate::sys::{Host, Probed};

/// One thing that a host allows or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ability {
    /// What it is.
    pub name: &'static str,
    /// Whether it can be had.
    pub available: bool,
    /// What was seen: a version, a path, or why it can't be had.
    pub detail: String,
    /// What having it is good for, and what is lost without.
    pub meaning: &'static str,
}

/// All that was examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doctor {
    /// In the order in which they matter: identity, looking, containing, the rest.
    pub abilities: Vec<Ability>,
}

impl Doctor {
    /// The ability of this name.
    pub fn ability(&self, name: &str) -> Option<&Ability> {
        self.abilities.iter().find(|ability| ability.name == name)
    }
}

/// Examines this host by trying things out.
///
/// Makes and removes one cgroup directory, opens one netlink socket, and raises and restores the priority of the
/// calling thread. A PID namespace is judged by the system's settings alone.
pub fn doctor() -> Doctor {
    let probed = Host::new().probe().into_iter();
    let ability = |Probed { name, available, detail, meaning }| Ability { name, available, detail, meaning };
    Doctor { abilities: probed.map(ability).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examines_this_host() {
        let doctor = doctor();
        let names: std::collections::HashSet<_> = doctor.abilities.iter().map(|ability| ability.name).collect();
        assert_eq!(names.len(), doctor.abilities.len(), "each name once");
        assert!(doctor.abilities.iter().all(|ability| !ability.detail.is_empty()), "{doctor:#?}");
        assert!(doctor.abilities.iter().any(|ability| ability.available));
    }
}
