//! Processes that leave their group or session.

use crate::crew::Crew;

pub(crate) fn own_group(crew: &'static Crew) {
    crew.must_fork("leaver", |crew| {
        // SAFETY: setpgid touches no memory.
        crew.check(unsafe { libc::setpgid(0, 0) });
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn new_session(crew: &Crew) {
    // SAFETY: setsid touches no memory.
    crew.check(unsafe { libc::setsid() });
}

pub(crate) fn own_session(crew: &'static Crew) {
    crew.must_fork("leaver", |crew| {
        new_session(crew);
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn callers_group(crew: &'static Crew) {
    // SAFETY: neither call touches memory.
    let group = unsafe { libc::getpgid(libc::getppid()) };
    crew.must_fork("intruder", move |crew| {
        // Refused in another session; then it stays where it is.
        // SAFETY: setpgid touches no memory.
        unsafe { libc::setpgid(0, group) };
        crew.settle();
    });
    crew.settle();
}
