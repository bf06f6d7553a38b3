//! Console events, as the signals that they stand for: Ctrl-C is INT, Ctrl-Break is TERM, and a console that closes, a user
//! that logs off or a system that shuts down is HUP.

use super::{BorrowedDescriptor, check, last_error};
use crate::signal::Signal;
use std::io;
use std::os::windows::io::BorrowedHandle;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::time::Duration;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::Threading::{CreateEventW, INFINITE, ResetEvent, SetEvent, Sleep};
use windows_sys::core::BOOL;

/// Which signals have arrived and were not read, by number.
static ARRIVED: AtomicU64 = AtomicU64::new(0);
/// Which signals are read.
static WANTED: AtomicU64 = AtomicU64::new(0);
/// Set while something has arrived. It is made once, and never closed.
static EVENT: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(std::ptr::null_mut());

/// A signal that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Which.
    pub signal: Signal,
    /// Whether the system sent it by itself: always. But the command of a run has a group of its own, and has not got it.
    pub by_kernel: bool,
}

/// The set of blocked signals, which no thread has here.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignalMask(());

impl SignalMask {
    /// What the calling thread blocks: nothing.
    pub fn current() -> SignalMask {
        SignalMask(())
    }

    /// No signal.
    pub fn empty() -> SignalMask {
        SignalMask(())
    }

    /// The same without this signal.
    #[must_use]
    pub fn without(self, _signal: Signal) -> SignalMask {
        self
    }
}

/// The console events that arrive at this process.
#[derive(Debug)]
pub struct SignalStream(HANDLE);

impl SignalStream {
    /// Takes these signals from now on, as far as there are events that stand for them. They keep their ordinary meaning
    /// otherwise, which is to end this process.
    ///
    /// # Errors
    ///
    /// No handle is left.
    pub fn block_and_open(signals: &[Signal]) -> io::Result<SignalStream> {
        let wanted = signals.iter().fold(0, |set, signal| set | bit(*signal));
        WANTED.fetch_or(wanted, Ordering::SeqCst);
        let known = EVENT.load(Ordering::SeqCst);
        if !known.is_null() {
            return Ok(SignalStream(known));
        }
        // SAFETY: no attributes and no name; it has to be reset by hand.
        let event = unsafe { CreateEventW(std::ptr::null(), 1, 0, std::ptr::null()) };
        if event.is_null() {
            return Err(last_error());
        }
        EVENT.store(event, Ordering::SeqCst);
        // SAFETY: the handler lives as long as the program, and uses atomics alone.
        check(unsafe { SetConsoleCtrlHandler(Some(on_event), 1) })?;
        Ok(SignalStream(event))
    }

    /// No thread blocks signals here.
    pub fn former_mask(&self) -> SignalMask {
        SignalMask(())
    }

    /// What to wait for: it is set when a signal has arrived.
    pub fn waker(&self) -> BorrowedDescriptor<'_> {
        // SAFETY: the event is never closed.
        unsafe { BorrowedHandle::borrow_raw(self.0) }
    }

    /// Waits until a signal has arrived, which is left to be read, or the time is over. Gives whether one has.
    ///
    /// # Errors
    ///
    /// None.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        Ok(super::wait_any(&[self.0], Some(timeout)).is_some())
    }

    /// The next signal, or `None` if none has arrived.
    ///
    /// # Errors
    ///
    /// None.
    pub fn next(&self) -> io::Result<Option<Arrival>> {
        // Reset before looking: who arrives in between sets it again.
        // SAFETY: an event that is never closed.
        unsafe { ResetEvent(self.0) };
        let arrived = ARRIVED.load(Ordering::SeqCst);
        let number = u8::try_from(arrived.trailing_zeros()).ok().and_then(|index| Signal::from_number(index + 1));
        let Some(signal) = number else { return Ok(None) };
        let rest = ARRIVED.fetch_and(!bit(signal), Ordering::SeqCst) & !bit(signal);
        if rest != 0 {
            // SAFETY: as above.
            unsafe { SetEvent(self.0) };
        }
        Ok(Some(Arrival { signal, by_kernel: true }))
    }
}

// SAFETY: the handle is a number of the whole process, and its event is never closed.
unsafe impl Send for SignalStream {}
// SAFETY: as above; all calls on an event may come from any thread.
unsafe impl Sync for SignalStream {}

fn bit(signal: Signal) -> u64 {
    1 << (signal.number() - 1)
}

/// Runs in a thread that the system starts for it.
unsafe extern "system" fn on_event(event: u32) -> BOOL {
    let (signal, is_last) = match event {
        CTRL_C_EVENT => (Signal::INT, false),
        CTRL_BREAK_EVENT => (Signal::TERM, false),
        CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT => (Signal::HUP, true),
        _ => return 0,
    };
    if WANTED.load(Ordering::SeqCst) & bit(signal) == 0 {
        return 0;
    }
    ARRIVED.fetch_or(bit(signal), Ordering::SeqCst);
    // SAFETY: an event that is never closed.
    unsafe { SetEvent(EVENT.load(Ordering::SeqCst)) };
    if is_last {
        // This process is ended when this comes back; and in any case a few seconds later.
        // SAFETY: no preconditions.
        unsafe { Sleep(INFINITE) };
    }
    1
}
