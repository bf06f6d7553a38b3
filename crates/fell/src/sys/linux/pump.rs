//! Output that is passed on, so that its silence is seen.

use super::child::{OwnStream, duplicate, is_ready, pipe};
use super::clock::{since_boot, timespec};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::io;
use std::time::Duration;

/// How much one reader may write to a pipe that is ready without being blocked: `PIPE_BUF` on Linux.
const PORTION: usize = 4096;
/// What a pipe can hold: Linux's default for `/proc/sys/fs/pipe-max-size`.
const PIPE_MAX: usize = 1 << 20;

/// Passes a command's output on, and so sees when it is silent.
#[derive(Debug)]
pub(crate) struct Pump {
    source: Option<OwnedFd>,
    target: OwnedFd,
    pending: Vec<u8>,
}

impl Pump {
    /// A pump to this descriptor, or to the caller's own stream; and the end for the command to write to.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub(crate) fn new(target: Option<OwnedFd>, own: OwnStream) -> io::Result<(Pump, OwnedFd)> {
        let target = match target {
            Some(target) => target,
            None => duplicate(own)?,
        };
        let (source, end) = pipe()?;
        rustix::io::ioctl_fionbio(&source, true)?;
        Ok((Pump { source: Some(source), target, pending: Vec::new() }, end))
    }

    /// What to wait for: room at the target while something is pending, otherwise output.
    pub(crate) fn poll_fd(&self) -> Option<PollFd<'_>> {
        if self.pending.is_empty() {
            self.source.as_ref().map(|source| PollFd::new(source, PollFlags::IN))
        } else {
            Some(PollFd::new(&self.target, PollFlags::OUT))
        }
    }

    /// Moves one portion if that blocks nobody. `true` if the command has written something.
    ///
    /// # Errors
    ///
    /// Reading or writing failed. A reader of the target that is gone is no error: the command then gets SIGPIPE, as
    /// it would without the pump.
    pub(crate) fn step(&mut self) -> io::Result<bool> {
        if !self.pending.is_empty() {
            if !is_ready(self.target.as_fd(), PollFlags::OUT) {
                return Ok(false);
            }
            self.write()?;
            return Ok(false);
        }
        let Some(source) = &self.source else { return Ok(false) };
        let mut buffer = [0_u8; PORTION];
        match rustix::io::read(source, &mut buffer) {
            Ok(0) => {
                self.source = None;
                Ok(false)
            }
            Ok(length) => {
                self.pending.extend_from_slice(&buffer[..length]);
                if is_ready(self.target.as_fd(), PollFlags::OUT) {
                    self.write()?;
                }
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&mut self) -> io::Result<()> {
        match rustix::io::write(&self.target, &self.pending) {
            Ok(length) => {
                self.pending.drain(..length);
                Ok(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(Errno::PIPE) => {
                self.pending.clear();
                self.source = None;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Moves what is in the pipe, and waits for room at the target: for so long in all, or as long as it takes. One who
    /// may stay and goes on writing is not waited for: no more than a pipe can hold is moved. Gives whether all was.
    ///
    /// # Errors
    ///
    /// As [`Pump::step`].
    pub(crate) fn finish(&mut self, patience: Option<Duration>) -> io::Result<bool> {
        let until = patience.map(|patience| since_boot().saturating_add(patience));
        for _ in 0..PIPE_MAX / PORTION {
            while !self.pending.is_empty() {
                let rest = until.map(|until| until.saturating_sub(since_boot()));
                if !has_room(self.target.as_fd(), rest) {
                    return Ok(false);
                }
                self.write()?;
            }
            if !self.step()? && self.pending.is_empty() {
                break;
            }
        }
        Ok(true)
    }
}

/// Waits until there is room: for so long, or as long as it takes.
fn has_room(target: BorrowedFd<'_>, patience: Option<Duration>) -> bool {
    let Some(patience) = patience else { return true };
    let mut fds = [PollFd::new(&target, PollFlags::OUT)];
    poll(&mut fds, Some(&timespec(patience))).is_ok_and(|ready| ready > 0)
}
