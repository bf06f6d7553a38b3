//! What a victim does with signals.

use fell_testkit::Record;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use std::time::Duration;

/// The record of this process, for signal handlers.
static MINE: AtomicPtr<Record> = AtomicPtr::new(std::ptr::null_mut());

pub(crate) fn set_record(record: &'static Record) {
    MINE.store(std::ptr::from_ref(record).cast_mut(), SeqCst);
}

/// Every signal that a process may choose about; SIGALRM stays what the deadline made it.
fn optional() -> impl Iterator<Item = i32> {
    let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];
    (1..=31).filter(move |signal| {
        ![libc::SIGKILL, libc::SIGSTOP, libc::SIGALRM, libc::SIGXCPU].contains(signal) && !faults.contains(signal)
    })
}

pub(crate) fn ignore(signal: i32) {
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

pub(crate) fn ignore_all() {
    optional().for_each(ignore);
    // Its parent would lose its zombies.
    // SAFETY: the default disposition runs no code.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

pub(crate) fn count_all() {
    for signal in optional() {
        // SAFETY: the handler touches nothing but atomics.
        unsafe { libc::signal(signal, count as *const () as libc::sighandler_t) };
    }
}

extern "C" fn count(signal: libc::c_int) {
    // SAFETY: the pointer is null or came from a `&'static Record`.
    if let Some(record) = unsafe { MINE.load(SeqCst).as_ref() } {
        record.count_signal(signal);
    }
}

fn set(signals: impl Iterator<Item = i32>) -> libc::sigset_t {
    // SAFETY: a zeroed set is valid to be emptied, and all numbers are signals.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        set
    }
}

fn block(set: &libc::sigset_t) {
    // SAFETY: the set is initialised.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, set, std::ptr::null_mut()) };
}

pub(crate) fn block_all() {
    block(&set(optional()));
}

/// Blocks TERM so that [`wait_for_term`] can take it.
pub(crate) fn hold_term() {
    block(&set(std::iter::once(libc::SIGTERM)));
}

/// Blocks until TERM comes.
pub(crate) fn wait_for_term() {
    let term = set(std::iter::once(libc::SIGTERM));
    // SAFETY: the set is initialised, and no information is asked for.
    while unsafe { libc::sigwaitinfo(&raw const term, std::ptr::null_mut()) } != libc::SIGTERM {}
}

/// Stops the calling process.
pub(crate) fn stop() {
    // SAFETY: raise touches no memory.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Stops the calling process again whenever it is continued.
pub(crate) fn stop_when_continued() {
    extern "C" fn again(_: libc::c_int) {
        stop();
    }
    // SAFETY: the handler does nothing but raise, which is async-signal-safe.
    unsafe { libc::signal(libc::SIGCONT, again as *const () as libc::sighandler_t) };
}

/// Waits for signals without end.
pub(crate) fn idle() -> ! {
    loop {
        // SAFETY: pause touches no memory.
        unsafe { libc::pause() };
    }
}

/// Rests; ends early when a signal handler has run.
pub(crate) fn rest(span: Duration) {
    let span = libc::timespec { tv_sec: span.as_secs() as _, tv_nsec: span.subsec_nanos() as _ };
    // SAFETY: no descriptors, and a timeout that lives through the call.
    unsafe { libc::ppoll(std::ptr::null_mut(), 0, &raw const span, std::ptr::null()) };
}
