//! This process and its own children.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{BorrowedFd, OwnedFd, RawFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid};
use std::io;
use std::time::Duration;

/// Makes orphans of this process's descendants come home to it.
pub(crate) fn become_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Whether this process has any child, running or not collected.
pub(crate) fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(Errno::CHILD))
}

/// Waits for this child and gives its status in `wait(2)`'s encoding; `None` if somebody else has collected it.
pub(crate) fn collect(child: i32) -> Option<i32> {
    let child = Pid::from_raw(child)?;
    loop {
        match waitpid(Some(child), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Some(status.as_raw()),
            Ok(None) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Collects one child, whichever, if one has ended. Only for a process that serves one run alone.
pub(crate) fn collect_any() -> Option<(i32, i32)> {
    let (pid, status) = rustix::process::wait(WaitOptions::NOHANG).ok()??;
    Some((pid.as_raw_pid(), status.as_raw()))
}

/// Whether a standard stream is a terminal with this process in its foreground.
pub fn is_in_foreground() -> bool {
    // 0 where the group's leader is outside of this PID namespace: then there is no comparing.
    // SAFETY: getpgrp has no preconditions and always succeeds.
    let Some(own) = Pid::from_raw(unsafe { libc::getpgrp() }) else { return false };
    [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()]
        .into_iter()
        .any(|stream| rustix::termios::tcgetpgrp(stream) == Ok(own))
}

/// The process that all others descend from.
pub fn root() -> crate::pid::Pid {
    crate::pid::Pid::INIT
}

/// Whether this is PID 1, of a container mostly.
pub fn is_first() -> bool {
    rustix::process::getpid().is_init()
}

/// Whether somebody reads single keys from the terminal of standard input instead of lines.
pub fn keys_are_read() -> bool {
    let modes = rustix::termios::tcgetattr(rustix::stdio::stdin()).map(|modes| modes.local_modes);
    modes.is_ok_and(|modes| !modes.contains(rustix::termios::LocalModes::ICANON))
}

/// Nothing comes from it, and what goes there is lost.
pub(crate) fn null_device() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// One of this process's own standard streams, for standard output and error.
pub(crate) fn duplicate(own: OwnStream) -> io::Result<OwnedFd> {
    let stream = match own {
        OwnStream::Output => rustix::stdio::stdout(),
        OwnStream::Error => rustix::stdio::stderr(),
    };
    Ok(rustix::io::fcntl_dupfd_cloexec(stream, 3)?)
}

/// A duplicate of the descriptor with this number.
pub(crate) fn duplicate_number(number: RawFd) -> io::Result<OwnedFd> {
    // What is below 0 is no descriptor, and -1 is none that may be borrowed.
    if number < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: only used for this one call, which gives EBADF for a number that is not open.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// A stream of this process to write to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnStream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Both ends of a pipe, for reading and for writing, which no child inherits.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// Whether reading from, or writing to, this would not block.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(&fd, flags)];
    poll(&mut fds, Some(&super::clock::timespec(Duration::ZERO))).is_ok_and(|ready| ready > 0)
}
