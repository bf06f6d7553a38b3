//! A hold on one process: a pidfd, or the PID together with the start time where there is no pidfd.

use super::clock::timespec;
use super::proc::{Files, is_over, proc_path};
use crate::id::{Birth, ProcessId};
use crate::outcome::Mechanism;
use crate::pid::Pid;
use crate::signal::Signal;
use crate::sys::{Handle, ReadError, SignalError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

/// The file system of pidfds since Linux 6.9: `PID_FS_MAGIC` of the kernel's `include/uapi/linux/magic.h`.
const PID_FS_MAGIC: u64 = 0x5049_4446;
/// How long a wait lasts at most that the kernel can't end.
pub(super) const RECHECK: Duration = Duration::from_millis(2);

/// A hold on one process.
#[derive(Debug)]
pub struct LinuxHandle {
    pid: Pid,
    hold: Hold,
}

#[derive(Debug)]
enum Hold {
    Pidfd { fd: OwnedFd, inode: Option<u64> },
    Checked { start: u64, files: Arc<Files> },
}

/// What came of collecting a child.
#[derive(Debug)]
pub enum Collected {
    /// It had ended like this, and is gone now.
    Status(ExitStatus),
    /// It has not ended, or a thread of it still runs.
    Alive,
    /// It is no child of this process, or somebody else collected it.
    NoChild,
}

/// Whether this descriptor's inode number belongs to one process until the next boot.
///
/// Before Linux 6.9 all pidfds share one anonymous inode. On 32-bit systems, `stat(2)` cuts the
/// number to the half that is reused.
pub(super) fn has_own_inode(fd: &OwnedFd) -> bool {
    cfg!(target_pointer_width = "64")
        && rustix::fs::fstatfs(fd).is_ok_and(|stat| u64::try_from(stat.f_type) == Ok(PID_FS_MAGIC))
}

impl LinuxHandle {
    pub(super) fn pidfd(pid: Pid, fd: OwnedFd, has_own_inode: bool) -> LinuxHandle {
        let inode = if has_own_inode { rustix::fs::fstat(&fd).ok().map(|stat| stat.st_ino) } else { None };
        LinuxHandle { pid, hold: Hold::Pidfd { fd, inode } }
    }

    pub(super) fn checked(pid: Pid, start: u64, files: Arc<Files>) -> LinuxHandle {
        LinuxHandle { pid, hold: Hold::Checked { start, files } }
    }

    /// The pidfd, which can be polled: readable once the process has ended. `None` where there is no pidfd.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.hold {
            Hold::Pidfd { fd, .. } => Some(fd.as_fd()),
            Hold::Checked { .. } => None,
        }
    }

    /// Whether the process has ended *and* its parent has collected it, so that its PID is free.
    pub fn is_collected(&self) -> bool {
        match &self.hold {
            Hold::Pidfd { fd, .. } => send_to_pidfd(fd, 0) == Err(Errno::SRCH),
            Hold::Checked { start, files } => match files.stat(stat_path(self.pid).as_bytes(), |stat| stat.start) {
                Ok(now) => now != *start,
                Err(ReadError::Gone) => true,
                Err(ReadError::Unsupported | ReadError::Failed(_)) => false,
            },
        }
    }

    /// Waits until the process has been collected, or the time is over; returns whether it has.
    ///
    /// From Linux 6.9 the kernel hangs up the pidfd then; elsewhere this looks every 2 ms.
    pub fn wait_until_collected(&self, timeout: Duration) -> bool {
        let deadline = super::clock::since_boot().saturating_add(timeout);
        loop {
            if self.is_collected() {
                return true;
            }
            let left = deadline.saturating_sub(super::clock::since_boot());
            if left.is_zero() {
                return false;
            }
            let pause = timespec(left.min(RECHECK));
            // No event is asked for: a hang-up is reported always, and the pidfd of a zombie is readable all along.
            let result = match &self.hold {
                Hold::Pidfd { fd, .. } => poll(&mut [PollFd::new(fd, PollFlags::empty())], Some(&pause)),
                Hold::Checked { .. } => poll(&mut [], Some(&pause)),
            };
            if result.is_err_and(|errno| errno != Errno::INTR) {
                return self.is_collected();
            }
        }
    }

    /// Collects the process if it is a child of this process that has ended; never another one.
    ///
    /// # Errors
    ///
    /// What the system said, other than that it is no child.
    pub fn collect(&self) -> io::Result<Collected> {
        let id = match &self.hold {
            Hold::Pidfd { fd, .. } => WaitId::PidFd(fd.as_fd()),
            Hold::Checked { .. } => match rustix::process::Pid::from_raw(self.pid.as_raw()) {
                Some(pid) => WaitId::Pid(pid),
                None => return Ok(Collected::NoChild),
            },
        };
        // Also children that were cloned to report their end by another signal than CHLD, or by none.
        let any_kind = WaitIdOptions::from_bits_retain(libc::__WALL.cast_unsigned());
        match retry_on_intr(|| waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOHANG | any_kind)) {
            Ok(None) => Ok(Collected::Alive),
            Ok(Some(status)) => {
                let dumped = if status.dumped() { 0x80 } else { 0 };
                let raw = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => (code & 0xff) << 8,
                    (None, Some(signal)) => signal | dumped,
                    (None, None) => return Err(io::Error::other("waitid told of no end")),
                };
                Ok(Collected::Status(ExitStatus::from_raw(raw)))
            }
            Err(Errno::CHILD) => Ok(Collected::NoChild),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether a row shows the end of the process that started then.
    fn shows_end(pid: Pid, start: u64, files: &Files) -> bool {
        let row = files.stat(stat_path(pid).as_bytes(), |stat| (stat.start, stat.state, stat.threads));
        match row {
            Err(ReadError::Gone) => true,
            Ok((now, ..)) if now != start => true,
            Ok((_, state, threads)) if is_over(state) => threads <= 1 || matches!(files.living_threads(pid), Ok(0)),
            Ok(_) | Err(ReadError::Unsupported | ReadError::Failed(_)) => false,
        }
    }
}

