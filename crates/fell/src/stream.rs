//! A command's standard streams.

use crate::sys;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::{AsFd, OwnedFd, RawFd};
use rustix::io::Errno;
use std::io;

/// Where a standard stream of a command comes from or goes to.
#[derive(Debug, Default)]
pub enum Stream {
    /// The caller's own.
    #[default]
    Inherit,
    /// Nothing comes, and what goes is lost.
    Null,
    /// This descriptor, a file or one end of a pipe.
    Descriptor(OwnedFd),
}

impl Stream {
    /// The descriptor, or `None` for the caller's own.
    ///
    /// # Errors
    ///
    /// `/dev/null` can't be opened.
    pub(crate) fn open(self) -> io::Result<Option<OwnedFd>> {
        match self {
            Stream::Inherit => Ok(None),
            Stream::Null => sys::null_device().map(Some),
            Stream::Descriptor(descriptor) => Ok(Some(descriptor)),
        }
    }
}

/// A duplicate of the descriptor with this number: for a caller that has descriptors as numbers, as other languages do.
///
/// # Errors
///
/// The number is not open, or no descriptor is left.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // What is below 0 is no descriptor, and -1 is none that may be borrowed.
    if number < 0 {
        return Err(Errno::BADF.into());
    }
    sys::duplicate_number(number)
}

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
    pub(crate) fn new(target: Option<OwnedFd>, own: sys::OwnStream) -> io::Result<(Pump, OwnedFd)> {
        let target = match target {
            Some(target) => target,
            None => sys::duplicate(own)?,
        };
        let (source, end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
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
            if !sys::is_ready(self.target.as_fd(), PollFlags::OUT) {
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
                if sys::is_ready(self.target.as_fd(), PollFlags::OUT) {
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

    /// Moves what is in the pipe, and may block on the target for it. One who may stay and goes on writing is not
    /// waited for: no more than a pipe can hold is moved.
    ///
    /// # Errors
    ///
    /// As [`Pump::step`].
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        for _ in 0..PIPE_MAX / PORTION {
            while !self.pending.is_empty() {
                self.write()?;
            }
            if !self.step()? && self.pending.is_empty() {
                break;
            }
        }
        Ok(())
    }
}
