//! The end of every victim, whatever its trick.
//!
//! Two timers, because each has a hole that the other closes:
//! - `setitimer` outlives exec, but its SIGALRM does not end a stopped process, a traced one whose tracer swallows it, or the init of a PID
//!   namespace as long as it is not caught;
//! - a POSIX timer that sends SIGKILL ends stopped and traced ones, but exec deletes it.
//!
//! Neither is inherited over fork, so [`crate::crew::Crew`] arms both in each child before anything else. CPU time is bounded as a third line.

use fell_testkit::HARD_LIMIT;
use std::time::Duration;

/// More processor time than any trick needs.
const CPU_SECONDS: u64 = 30;

/// How much later the second timer fires.
const SECOND: u64 = 20_000_000;

/// A point in time on the monotonic clock, in nanoseconds; never further away than the hard limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(u64);

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self(now() + limit.min(HARD_LIMIT).as_nanos() as u64)
    }

    pub(crate) fn at(nanoseconds: u64) -> Self {
        Self(nanoseconds.min(Self::after(HARD_LIMIT).0))
    }

    pub(crate) fn nanoseconds(self) -> u64 {
        self.0
    }

    /// Arms the timers of the calling process; does not return if time is up.
    pub(crate) fn arm(self) {
        let left = self.0.saturating_sub(now());
        if left == 0 {
            // SAFETY: _exit ends the process and runs nothing of it.
            unsafe { libc::_exit(128 + libc::SIGALRM) };
        }
        // SAFETY: all pointers are to locals that live through the calls; zeroed C structures are valid.
        unsafe {
            let init = libc::getpid() == 1;
            let action = if init { expire as *const () as libc::sighandler_t } else { libc::SIG_DFL };
            libc::signal(libc::SIGALRM, action);
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGALRM);
            libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());

            let mut alarm: libc::itimerval = std::mem::zeroed();
            alarm.it_value.tv_sec = (left / 1_000_000_000) as _;
            alarm.it_value.tv_usec = (left % 1_000_000_000 / 1000).max(1) as _;
            let armed = libc::setitimer(libc::ITIMER_REAL, &raw const alarm, std::ptr::null_mut()) == 0;

            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = libc::SIGKILL;
            let mut timer: libc::timer_t = std::mem::zeroed();
            let mut kill: libc::itimerspec = std::mem::zeroed();
            let end = self.0 + SECOND;
            kill.it_value.tv_sec = (end / 1_000_000_000) as _;
            kill.it_value.tv_nsec = (end % 1_000_000_000) as _;
            let doomed = libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) == 0
                && libc::timer_settime(timer, libc::TIMER_ABSTIME, &raw const kill, std::ptr::null_mut()) == 0;

            let mut cpu: libc::rlimit = std::mem::zeroed();
            let bounded = libc::getrlimit(libc::RLIMIT_CPU, &raw mut cpu) == 0 && {
                cpu.rlim_cur = cpu.rlim_cur.min(CPU_SECONDS);
                cpu.rlim_max = cpu.rlim_max.min(CPU_SECONDS);
                libc::setrlimit(libc::RLIMIT_CPU, &raw const cpu) == 0
            };
            if !(armed && doomed && bounded) {
                libc::_exit(70);
            }
        }
    }
}

extern "C" fn expire(_: libc::c_int) {
    // SAFETY: _exit is async-signal-safe.
    unsafe { libc::_exit(128 + libc::SIGALRM) }
}

fn now() -> u64 {
    // SAFETY: zeroes are a valid timespec, and the call fills it.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time);
        time
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
