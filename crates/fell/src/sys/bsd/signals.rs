//! Arriving signals, by a handler that writes their numbers into a pipe.

use super::child::pipe;
use super::clock::timespec;
use super::mask::SignalMask;
use super::signal;
use crate::signal::Signal;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Where the handler writes; never closed.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// A signal that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Which.
    pub signal: Signal,
    /// Whether the system sent it by itself. Not told here: never.
    pub by_kernel: bool,
}

/// The signals that arrive at this process.
#[derive(Debug)]
pub struct SignalStream {
    read: OwnedFd,
    former: SignalMask,
}

impl SignalStream {
    /// Handles these signals from now on, but for those that this process was started to ignore.
    ///
    /// # Errors
    ///
    /// No descriptor is to be had.
    pub fn block_and_open(signals: &[Signal]) -> io::Result<SignalStream> {
        let former = SignalMask::current();
        let (read, write) = pipe()?;
        rustix::io::ioctl_fionbio(&read, true)?;
        rustix::io::ioctl_fionbio(&write, true)?;
        PIPE.store(write.into_raw_fd(), Ordering::SeqCst);
        for number in signals.iter().filter_map(|known| signal::number(*known)) {
            let handler: extern "C" fn(libc::c_int) = arrived;
            // SAFETY: the handler uses an atomic and write(2) alone, which are async-signal-safe.
            unsafe {
                let before = libc::signal(number, handler as *const () as libc::sighandler_t);
                if before == libc::SIG_IGN {
                    libc::signal(number, libc::SIG_IGN);
                }
            }
        }
        Ok(SignalStream { read, former })
    }

    /// What the thread blocked before: the mask to start a command with.
    pub fn former_mask(&self) -> SignalMask {
        self.former
    }

    /// What to wait for: it has something to read when a signal has arrived.
    pub fn waker(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    /// Waits until a signal has arrived, which is left to be read, or the time is over. Gives whether one has.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.read, PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(timeout))) {
            Ok(ready) => Ok(ready > 0),
            // By the very signal, mostly.
            Err(rustix::io::Errno::INTR) => self.wait(Duration::ZERO),
            Err(error) => Err(error.into()),
        }
    }

    /// The next signal, or `None` if none has arrived.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn next(&self) -> io::Result<Option<Arrival>> {
        let mut number = [0_u8];
        loop {
            match rustix::io::read(&self.read, &mut number) {
                Ok(1) => {}
                Ok(_) | Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(signal) = signal::of_number(number[0].into()) {
                return Ok(Some(Arrival { signal, by_kernel: false }));
            }
        }
    }
}

impl AsFd for SignalStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

impl AsRawFd for SignalStream {
    fn as_raw_fd(&self) -> i32 {
        self.read.as_raw_fd()
    }
}

extern "C" fn arrived(number: libc::c_int) {
    let byte = u8::try_from(number).unwrap_or(0);
    // SAFETY: a descriptor that is never closed, and one byte. A full pipe loses a signal that is there already.
    unsafe { libc::write(PIPE.load(Ordering::SeqCst), (&raw const byte).cast(), 1) };
}
