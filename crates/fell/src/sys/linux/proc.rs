//! Reading `/proc`: one open, read and close a file; paths and short files stay on the stack.

use crate::info::State;
use crate::pid::Pid;
use crate::snapshot::Cost;
use crate::sys::ReadError;
use crate::sys::parse;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, Stat, openat, statat};
use rustix::io::{Errno, retry_on_intr};
use std::fmt::{self, Write};
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A path below `/proc`, built without allocation.
pub(super) struct ProcPath {
    bytes: [u8; 64],
    length: usize,
}

impl ProcPath {
    /// The path that these arguments write. The longest in use, `/proc/2147483647/task/2147483647/children`, fits.
    pub(super) fn new(path: fmt::Arguments<'_>) -> ProcPath {
        let mut this = ProcPath { bytes: [0; 64], length: 0 };
        if this.write_fmt(path).is_err() {
            // What was cut off must not name another file.
            this.length = 0;
        }
        this
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Write for ProcPath {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Shorthand for [`ProcPath::new`].
macro_rules! proc_path {
    ($($argument:tt)*) => { $crate::sys::linux::proc::ProcPath::new(format_args!($($argument)*)) };
}
pub(super) use proc_path;

/// What a failed call on a process's files means.
pub(super) fn read_error(errno: Errno) -> ReadError {
    match errno {
        Errno::NOENT | Errno::SRCH => ReadError::Gone,
        errno => ReadError::Failed(errno.into()),
    }
}

/// Opens files, counts them, and keeps one descriptor in reserve, so that `/proc` can still be read when
/// pidfds have used up all others.
#[derive(Debug, Default)]
pub(super) struct Files {
    spare: Mutex<Option<OwnedFd>>,
    /// `/proc`, from where its files are opened: shorter for the kernel than from the root. `None` where it can't be held.
    proc: OnceLock<Option<OwnedFd>>,
    files: AtomicU64,
    directories: AtomicU64,
}

impl Files {
    /// Sets the reserve aside, unless it is there or can't be had.
    pub(super) fn reserve(&self) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.is_none() {
            *spare = Files::any_descriptor();
        }
    }

    fn any_descriptor() -> Option<OwnedFd> {
        openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()
    }

    /// What was read so far.
    pub(super) fn cost(&self) -> Cost {
        Cost { files: self.files.load(Ordering::Relaxed), directories: self.directories.load(Ordering::Relaxed) }
    }

    /// The folder to begin at, and the way from there.
    fn way<'f, 'p>(&'f self, path: &'p [u8]) -> (BorrowedFd<'f>, &'p [u8]) {
        let open = || openat(CWD, "/proc", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok();
        let below = path.strip_prefix(b"/proc/");
        match below.and_then(|below| Some((self.proc.get_or_init(open).as_ref()?, below))) {
            Some((proc, below)) => (proc.as_fd(), below),
            None => (CWD, path),
        }
    }

    /// What `stat(2)` tells of a path.
    pub(super) fn status(&self, path: &[u8]) -> Result<Stat, Errno> {
        let (from, path) = self.way(path);
        statat(from, path, AtFlags::empty())
    }

    /// Opens a path and lets it be used; where no descriptor is left, in the place of the reserve.
    fn with<T>(&self, path: &[u8], flags: OFlags, used: impl FnOnce(&OwnedFd) -> Result<T, Errno>) -> Result<T, Errno> {
        let (from, path) = self.way(path);
        let open = || openat(from, path, flags | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        match open() {
            Err(Errno::MFILE | Errno::NFILE) => {
                // Held during the use, so that two threads don't share one reserve.
                let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
                drop(spare.take());
                let result = open().and_then(|file| used(&file));
                *spare = Files::any_descriptor();
                result
            }
            opened => used(&opened?),
        }
    }

    /// Reads a file to its end or to the limit, in reads as large as the buffer; returns how many it took.
    ///
    /// The kernel makes such a file up while it is read, a page at most a read.
    pub(super) fn read(&self, path: &[u8], into: &mut Vec<u8>, limit: usize) -> Result<usize, Errno> {
        self.files.fetch_add(1, Ordering::Relaxed);
        into.clear();
        self.with(path, OFlags::empty(), |file| {
            let mut fills = 0;
            while into.len() < limit {
                if into.capacity() - into.len() < 4096 {
                    into.reserve(64 * 1024);
                }
                if retry_on_intr(|| rustix::io::read(file, rustix::buffer::spare_capacity(into)))? == 0 {
                    break;
                }
                fills += 1;
            }
            into.truncate(limit);
            Ok(fills)
        })
    }

    /// Reads a `stat` file.
    pub(super) fn stat<T>(&self, path: &[u8], then: impl FnOnce(&parse::Stat<'_>) -> T) -> Result<T, ReadError> {
        let parsed = |bytes: &[u8]| parse::stat(bytes).map(|stat| then(&stat)).map_err(|e| ReadError::Failed(e.into()));
        self.files.fetch_add(1, Ordering::Relaxed);
        // 52 numbers of at most 20 digits and a name of at most 64 bytes.
        let mut buffer = [0_u8; 1536];
        let count = self
            .with(path, OFlags::empty(), |file| retry_on_intr(|| rustix::io::read(file, &mut buffer[..])))
            .map_err(read_error)?;
        match buffer.get(..count) {
            Some([]) | None => Err(ReadError::Gone),
            Some(bytes) if count < buffer.len() => parsed(bytes),
            Some(_) => {
                let mut long = Vec::new();
                self.read(path, &mut long, 64 * 1024).map_err(read_error)?;
                parsed(&long)
            }
        }
    }

    /// Calls with each name in a directory.
    pub(super) fn list(&self, path: &[u8], mut each: impl FnMut(&OwnedFd, &[u8])) -> Result<(), Errno> {
        self.directories.fetch_add(1, Ordering::Relaxed);
        self.with(path, OFlags::DIRECTORY, |directory| {
            let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
            let mut entries = RawDir::new(directory, &mut buffer);
            while let Some(entry) = entries.next() {
                each(directory, entry?.file_name().to_bytes());
            }
            Ok(())
        })
    }

    /// The names in a directory that are PIDs: of `/proc` the processes, of `/proc/PID/task` the threads.
    pub(super) fn pids(&self, path: &[u8]) -> Result<Vec<Pid>, Errno> {
        let mut pids = Vec::new();
        self.list(path, |_, name| {
            let pid: Option<Pid> = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
            pids.extend(pid);
        })?;
        Ok(pids)
    }

    /// How many threads of a process still run.
    pub(super) fn living_threads(&self, pid: Pid) -> Result<usize, ReadError> {
        let threads = self.pids(proc_path!("/proc/{pid}/task").as_bytes()).map_err(read_error)?;
        let mut living = 0;
        for thread in threads {
            match self.stat(proc_path!("/proc/{pid}/task/{thread}/stat").as_bytes(), |stat| is_over(stat.state)) {
                Ok(true) | Err(ReadError::Gone) => {}
                Ok(false) => living += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(living)
    }
}

/// Whether a thread in this state will never run again.
pub(super) fn is_over(state: State) -> bool {
    matches!(state, State::Zombie | State::Dead)
}

/// The text of a file that holds one short line, such as those below `/proc/sys`.
pub(super) fn line(path: &str) -> io::Result<String> {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_fits() {
        let pid = Pid::from_raw(i32::MAX).unwrap();
        let path = proc_path!("/proc/{pid}/task/{pid}/children");
        assert_eq!(path.as_bytes(), b"/proc/2147483647/task/2147483647/children");
        let long = proc_path!("{:>65}", 1);
        assert_eq!(long.as_bytes(), b"");
    }

    #[test]
    fn reads_whole_files_and_counts_them() {
        let files = Files::default();
        let mut bytes = Vec::new();
        files.read(b"/proc/self/maps", &mut bytes, usize::MAX).unwrap();
        assert!(bytes.ends_with(b"\n"));
        files.read(b"/proc/self/maps", &mut bytes, 10).unwrap();
        assert_eq!(bytes.len(), 10);
        let own = files.stat(b"/proc/self/stat", |stat| stat.pid).unwrap();
        assert_eq!(own.get(), std::process::id());
        assert!(files.pids(b"/proc").unwrap().contains(&own));
        assert_eq!(files.cost(), Cost { files: 3, directories: 1 });
        assert!(matches!(files.stat(b"/proc/0/stat", |_| ()), Err(ReadError::Gone)));
    }
}
