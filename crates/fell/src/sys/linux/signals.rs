//! Arriving signals by `signalfd(2)`.

use super::clock::timespec;
use super::mask::SignalMask;
use crate::signal::Signal;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::io;
use std::time::Duration;

/// A signal that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Which.
    pub signal: Signal,
    /// Whether the kernel sent it by itself, as for a key pressed at the terminal. Then the whole
    /// foreground process group has got it, and nothing is gained by handing it on.
    pub by_kernel: bool,
}

/// The signals that arrive at this process, in the order in which the kernel hands them over.
#[derive(Debug)]
pub struct SignalStream {
    descriptor: OwnedFd,
    former: SignalMask,
}

impl SignalStream {
    /// Blocks these signals in the calling thread and opens a stream of them.
    ///
    /// A signal that this process was started to ignore, as by `nohup`, stays ignored and is left out:
    /// once blocked, the kernel would keep it for us all the same. Call it before other threads
    /// start: a thread that does not block a signal takes it from the stream.
    ///
    /// # Errors
    ///
    /// No descriptor is to be had.
    pub fn block_and_open(signals: &[Signal]) -> io::Result<SignalStream> {
        let former = SignalMask::current();
        let set = set_of(signals.iter().copied().filter(|signal| !is_ignored(*signal)));
        // SAFETY: `set` is an initialised set; a null old set is allowed.
        let failure = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if failure != 0 {
            return Err(io::Error::from_raw_os_error(failure));
        }
        // SAFETY: `set` is an initialised set; -1 asks for a new descriptor.
        let descriptor = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
        Ok(SignalStream { descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) }, former })
    }

    /// What the thread blocked before: the mask to start a command with.
    pub fn former_mask(&self) -> SignalMask {
        self.former
    }

    /// What to wait for: it has something to read when a signal has arrived.
    pub fn waker(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Waits until a signal has arrived, which is left to be read, or the time is over. Gives whether one has.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.descriptor, PollFlags::IN)];
        Ok(poll(&mut fds, Some(&timespec(timeout)))? > 0)
    }

    /// The next signal, or `None` if none has arrived.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn next(&self) -> io::Result<Option<Arrival>> {
        // One `struct signalfd_siginfo`, of which `ssi_signo`, `ssi_errno` and `ssi_code` are the
        // first three 32-bit words: signalfd(2).
        let mut record = [0_u8; 128];
        loop {
            match rustix::io::read(&self.descriptor, &mut record) {
                Ok(128) => {}
                Ok(_) | Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let [s0, s1, s2, s3, _, _, _, _, c0, c1, c2, c3, ..] = record;
            let number = u32::from_ne_bytes([s0, s1, s2, s3]);
            let code = i32::from_ne_bytes([c0, c1, c2, c3]);
            if let Some(signal) = u8::try_from(number).ok().and_then(Signal::from_number) {
                return Ok(Some(Arrival { signal, by_kernel: code == libc::SI_KERNEL }));
            }
        }
    }
}

impl AsFd for SignalStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

fn set_of(signals: impl Iterator<Item = Signal>) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set and fails for no valid pointer.
    let mut set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    };
    for signal in signals {
        // SAFETY: `set` is initialised. A number that the C library keeps for itself is refused and changes nothing.
        unsafe { libc::sigaddset(&raw mut set, signal.as_raw()) };
    }
    set
}

fn is_ignored(signal: Signal) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only asks; `action` has room for the answer, and all zeroes are a valid value of it.
    let (failed, action) = unsafe {
        let failed = libc::sigaction(signal.as_raw(), std::ptr::null(), action.as_mut_ptr());
        (failed != 0, action.assume_init())
    };
    !failed && action.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_arrives_and_waits_for_nothing() {
        let stream = SignalStream::block_and_open(&[Signal::USR2]).unwrap();
        assert_eq!(stream.next().unwrap(), None);
        // SAFETY: the signal goes to this thread, which blocks it.
        assert_eq!(unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2) }, 0);
        assert_eq!(stream.next().unwrap(), Some(Arrival { signal: Signal::USR2, by_kernel: false }));
        assert_eq!(stream.next().unwrap(), None);
    }
}
