//! Processes that don't do what a signal says.

use crate::crew::Crew;
use crate::signals;

pub(crate) fn ignore_term(crew: &'static Crew) {
    signals::ignore(libc::SIGTERM);
    crew.must_fork("child", |crew| crew.settle());
    crew.settle();
}

pub(crate) fn ignore_all(crew: &'static Crew) {
    signals::ignore_all();
    crew.must_fork("child", |crew| crew.settle());
    crew.settle();
}

pub(crate) fn block_all(crew: &'static Crew) {
    signals::block_all();
    crew.must_fork("child", |crew| crew.settle());
    crew.settle();
}

/// Reports a child ready once it has stopped.
pub(crate) fn when_stopped(crew: &Crew, child: i32) {
    let mut status = 0;
    // SAFETY: the status lives through the call.
    crew.check(unsafe { libc::waitpid(child, &raw mut status, libc::WUNTRACED) });
    crew.ready();
}

pub(crate) fn stopped(crew: &'static Crew) {
    let child = crew.must_fork("stopped", |_| {
        signals::stop();
        signals::idle();
    });
    when_stopped(crew, child);
    crew.settle();
}

pub(crate) fn stop_then_ignore(crew: &'static Crew) {
    let child = crew.must_fork("stopped", |_| {
        signals::ignore(libc::SIGTERM);
        signals::stop();
        signals::idle();
    });
    when_stopped(crew, child);
    crew.settle();
}

pub(crate) fn member_ignores(crew: &'static Crew) {
    crew.must_fork("member", |crew| {
        signals::ignore(libc::SIGTERM);
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn spinners(crew: &'static Crew) {
    for _ in 0..2 {
        crew.must_fork("spinner", |crew| {
            signals::ignore(libc::SIGTERM);
            crew.ready();
            loop {
                std::hint::spin_loop();
            }
        });
    }
    crew.settle();
}

pub(crate) fn bystander(crew: &'static Crew) {
    crew.ledger.record(crew.slot()).describe("innocent root", crew.slot());
    signals::set_record(crew.ledger.record(crew.slot()));
    signals::count_all();
    crew.must_fork("innocent child", |crew| {
        crew.must_fork("innocent grandchild", |crew| crew.settle());
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn restopper(crew: &'static Crew) {
    let child = crew.must_fork("restopper", |_| {
        signals::ignore(libc::SIGTERM);
        signals::stop_when_continued();
        signals::stop();
        signals::idle();
    });
    when_stopped(crew, child);
    crew.settle();
}
