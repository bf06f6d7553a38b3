//! Unusual relations between parent and child.

use super::daemons::reap;
use super::groups::new_session;
use crate::crew::{Birth, Crew};
use crate::signals;
use fell_testkit::MOST_FORKS;
use std::io;

pub(crate) fn zombies(crew: &'static Crew) {
    for _ in 0..crew.count() {
        let child = crew.must_fork("zombie", |_| {});
        // SAFETY: zeroes are a valid siginfo, and the call fills it.
        crew.check(unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, child.unsigned_abs(), &raw mut info, libc::WEXITED | libc::WNOWAIT)
        });
    }
    crew.settle();
}

pub(crate) fn vfork_wait(crew: &'static Crew) {
    crew.must_fork("blocked in vfork", |crew| {
        crew.make(Birth::Vfork, MOST_FORKS, "vfork child", |crew| crew.settle());
    });
    crew.settle();
}

pub(crate) fn ptraced(crew: &'static Crew) {
    let traced = crew.must_fork("traced", |crew| {
        // Lets a sibling trace us under Yama; EINVAL without it.
        // SAFETY: sets a flag of the process.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
        crew.settle();
    });
    crew.must_fork("tracer", move |crew| {
        // SAFETY: seizing touches no memory of ours.
        if unsafe { libc::ptrace(libc::PTRACE_SEIZE, traced, 0, 0) } < 0 {
            crew.fail(io::Error::last_os_error());
        }
        crew.ready();
        let mut status = 0;
        loop {
            // SAFETY: the status lives through the call.
            let waited = unsafe { libc::waitpid(traced, &raw mut status, libc::__WALL) };
            if waited == traced && libc::WIFSTOPPED(status) {
                // SAFETY: continues the tracee, with no signal.
                unsafe { libc::ptrace(libc::PTRACE_CONT, traced, 0, 0) };
            } else if waited < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                signals::idle();
            }
        }
    });
    crew.settle();
}

pub(crate) fn subreaper(crew: &'static Crew) {
    crew.must_fork("subreaper", |crew| {
        // SAFETY: sets a flag of the process.
        crew.check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) });
        let middle = crew.must_fork("middle", |crew| {
            let slot = crew.slot();
            // SAFETY: getpid touches no memory.
            let parent = unsafe { libc::getpid() };
            crew.must_fork("orphan", move |crew| {
                crew.outlive(slot, parent);
                crew.settle();
            });
        });
        reap(crew, middle);
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn sibling(crew: &'static Crew) {
    if crew.make(Birth::Sibling, MOST_FORKS, "own sibling", |crew| crew.settle()).is_none() {
        crew.fail(io::Error::last_os_error());
    }
    crew.settle();
}

pub(crate) fn cleared_pdeathsig(crew: &'static Crew) {
    crew.must_fork("unbound", |crew| {
        // SAFETY: both calls set a number of the process.
        unsafe {
            crew.check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL));
            crew.check(libc::prctl(libc::PR_SET_PDEATHSIG, 0));
        }
        new_session(crew);
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn sigchld_ignored(crew: &'static Crew) {
    crew.must_fork("auto-reaper", |crew| {
        signals::ignore(libc::SIGCHLD);
        for _ in 0..crew.count() {
            crew.must_fork("child", |crew| crew.settle());
        }
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn undumpable(crew: &'static Crew) {
    crew.must_fork("undumpable", |crew| {
        // SAFETY: sets a flag of the process.
        crew.check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) });
        crew.settle();
    });
    crew.settle();
}
