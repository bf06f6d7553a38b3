//! What a run leaves in the file system while it lives, seen by somebody else: its cgroup or its record.

use super::cgroup::{self, PREFIX};
use super::record;
use crate::pid::Pid;
use crate::sys::parse;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
        let removed = if self.is_cgroup { std::fs::remove_dir(&self.path) } else { std::fs::remove_file(&self.path) };
        if let Err(error) = removed {
            tracing::debug!(path = %self.path.display(), %error, "trace of an abandoned run");
        }
    }
}

/// Calls this with every trace that nobody holds.
pub(crate) fn for_each_abandoned(mut visit: impl FnMut(&Trace)) {
    let cgroups = cgroup::own_cgroup().map(|directory| (directory, true));
    let records = record::directory().map(|directory| (directory, false));
    for (directory, is_cgroup) in [cgroups, records].into_iter().flatten() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(run) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).filter(|run| is_run(run)) else {
                continue;
            };
            if let Some(lock) = take_lock(&entry.path()) {
                visit(&Trace { run: run.to_owned(), path: entry.path(), is_cgroup, _lock: lock });
            }
        }
    }
}

/// Whether this is the name of a run, PID and moment: another's directory that begins alike is not ours to empty.
fn is_run(name: &str) -> bool {
    name.split_once('-').is_some_and(|(pid, moment)| {
        pid.parse::<Pid>().is_ok() && !moment.is_empty() && moment.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
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
        assert!(is_run("4711-6ad7f08ef5b"));
        for name in ["innocent-service", "4711", "4711-", "0-ab", "4711-xyz", "a-1", "testkit-4711-1", ""] {
            assert!(!is_run(name), "{name}");
        }
    }
}
