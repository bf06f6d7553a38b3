//! What each thing that a Linux host allows is good for.

use super::probe::{Finding, Findings};
use crate::sys::Probed;

/// What each finding is good for.
pub(super) fn report(findings: Findings) -> Vec<Probed> {
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
    let ability = |name, Finding { available, detail }, meaning| Probed { name, available, detail, meaning };
    vec![
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
        ability("priority", priority, "fell runs before those that it ends, which shortens the race with a fork bomb"),
        ability(
            "trace",
            trace,
            "a parent that neglects its zombies can be made to collect them: fell zombies --reap=inject",
        ),
    ]
}
