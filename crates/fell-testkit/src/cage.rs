//! A bound on the number of processes, from outside.

use crate::cgroup::{Directory, Hierarchy};
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// A `pids` cgroup that refuses forks beyond a number; removed on drop.
///
/// Drop the victims first: a directory with living processes can't be removed.
#[derive(Debug)]
pub struct Cage {
    directory: Directory,
}

impl Cage {
    /// Room for the largest budget and for the program under test.
    pub const ROOM: u32 = 2500;

    /// Makes a cage for `most` processes and threads, or says `None` where the host does not allow one.
    pub fn new(most: u32) -> Option<Self> {
        let directory = Directory::make(Hierarchy::V1("pids")).ok()??;
        fs::write(directory.path().join("pids.max"), most.to_string()).ok()?;
        Some(Self { directory })
    }

    /// Makes a command's process enter the cage before it becomes the program.
    ///
    /// # Errors
    ///
    /// None on Linux: the path never holds a NUL byte.
    pub fn join(&self, command: &mut Command) -> io::Result<()> {
        let procs = CString::new(self.directory.path().join("cgroup.procs").as_os_str().as_bytes())?;
        let enter = move || {
            let file = rustix::fs::open(&procs, rustix::fs::OFlags::WRONLY, rustix::fs::Mode::empty())?;
            rustix::io::write(&file, b"0")?;
            Ok(())
        };
        // SAFETY: open, write and close are async-signal-safe, and the path was made beforehand.
        unsafe { command.pre_exec(enter) };
        Ok(())
    }

    /// The directory of the cage.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}
