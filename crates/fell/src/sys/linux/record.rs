//! A run's entry in the caller's runtime directory, for hosts without a cgroup to tell the same.
//!
//! The file is locked while supervisor or guardian lives. One that is not locked names a run that both were killed in, and
//! whose processes may be alive: they carry its name in their environment.

use super::cgroup::PREFIX;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

/// The locked file of one run.
#[derive(Debug)]
pub(crate) struct Record {
    path: CString,
    file: OwnedFd,
}

impl Record {
    /// Makes and locks the record of a run.
    ///
    /// # Errors
    ///
    /// There is no runtime directory, or nothing can be written there.
    pub(crate) fn create(run: &str) -> io::Result<Record> {
        let path = CString::new(directory()?.join(format!("{PREFIX}{run}")).into_os_string().into_vec())?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(path.as_c_str(), flags, Mode::from_raw_mode(0o600))?;
        let record = Record { path, file };
        // Without the lock it would tell of an abandoned run: it is dropped, and so removed.
        rustix::fs::flock(&record.file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(record)
    }

    /// The descriptor that holds the lock.
    pub(crate) fn lock(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Removes the file. Async-signal-safe.
    pub(super) fn remove(&self) {
        // One that stays is found, and removed, by the next run.
        rustix::fs::unlinkat(rustix::fs::CWD, self.path.as_c_str(), AtFlags::empty()).ok();
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.remove();
    }
}

/// `$XDG_RUNTIME_DIR/fell`, otherwise `/tmp/fell-UID`: a directory of the caller that nobody else can write to.
pub(super) fn directory() -> io::Result<PathBuf> {
    let own = rustix::process::geteuid().as_raw();
    let path = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(base) if !base.is_empty() => PathBuf::from(base).join("fell"),
        _ => PathBuf::from(format!("/tmp/fell-{own}")),
    };
    match std::fs::DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = std::fs::symlink_metadata(&path)?;
    if !found.is_dir() || found.uid() != own || found.mode() & 0o022 != 0 {
        let why = format!("{} is not a directory of ours alone", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(path)
}
