//! The ledger of a victim tree: one file that holds the budget, the readiness and the locks.
//!
//! Three things answer "who is alive?" without /proc, and none can be shed by `setuid`, an empty
//! environment, a new session, a PID or user namespace or a changed name:
//!
//! - **Who**: each process holds a POSIX record lock (`F_SETLK`) on the byte whose index is its slot.
//!   Such a lock belongs to the process and not to the descriptor: fork does not hand it on, exec keeps it, the kernel drops it
//!   when the last thread exits (so a leader in state Z with living threads still holds it, and a zombie does not),
//!   and `F_GETLK` names the holder's PID in the reader's own PID namespace. Open-file-description locks
//!   are the wrong tool: fork hands them on, and `F_GETLK` says -1 for their owner.
//! - **Anyone**: the root takes a shared `flock` on its open file description, which all descendants inherit.
//!   It covers the instant between a fork and the child's own record lock.
//! - **Slots are used once**, so a slot that is held is always held by the same process. That makes
//!   "open a pidfd, then ask again who holds the slot" a proof of identity.
//!
//! The trap of record locks is that closing *any* descriptor of the file drops them all: a victim opens the ledger
//! once, without `O_CLOEXEC`, and never closes it.

use crate::page::{MAGIC, MOST_FORKS, Page, SLOTS};
use rustix::fs::{FlockOperation, MemfdFlags, Mode, OFlags};
use rustix::mm::{MapFlags, ProtFlags};
use rustix::thread::futex;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// A mapped ledger; derefs to its [`Page`].
#[derive(Debug)]
pub struct Ledger {
    file: OwnedFd,
    page: NonNull<Page>,
}

// SAFETY: the page is a shared mapping that consists of atomics only.
unsafe impl Send for Ledger {}
// SAFETY: as above; the descriptor is only passed to system calls.
unsafe impl Sync for Ledger {}

impl Deref for Ledger {
    type Target = Page;

    fn deref(&self) -> &Page {
        // SAFETY: `map` made the mapping with the size of a page; it lives as long as `self`.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        let unmapped = unsafe { rustix::mm::munmap(self.page.as_ptr().cast(), size_of::<Page>()) };
        debug_assert!(unmapped.is_ok());
    }
}

