//! What a run leaves in the file system while it lives, seen by somebody else: its cgroup or its record.

use super::cgroup::{self, PREFIX};
use super::raw::read_stat;
use super::{clock, record};
use crate::pid::Pid;
use crate::sys::parse;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How deep the cgroups of runs within a run are looked for.
const DEPTH: usize = 16;

/// The trace of a run that nobody holds the lock of: supervisor and guardian are gone.
#[derive(Debug)]
pub(crate) struct Trace {
    run: String,
    path: PathBuf,
    is_cgroup: bool,
    /// Holds the lock, so that two who find it don't both act.
    _lock: File,
}

impl Trace {
    /// The run's name.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Who is in the run's cgroup, as far as that can be read.
    pub(crate) fn members(&self) -> Vec<Pid> {
        let text =
            if self.is_cgroup { std::fs::read(self.path.join("cgroup.procs")).unwrap_or_default() } else { Vec::new() };
        parse::children(&text).filter_map(Result::ok).collect()
    }

    /// Ends all that is in the run's cgroup, if it has one.
    ///
    /// # Errors
    ///
    /// The kernel has no `cgroup.kill` (before 5.14), or refuses.
    pub(crate) fn kill(&self) -> io::Result<()> {
        if self.is_cgroup && !self.members().is_empty() {
            std::fs::write(self.path.join("cgroup.kill"), "1")?;
        }
        Ok(())
    }

    /// Removes the trace. One that can't be removed yet is found by the next run.
    pub(crate) fn remove(&self) {
        let removed = if self.is_cgroup { remove_cgroup(&self.path, DEPTH) } else { std::fs::remove_file(&self.path) };
        if let Err(error) = removed {
            tracing::debug!(path = %self.path.display(), %error, "trace of an abandoned run");
        }
    }
}

/// Removes a cgroup that nobody is in, and first those below it, which runs within the run may have left.
fn remove_cgroup(path: &Path, depth: usize) -> io::Result<()> {
    if let Some(below) = depth.checked_sub(1) {
        for entry in std::fs::read_dir(path)?.flatten() {
            if entry.file_type()?.is_dir() {
                remove_cgroup(&entry.path(), below)?;
            }
        }
    }
    std::fs::remove_dir(path)
}

/// Calls this with every trace that nobody holds.
pub(crate) fn for_each_abandoned(mut visit: impl FnMut(&Trace)) {
    let cgroups = cgroup::own_cgroup().map(|directory| (directory, true));
    let records = record::directory().map(|directory| (directory, false));
    for (directory, is_cgroup) in [cgroups, records].into_iter().flatten() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(run) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
            let Some((supervisor, moment)) = parse_run(run) else { continue };
            if let Some(lock) = take_lock(&entry.path()).filter(|_| !is_supervised(supervisor, moment)) {
                visit(&Trace { run: run.to_owned(), path: entry.path(), is_cgroup, _lock: lock });
            }
        }
    }
}

/// What the name of a run says: its supervisor's PID, and a moment at which that was alive, since boot. `None` if it is
/// none: another's directory that begins alike is not ours to empty.
fn parse_run(name: &str) -> Option<(Pid, Duration)> {
    let (pid, moment) = name.split_once('-')?;
    let is_hex = !moment.is_empty() && moment.bytes().all(|byte| byte.is_ascii_hexdigit());
    let moment = u64::from_str_radix(moment, 16).ok().filter(|_| is_hex)?;
    Some((pid.parse().ok()?, Duration::from_nanos(moment)))
}

/// Whether the supervisor lives, which may not have taken its lock yet. A later owner of its PID has started later.
fn is_supervised(pid: Pid, moment: Duration) -> bool {
    let started = read_stat(pid.as_raw(), |stat| clock::from_ticks(stat.start));
    started.is_some_and(|started| started <= moment)
}

/// The lock, if nobody holds it. The runs of other users are their own affair.
fn take_lock(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    if file.metadata().ok()?.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok().then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_runs_are_taken_for_runs() {
        let (pid, moment) = parse_run("4711-6ad7f08ef5b").unwrap();
        assert_eq!((pid.get(), moment), (4711, Duration::from_nanos(0x6ad_7f08_ef5b)));
        for name in ["innocent-service", "4711", "4711-", "0-ab", "4711-xyz", "a-1", "testkit-4711-1", "1-+1", ""] {
            assert_eq!(parse_run(name), None, "{name}");
        }
    }

    #[test]
    fn a_run_whose_supervisor_lives_is_not_abandoned() {
        let own = Pid::new(std::process::id()).unwrap();
        assert!(is_supervised(own, clock::since_boot()));
        // Before this process was there, its PID was another's.
        assert!(!is_supervised(own, Duration::ZERO));
    }
}
