//! Trees that grow again.

use super::groups::new_session;
use crate::crew::{Birth, Crew};
use crate::signals;
use rustix::process::{Pid, PidfdFlags};
use std::os::fd::OwnedFd;

pub(crate) fn forks_on_term(crew: &'static Crew) {
    signals::hold_term();
    crew.ready();
    answer_terms(crew);
}

fn answer_terms(crew: &'static Crew) -> ! {
    loop {
        signals::wait_for_term();
        crew.fork("born on TERM", |crew| answer_terms(crew));
    }
}

pub(crate) fn heir_on_term(crew: &'static Crew) {
    signals::hold_term();
    crew.ready();
    signals::wait_for_term();
    crew.fork("heir", |crew| {
        new_session(crew);
        signals::ignore(libc::SIGTERM);
        signals::idle();
    });
}

/// Waits for the death of any child; `false` if there is none.
fn bury_one() -> bool {
    loop {
        // SAFETY: no status is asked for.
        let pid = unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
        if pid >= 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return pid > 0;
        }
    }
}

pub(crate) fn respawner(crew: &'static Crew) {
    crew.must_fork("child", |crew| crew.settle());
    crew.ready();
    while bury_one() && crew.fork("respawned", |_| signals::idle()).is_some() {}
    signals::idle();
}

pub(crate) fn mutual(crew: &'static Crew) {
    let starter = own_pid();
    let partner = crew.must_fork("partner", move |crew| {
        let parent = parent(starter);
        crew.ready();
        watch(crew, parent);
    });
    let partner = child(partner);
    crew.ready();
    watch(crew, partner);
}

fn own_pid() -> i32 {
    // SAFETY: getpid touches no memory.
    unsafe { libc::getpid() }
}

/// A handle of an own child that has not been reaped, so the number is still its.
fn child(pid: i32) -> Option<OwnedFd> {
    rustix::process::pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()
}

/// A handle of the parent; `None` if it is gone. Being its child *after* the handle was opened proves whose handle it is.
fn parent(pid: i32) -> Option<OwnedFd> {
    let handle = child(pid);
    // SAFETY: getppid touches no memory.
    handle.filter(|_| unsafe { libc::getppid() } == pid)
}

/// Starts the partner again whenever it dies. Whoever is started watches its starter.
fn watch(crew: &'static Crew, mut partner: Option<OwnedFd>) -> ! {
    loop {
        if let Some(partner) = &partner {
            let mut polled = [rustix::event::PollFd::new(partner, rustix::event::PollFlags::IN)];
            while rustix::event::poll(&mut polled, None).is_err() {}
        }
        let starter = own_pid();
        let born = crew.fork("partner again", move |crew| watch(crew, parent(starter)));
        match born {
            Some(pid) => partner = child(pid),
            None => signals::idle(),
        }
    }
}

pub(crate) fn bomb(crew: &'static Crew) {
    let limit = crew.slot() + crew.count();
    explode(crew, limit);
}

fn explode(crew: &'static Crew, limit: u32) {
    crew.ready();
    while crew.make(Birth::Fork, limit, "bomb", move |crew| explode(crew, limit)).is_some() {
        crew.rest();
    }
    while bury_one() && crew.fork("bomb", move |crew| explode(crew, limit)).is_some() {}
    signals::idle();
}
