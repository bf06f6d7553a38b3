//! Other users, namespaces and cgroups.

use crate::crew::Crew;
use crate::signals;
use fell_testkit::{NOBODY, Page};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

pub(crate) fn other_uid(crew: &'static Crew) {
    crew.must_fork("nobody", |crew| {
        // SAFETY: none of these touches memory of ours; the process has one thread.
        unsafe {
            crew.check(libc::setgroups(0, std::ptr::null()));
            crew.check(libc::setgid(NOBODY));
            crew.check(libc::setuid(NOBODY));
        }
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn pid_namespace(crew: &'static Crew, flags: i32) {
    crew.must_fork("outside", move |crew| {
        // SAFETY: the process has one thread and shares nothing.
        crew.check(unsafe { libc::unshare(flags) });
        crew.must_fork("inner init", |crew| {
            crew.must_fork("inner child", |crew| crew.settle());
            crew.settle();
        });
        crew.settle();
    });
    crew.settle();
}

pub(crate) fn pid_namespace_orphan(crew: &'static Crew) {
    let middle = crew.must_fork("outside", |crew| {
        // SAFETY: the process has one thread and shares nothing.
        crew.check(unsafe { libc::unshare(libc::CLONE_NEWPID) });
        let slot = crew.slot();
        // SAFETY: getpid touches no memory.
        let parent = unsafe { libc::getpid() };
        crew.must_fork("inner init", move |crew| {
            crew.outlive(slot, parent);
            crew.must_fork("inner child", |crew| crew.settle());
            crew.settle();
        });
    });
    super::daemons::reap(crew, middle);
    crew.settle();
}

fn enter(directory: &Path) -> io::Result<()> {
    fs::write(directory.join("cgroup.procs"), "0")
}

pub(crate) fn other_cgroup(crew: &'static Crew) {
    crew.must_fork("mover", |crew| {
        let mut results = crew.options.cgroups.iter().map(|directory| enter(directory)).collect::<Vec<_>>();
        if results.iter().any(Result::is_ok) {
            crew.settle();
        }
        match results.pop() {
            Some(Err(error)) => crew.fail(error),
            _ => crew.fail(io::Error::from_raw_os_error(libc::ENOENT)),
        }
    });
    crew.settle();
}

pub(crate) fn frozen(crew: &'static Crew) {
    // Only v2: what a v1 freezer holds can't be killed, not even by its own time limit.
    let Some(directory) = crew.options.cgroups.iter().find(|directory| directory.join("cgroup.freeze").exists()) else {
        crew.fail(io::Error::from_raw_os_error(libc::ENOENT));
    };
    crew.must_fork("frozen", |crew| {
        if let Err(error) = enter(directory) {
            crew.fail(error);
        }
        crew.settle();
    });
    crew.ledger.wait_until(Duration::from_secs(10), |page: &Page| page.ready() > 0 || page.failed() != 0, || false);
    if let Err(error) = freeze(directory) {
        crew.fail(error);
    }
    crew.settle();
}

fn freeze(directory: &Path) -> io::Result<()> {
    fs::write(directory.join("cgroup.freeze"), "1")?;
    while !fs::read_to_string(directory.join("cgroup.events"))?.contains("frozen 1") {
        signals::rest(Duration::from_millis(1));
    }
    Ok(())
}
