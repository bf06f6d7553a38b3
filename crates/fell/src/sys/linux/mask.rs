//! A thread's set of blocked signals.

use crate::signal::Signal;
use std::fmt;
use std::mem::MaybeUninit;

/// Which signals a thread blocks; handed to a command so that it starts with the mask that its caller had.
#[derive(Clone, Copy)]
pub struct SignalMask(libc::sigset_t);

impl fmt::Debug for SignalMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignalMask")
    }
}

impl SignalMask {
    /// What the calling thread blocks now.
    pub fn current() -> SignalMask {
        let mut mask = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: a null new set only asks, and can't fail; all zeroes are a valid set besides.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr());
            SignalMask(mask.assume_init())
        }
    }

    /// No signal.
    pub fn empty() -> SignalMask {
        let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set and fails for no valid pointer.
        unsafe {
            libc::sigemptyset(mask.as_mut_ptr());
            SignalMask(mask.assume_init())
        }
    }

    /// The same without this signal.
    #[must_use]
    pub fn without(mut self, signal: Signal) -> SignalMask {
        // SAFETY: an initialised set. A number that the C library keeps for itself is refused and changes nothing.
        unsafe { libc::sigdelset(&raw mut self.0, signal.as_raw()) };
        self
    }

    /// Blocks every signal in the calling thread; gives what was blocked before.
    #[cfg(target_os = "linux")]
    pub(crate) fn block_all() -> SignalMask {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut former = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: sigfillset initialises the set; SIG_SETMASK with valid pointers can't fail.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), former.as_mut_ptr());
            SignalMask(former.assume_init())
        }
    }

    /// Makes this the calling thread's mask. Async-signal-safe.
    #[cfg(target_os = "linux")]
    pub(crate) fn restore(&self) {
        // SAFETY: an initialised set; SIG_SETMASK with valid pointers can't fail.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}
