//! A cgroup v2 directory for one run.

use super::raw::errno;
use crate::outcome::Mechanism;
use crate::sys::{Enclosure, parse};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The file system type of cgroup v2, `statfs(2)`.
const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;
/// `CLONE_INTO_CGROUP` of `linux/sched.h`.
const INTO_CGROUP: u64 = 1 << 33;
/// What the directories and records of runs are called, before the run's identity.
pub(super) const PREFIX: &str = "fell-";

/// The run's own cgroup: a directory that is locked while supervisor or guardian lives.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: CString,
    directory: OwnedFd,
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
        Cgroup::open(path.clone()).map_err(|error| {
            // The first error is the one that tells; what stays is an empty directory, which the next run removes.
            rustix::fs::rmdir(path.as_c_str()).ok();
            io::Error::from(error)
        })
    }

    fn open(path: CString) -> Result<Cgroup, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path.as_c_str(), flags, Mode::empty())?;
        rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Cgroup { path, directory })
    }

    /// The open directory.
    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Forks a child that is inside from its birth: 0 in the child. Async-signal-safe.
    ///
    /// To write oneself into `cgroup.procs` is no such thing: it waits until every processor has been through the
    /// scheduler, which takes milliseconds, and tens of them on a busy machine.
    ///
    /// A caller whose own cgroup was killed once must expect the kernel to kill the child before its first instruction:
    /// some kernels compare how often the two cgroups were killed.
    ///
    /// # Errors
    ///
    /// The kernel is older than 5.7, a filter forbids `clone3`, or there is no process to be had.
    ///
    /// # Safety
    ///
    /// As for `fork(2)`: a child of a process with threads may do only what is async-signal-safe.
    pub(super) unsafe fn fork_inside(&self) -> Result<i32, Errno> {
        // SAFETY: all zeroes are valid arguments.
        let mut how: libc::clone_args = unsafe { MaybeUninit::zeroed().assume_init() };
        how.flags = INTO_CGROUP;
        how.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
        how.cgroup = u64::from(self.directory.as_raw_fd().unsigned_abs());
        // SAFETY: without CLONE_VM and a stack of its own, the child goes on here on a copy, as after fork. The C library's
        // fork handlers don't run, which matter only to a child that uses its locks.
        let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const how, size_of::<libc::clone_args>()) };
        i32::try_from(pid).ok().filter(|pid| *pid >= 0).ok_or_else(|| Errno::from_raw_os_error(errno()))
    }

    /// Moves the calling process in. Async-signal-safe.
    pub(super) fn join(&self) -> Result<(), Errno> {
        let procs = open_file(self.directory.as_fd(), c"cgroup.procs")?;
        rustix::io::write(&procs, b"0").map(|_| ())
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
    fn mechanism(&self) -> Mechanism {
        Mechanism::Cgroup
    }

    fn kill(&self) -> io::Result<()> {
        let file = open_file(self.0.as_fd(), c"cgroup.kill")?;
        rustix::io::write(&file, b"1")?;
        Ok(())
    }
}

fn open_file(directory: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(directory, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
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
