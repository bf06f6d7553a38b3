//! This process and its streams.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{BorrowedFd, OwnedFd, RawFd};
use rustix::fs::{Mode, OFlags};
use std::io;
use std::time::Duration;

/// Whether a standard stream is a terminal with this process in its foreground.
pub fn is_in_foreground() -> bool {
    let own = rustix::process::getpgrp();
    [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()]
        .into_iter()
        .any(|stream| rustix::termios::tcgetpgrp(stream) == Ok(own))
}

/// The process that all others descend from.
pub fn root() -> crate::pid::Pid {
    crate::pid::Pid::INIT
}

/// Whether this is PID 1.
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

/// A stream of this process to write to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnStream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
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
        return Err(rustix::io::Errno::BADF.into());
    }
    // SAFETY: only used for this one call, which gives EBADF for a number that is not open.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// Both ends of a pipe, for reading and for writing, which no child inherits.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = std::io::pipe()?;
    Ok((read.into(), write.into()))
}

/// Whether reading from, or writing to, this would not block.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(&fd, flags)];
    poll(&mut fds, Some(&super::clock::timespec(Duration::ZERO))).is_ok_and(|ready| ready > 0)
}
