//! What this host allows, and what that means for the promises.

use crate::sys::{Finding, Findings, Host};

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
    report(Host::new().probe())
}

fn report(findings: Findings) -> Doctor {
    // In full, so that nothing that was probed is forgotten here.
    let Findings {
        kernel,
        pidfd,
        pidfd_inode,
        proc,
        children,
        subreaper,
        cgroup,
        pid_namespace,
        proc_connector,
        priority,
        trace,
    } = findings;
    let ability = |name, Finding { available, detail }, meaning| Ability { name, available, detail, meaning };
    Doctor {
        abilities: vec![
            ability("kernel", kernel, "what the rest follows from"),
            ability(
                "pidfd",
                pidfd,
                "a signal can't hit a later owner of a PID; without it, the start time is compared before each signal",
            ),
            ability(
                "pidfd-inode",
                pidfd_inode,
                "PID:INODE names a process for good until the next boot; without it, the start time tells owners of a \
                 PID apart, to 10 ms",
            ),
            ability(
                "proc",
                proc,
                "names, parents and states; without it, only what was started here, or a bare PID, can be felled",
            ),
            ability(
                "children-lists",
                children,
                "a look at a tree costs what the tree costs; without them, the whole table is read each time",
            ),
            ability(
                "subreaper",
                subreaper,
                "descendants of a run that detach themselves come home to it; without it, they may leave unseen",
            ),
            ability(
                "cgroup-v2",
                cgroup,
                "the kernel ends all of a run at once, even while it forks; without it, a bomb is fought in rounds \
                 that give no guarantee",
            ),
            ability(
                "pid-namespace",
                pid_namespace,
                "with --contain pidns, the kernel ends the whole run together with its first process, even if fell itself is killed",
            ),
            ability(
                "proc-connector",
                proc_connector,
                "fell kill is told of forks as they happen, so that a process that detaches itself meanwhile is ended, too",
            ),
            ability(
                "priority",
                priority,
                "fell runs before those that it ends, which shortens the race with a fork bomb",
            ),
            ability(
                "trace",
                trace,
                "a parent that neglects its zombies could be made to collect them; no verb does it yet",
            ),
        ],
    }
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
        assert!(doctor.ability("proc").is_some_and(|ability| ability.available));
    }
}