impl Ledger {
    /// Makes a ledger that every user may open, with a budget of at most [`MOST_FORKS`] forks.
    ///
    /// # Errors
    ///
    /// When the file exists, or can't be made or mapped.
    pub fn create(path: &Path, budget: u32) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))?;
        // The umask must not keep a victim with another uid out.
        rustix::fs::fchmod(&file, Mode::from_raw_mode(0o666))?;
        Self::found(file, budget)
    }

    /// Makes a ledger without a name, for a victim that was started by hand.
    ///
    /// # Errors
    ///
    /// When it can't be made or mapped.
    pub fn anonymous(budget: u32) -> io::Result<Self> {
        Self::found(rustix::fs::memfd_create("fell-ledger", MemfdFlags::CLOEXEC)?, budget)
    }

    fn found(file: OwnedFd, budget: u32) -> io::Result<Self> {
        rustix::fs::ftruncate(&file, size_of::<Page>() as u64)?;
        let ledger = Self::map(file)?;
        ledger.budget.store(budget.min(MOST_FORKS), SeqCst);
        ledger.magic.store(MAGIC, SeqCst);
        Ok(ledger)
    }

    /// Opens a ledger that somebody else made.
    ///
    /// # Errors
    ///
    /// When the file can't be opened or is no ledger.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::adopt(rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Takes over a ledger that is open already.
    ///
    /// # Errors
    ///
    /// When the descriptor is no ledger.
    pub fn adopt(file: OwnedFd) -> io::Result<Self> {
        let no_ledger = || io::Error::new(io::ErrorKind::InvalidData, "not a ledger of fell-testkit");
        // Touching a mapping beyond the end of its file is a SIGBUS.
        if rustix::fs::fstat(&file)?.st_size != size_of::<Page>() as i64 {
            return Err(no_ledger());
        }
        let ledger = Self::map(file)?;
        if ledger.magic.load(SeqCst) != MAGIC {
            return Err(no_ledger());
        }
        Ok(ledger)
    }

    fn map(file: OwnedFd) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh shared mapping at an address of the kernel's choice aliases nothing of ours.
        let page = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), size_of::<Page>(), protection, MapFlags::SHARED, &file, 0)?
        };
        let page = NonNull::new(page.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { file, page })
    }

    /// Takes one fork from the budget, as long as fewer than `limit` have been taken: the slot of the child, or `None`.
    pub fn reserve(&self, limit: u32) -> Option<u32> {
        let limit = limit.min(self.budget.load(SeqCst)).min(MOST_FORKS);
        let granted = if self.closed.load(SeqCst) == 0 {
            self.forks.fetch_update(SeqCst, SeqCst, |forks| (forks < limit).then_some(forks + 1)).ok()
        } else {
            None
        };
        if granted.is_none() {
            self.refused.fetch_add(1, SeqCst);
        }
        granted.map(|forks| forks + 1)
    }

    /// Refuses all forks from now on.
    pub fn close(&self) {
        self.closed.store(1, SeqCst);
        self.ring();
    }

    /// Takes the lock of the calling process's own slot.
    ///
    /// # Errors
    ///
    /// When another process holds it: a slot is used once.
    pub fn hold(&self, slot: u32) -> io::Result<()> {
        self.lock(libc::F_SETLK, libc::F_WRLCK, slot, 1).map(drop)
    }

    /// Takes part in the inherited lock which says that anyone of the tree is alive.
    ///
    /// # Errors
    ///
    /// As `flock` does.
    pub fn hold_anyone(&self) -> io::Result<()> {
        Ok(rustix::io::retry_on_intr(|| rustix::fs::flock(&self.file, FlockOperation::LockShared))?)
    }

    /// Blocks until the process of another slot has released its lock, that is, has died.
    ///
    /// # Errors
    ///
    /// As `fcntl` does.
    pub fn await_death(&self, slot: u32) -> io::Result<()> {
        // A read lock, because `holders` looks for write locks and must not take the waiter for the dead.
        loop {
            match self.lock(libc::F_SETLKW, libc::F_RDLCK, slot, 1) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done.map(drop)?,
            }
        }
        self.lock(libc::F_SETLK, libc::F_UNLCK, slot, 1).map(drop)
    }

    /// The PID of the process that holds a slot; 0 if it is not visible in the caller's PID namespace.
    ///
    /// # Errors
    ///
    /// As `fcntl` does.
    pub fn holder(&self, slot: u32) -> io::Result<Option<i32>> {
        Ok(self.first_in(slot, slot + 1)?.map(|(_, pid)| pid))
    }

    /// All slots that are held, with the PIDs of their holders, in the order of slots.
    ///
    /// # Errors
    ///
    /// As `fcntl` does.
    pub fn holders(&self) -> io::Result<Vec<(u32, i32)>> {
        let mut found = Vec::new();
        // `F_GETLK` names *some* lock of the range, not its lowest: look again on both sides of it.
        let mut ranges = vec![(0, SLOTS as u32)];
        while let Some((low, high)) = ranges.pop() {
            if low < high
                && let Some((slot, pid)) = self.first_in(low, high)?
            {
                found.push((slot, pid));
                ranges.extend([(low, slot), (slot + 1, high)]);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Whether any process of the tree is alive, one that has not taken its slot yet included.
    ///
    /// # Errors
    ///
    /// As `flock` does.
    pub fn anyone_alive(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => rustix::fs::flock(&self.file, FlockOperation::Unlock)?,
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        Ok(self.first_in(0, SLOTS as u32)?.is_some())
    }

    fn first_in(&self, low: u32, high: u32) -> io::Result<Option<(u32, i32)>> {
        let lock = self.lock(libc::F_GETLK, libc::F_RDLCK, low, high - low)?;
        // A lock begins in its slot and is one byte long, so `l_start` is the slot.
        Ok((i32::from(lock.l_type) != libc::F_UNLCK).then_some((lock.l_start as u32, lock.l_pid)))
    }

    fn lock(&self, command: i32, kind: i32, slot: u32, length: u32) -> io::Result<libc::flock> {
        // SAFETY: `flock` is a plain C structure for which zeroes are valid.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = kind as _;
        lock.l_whence = libc::SEEK_SET as _;
        lock.l_start = slot.into();
        lock.l_len = length.into();
        // SAFETY: all three commands take a pointer to a `flock` structure.
        if unsafe { libc::fcntl(self.file.as_raw_fd(), command, &raw mut lock) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(lock)
    }

    /// Reports the caller ready; says how many have reported so far.
    pub fn report_ready(&self) -> u32 {
        let ready = self.ready.fetch_add(1, SeqCst) + 1;
        self.ring();
        ready
    }

    /// Reports that the caller got its signal and has cleaned up.
    pub fn report_cleaned(&self) {
        self.cleaned.fetch_add(1, SeqCst);
        self.ring();
    }

    /// Reports that the trick is impossible here.
    pub fn report_failed(&self, errno: i32) {
        self.failed.store(errno.unsigned_abs().max(1), SeqCst);
        self.ring();
    }

    fn ring(&self) {
        self.bell.fetch_add(1, SeqCst);
        // A wake-up that fails is made good by the waiter's slices.
        futex::wake(&self.bell, futex::Flags::empty(), i32::MAX as u32).ok();
    }

    /// Waits until the page satisfies a condition; `false` if time ran out.
    ///
    /// `stop` is asked a few times a second whether there is no point in waiting.
    pub fn wait_until(
        &self,
        timeout: Duration,
        condition: impl Fn(&Page) -> bool,
        mut stop: impl FnMut() -> bool,
    ) -> bool {
        let end = Instant::now() + timeout;
        loop {
            let bell = self.bell.load(SeqCst);
            if condition(self) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || stop() {
                return condition(self);
            }
            let slice = left.min(Duration::from_millis(50));
            let slice = rustix::time::Timespec { tv_sec: 0, tv_nsec: i64::from(slice.subsec_nanos()) };
            // EAGAIN (it rang), EINTR and ETIMEDOUT all mean: look again.
            futex::wait(&self.bell, futex::Flags::empty(), bell, Some(&slice)).ok();
        }
    }
}

impl AsFd for Ledger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
