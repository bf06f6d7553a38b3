//! Signals that are waited for one by one, and what becomes of a signal without a waiter.

use super::clock::{awake, timespec};
use super::mask::SignalMask;
use crate::signal::{Signal, SignalSet};
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// The set as system calls take it.
fn raw(signals: SignalSet) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set and fails for no valid pointer.
    let mut set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    };
    for signal in signals.signals() {
        // SAFETY: `set` is initialised. A number that the C library keeps for itself is refused and changes nothing.
        unsafe { libc::sigaddset(&raw mut set, signal.as_raw()) };
    }
    set
}

/// Signals that this thread blocks in order to wait for them.
///
/// A blocked signal waits for its waiter whatever its disposition, being ignored included: leave out of the set what
/// has to stay ignored.
pub struct Inbox {
    set: libc::sigset_t,
    former: SignalMask,
}

impl Inbox {
    /// Blocks these signals in the calling thread.
    pub fn open(set: SignalSet) -> Inbox {
        let former = SignalMask::current();
        let set = raw(set);
        // SAFETY: an initialised set; with valid pointers it can't fail.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
        Inbox { set, former }
    }

    /// What the thread blocked before: the mask to start a command with.
    pub fn former_mask(&self) -> SignalMask {
        self.former
    }

    /// Waits for the next signal, until this moment of [`now`] at the latest.
    pub fn wait(&self, until: Option<Duration>) -> Option<Signal> {
        loop {
            let number = match until {
                // SAFETY: an initialised set; no facts on the signal are asked for.
                None => unsafe { libc::sigwaitinfo(&raw const self.set, ptr::null_mut()) },
                Some(until) => {
                    let rest = timespec(until.saturating_sub(awake()));
                    let rest = libc::timespec { tv_sec: rest.tv_sec, tv_nsec: rest.tv_nsec };
                    // SAFETY: as above, and an initialised time.
                    unsafe { libc::sigtimedwait(&raw const self.set, ptr::null_mut(), &raw const rest) }
                }
            };
            if let Some(signal) = u8::try_from(number).ok().and_then(Signal::from_number) {
                return Some(signal);
            }
            // -1: the time is over (EAGAIN), or the process was stopped and goes on (EINTR).
            if until.is_some_and(|until| awake() >= until) {
                return None;
            }
        }
    }
}

/// The clock of [`Inbox::wait`]: time for which the machine was suspended is not in it.
pub fn now() -> Duration {
    awake()
}

/// What becomes of a signal that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// What the system does by itself: mostly, to end the process.
    Default,
    /// Nothing.
    Ignored,
    /// A handler runs, or the system has no such signal.
    Handled,
}

/// What becomes of this signal now.
pub fn disposition(signal: Signal) -> Disposition {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only asks; `action` has room for the answer, and all zeroes are a valid value of it.
    let (failed, action) = unsafe {
        let failed = libc::sigaction(signal.as_raw(), ptr::null(), action.as_mut_ptr());
        (failed != 0, action.assume_init())
    };
    match action.sa_sigaction {
        _ if failed => Disposition::Handled,
        libc::SIG_IGN => Disposition::Ignored,
        libc::SIG_DFL => Disposition::Default,
        _ => Disposition::Handled,
    }
}

/// Has this signal ignored, or dealt with by the system. Async-signal-safe.
///
/// A handler can't be installed so.
pub fn dispose(signal: Signal, disposition: Disposition) {
    let action = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignored => libc::SIG_IGN,
        Disposition::Handled => return,
    };
    // SAFETY: these two run no code.
    unsafe { libc::signal(signal.as_raw(), action) };
}

/// Dies of this signal, without a core dump; comes back if that is not the way of this signal, or of this
/// process (PID 1 of a namespace does not die of its own signals).
pub fn die_of(signal: Signal) {
    let set = raw(SignalSet::of(&[signal]));
    // SAFETY: prctl with a number; an initialised set; raise of a valid signal, whose default runs no code.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
        dispose(signal, Disposition::Default);
        libc::raise(signal.as_raw());
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut());
    }
}

/// Stops this process until it gets CONT.
pub fn stop() {
    // SAFETY: STOP runs no code.
    unsafe { libc::raise(libc::SIGSTOP) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = SignalSet::of(&[Signal::HUP, Signal::TERM]);
        assert!(set.contains(Signal::HUP) && set.contains(Signal::TERM) && !set.contains(Signal::INT));
        assert_eq!(set.without(Signal::HUP), SignalSet::of(&[Signal::TERM]));
        assert_eq!(SignalSet::ALL.signals().count(), 62);
    }

    #[test]
    fn waits_for_a_signal_and_not_longer_than_told() {
        let inbox = Inbox::open(SignalSet::of(&[Signal::USR1]));
        let soon = now() + Duration::from_millis(20);
        assert_eq!(inbox.wait(Some(soon)), None);
        assert!(now() >= soon);
        // SAFETY: the signal goes to this thread, which blocks it.
        assert_eq!(unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR1) }, 0);
        assert_eq!(inbox.wait(Some(soon)), Some(Signal::USR1));
    }
}