fn stat_path(pid: Pid) -> super::proc::ProcPath {
    proc_path!("/proc/{pid}/stat")
}

impl Handle for LinuxHandle {
    fn id(&self) -> ProcessId {
        let birth = match self.hold {
            Hold::Pidfd { inode, .. } => Birth { start: None, inode },
            Hold::Checked { start, .. } => Birth { start: Some(start), inode: None },
        };
        ProcessId { pid: self.pid, birth }
    }

    fn mechanism(&self) -> Mechanism {
        match self.hold {
            Hold::Pidfd { .. } => Mechanism::Pidfd,
            Hold::Checked { .. } => Mechanism::CheckedPid,
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), SignalError> {
        let sent = match &self.hold {
            Hold::Pidfd { fd, .. } => send_to_pidfd(fd, signal.as_raw()),
            Hold::Checked { start, files } => match files.stat(stat_path(self.pid).as_bytes(), |stat| stat.start) {
                Ok(now) if now == *start => send_to_pid(self.pid, signal),
                Ok(_) | Err(ReadError::Gone) => Err(Errno::SRCH),
                Err(ReadError::Failed(error)) => return Err(SignalError::Failed(error)),
                Err(ReadError::Unsupported) => Err(Errno::NOSYS),
            },
        };
        match sent {
            Ok(()) => Ok(()),
            Err(Errno::SRCH) => Err(SignalError::Gone),
            Err(Errno::PERM) => Err(SignalError::Denied),
            Err(errno) => Err(SignalError::Failed(errno.into())),
        }
    }

    fn has_ended(&self) -> bool {
        match &self.hold {
            Hold::Pidfd { fd, .. } => {
                let mut polled = [PollFd::new(fd, PollFlags::IN)];
                matches!(retry_on_intr(|| poll(&mut polled, Some(&Timespec::default()))), Ok(1..))
            }
            // Seen twice: during a threaded exec the leader is a zombie for an instant, and the list of
            // threads can change between its lines.
            Hold::Checked { start, files } => {
                LinuxHandle::shows_end(self.pid, *start, files) && LinuxHandle::shows_end(self.pid, *start, files)
            }
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self.hold, Hold::Pidfd { .. }) && self.is_collected()
    }
}

fn send_to_pidfd(fd: &OwnedFd, signal: i32) -> Result<(), Errno> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open during the call, and a null siginfo asks the kernel to fill it in.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, no_info, 0) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

#[expect(clippy::disallowed_methods, reason = "the rung below pidfds: the start time was compared just before")]
fn send_to_pid(pid: Pid, signal: Signal) -> Result<(), Errno> {
    // SAFETY: kill takes plain numbers; a Pid is above 0, so this never addresses a group.
    let result = unsafe { libc::kill(pid.as_raw(), signal.as_raw()) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}
