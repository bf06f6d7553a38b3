//! A cgroup v2 directory for one run.

use crate::sys::{Enclosure, parse};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The file system type of cgroup v2, `statfs(2)`.
const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;
/// What the directories and records of runs are called, before the run's identity.
pub(super) const PREFIX: &str = "fell-";

/// The run's own cgroup: a directory that is locked while supervisor or guardian lives.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: CString,
    directory: OwnedFd,
    /// `cgroup.procs`, open for the command to write itself in.
    procs: OwnedFd,
}

impl Cgroup {
    /// Makes a fresh directory below the caller's own cgroup.
    ///
    /// # Errors
    ///
    /// Why it can't be had: no cgroup v2, not ours to write (neither root nor delegated), read-only.
    pub(crate) fn create(run: &str) -> io::Result<Cgroup> {
        let mut path = own_cgroup()?;
        path.push(format!("{PREFIX}{run}"));
        let path = CString::new(path.into_os_string().into_vec())?;
        rustix::fs::mkdir(path.as_c_str(), Mode::from_raw_mode(0o755))?;
        Cgroup::open(path.clone()).inspect_err(|_| {
            // The first error is the one that tells; what stays is an empty directory, which the next run removes.
            rustix::fs::rmdir(path.as_c_str()).ok();
        })
    }

    fn open(path: CString) -> io::Result<Cgroup> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path.as_c_str(), flags, Mode::empty())?;
        rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
        let procs = open_file(directory.as_fd(), c"cgroup.procs")?;
        Ok(Cgroup { path, directory, procs })
    }

    /// The open directory.
    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Moves the calling process in. Async-signal-safe.
    pub(super) fn join(&self) -> Result<(), Errno> {
        // Not CLONE_INTO_CGROUP: a child cloned into a fresh cgroup is killed at birth if its parent lives in a cgroup that
        // was killed once, on kernels that compare the two kill counts.
        rustix::io::write(&self.procs, b"0").map(|_| ())
    }

    /// Removes the directory; zombies inside don't hinder. Async-signal-safe. Gives whether it is gone.
    pub(super) fn remove(&self) -> bool {
        matches!(
            rustix::fs::unlinkat(rustix::fs::CWD, self.path.as_c_str(), AtFlags::REMOVEDIR),
            Ok(()) | Err(Errno::NOENT)
        )
    }

    /// Lets the processes inside go on living in the parent's cgroup.
    ///
    /// # Errors
    ///
    /// One of them could not be moved.
    pub(crate) fn disband(&self) -> io::Result<()> {
        let parent = rustix::fs::openat(&self.directory, c"..", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let target = open_file(parent.as_fd(), c"cgroup.procs")?;
        for pid in self.members()? {
            match rustix::io::write(&target, pid.to_string().as_bytes()) {
                Ok(_) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Who is inside.
    fn members(&self) -> io::Result<Vec<crate::pid::Pid>> {
        let path = PathBuf::from(OsStr::from_bytes(self.path.as_bytes())).join("cgroup.procs");
        let text = std::fs::read(path)?;
        parse::children(&text).map(|pid| pid.map_err(io::Error::from)).collect()
    }

    /// A hold on the directory that can end all inside.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub(crate) fn enclosure(&self) -> io::Result<Box<dyn Enclosure + Send>> {
        Ok(Box::new(KillFile(self.directory.try_clone()?)))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.remove();
    }
}

struct KillFile(OwnedFd);

impl Enclosure for KillFile {
    fn kill(&self) -> io::Result<()> {
        let file = open_file(self.0.as_fd(), c"cgroup.kill")?;
        rustix::io::write(&file, b"1")?;
        Ok(())
    }
}

fn open_file(directory: BorrowedFd<'_>, name: &std::ffi::CStr) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(directory, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// The directory of the caller's own cgroup.
///
/// # Errors
///
/// Why there is none.
pub(crate) fn own_cgroup() -> io::Result<PathBuf> {
    let mut root = mount_point()?;
    let entries = std::fs::read("/proc/self/cgroup")?;
    let own = parse::cgroup(&entries)
        .v2
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "this process is in no cgroup v2"))?;
    root.push(OsStr::from_bytes(own.strip_prefix(b"/").unwrap_or(own)));
    Ok(root)
}

/// Where cgroup v2 is mounted: the two usual places, otherwise the mount table.
fn mount_point() -> io::Result<PathBuf> {
    for usual in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        let is_cgroup2 = |stat: &rustix::fs::StatFs| u64::try_from(stat.f_type) == Ok(CGROUP2_SUPER_MAGIC);
        if rustix::fs::statfs(usual).is_ok_and(|stat| is_cgroup2(&stat)) {
            if rustix::fs::statvfs(usual)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
                return Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "cgroup v2 is mounted read-only"));
            }
            return Ok(PathBuf::from(usual));
        }
    }
    let table = std::fs::read("/proc/self/mountinfo")?;
    parse::mountinfo(&table)
        .flatten()
        .find(|mount| mount.fs_type == b"cgroup2")
        .map(|mount| PathBuf::from(OsStr::from_bytes(&mount.mount_point)))
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "cgroup v2 is not mounted"))
}
