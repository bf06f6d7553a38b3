//! Processes whose parents are gone.

use super::groups::new_session;
use crate::crew::Crew;
use crate::signals;
use std::io;
use std::os::unix::process::CommandExt;

/// Runs `body` in a process whose parents are gone, `generations` of them.
fn orphaned(crew: &'static Crew, generations: u32, body: fn(&'static Crew)) {
    let middle = crew.must_fork("middle", move |crew| descend(crew, generations - 1, body));
    reap(crew, middle);
}

fn descend(crew: &'static Crew, generations: u32, body: fn(&'static Crew)) {
    let slot = crew.slot();
    // SAFETY: getpid touches no memory.
    let parent = unsafe { libc::getpid() };
    if generations > 0 {
        crew.must_fork("middle", move |crew| {
            crew.outlive(slot, parent);
            descend(crew, generations - 1, body);
        });
    } else {
        crew.must_fork("orphan", move |crew| {
            crew.outlive(slot, parent);
            body(crew);
        });
    }
}

pub(crate) fn reap(crew: &Crew, child: i32) {
    let mut status = 0;
    // SAFETY: the status lives through the call.
    crew.check(unsafe { libc::waitpid(child, &raw mut status, 0) });
}

pub(crate) fn orphan(crew: &'static Crew, generations: u32) {
    orphaned(crew, generations, |crew| crew.settle());
    crew.settle();
}

/// Runs `body` in a daemon by the book.
pub(crate) fn daemonised(crew: &'static Crew, body: fn(&'static Crew)) {
    let middle = crew.must_fork("middle", move |crew| {
        new_session(crew);
        let slot = crew.slot();
        // SAFETY: getpid touches no memory.
        let parent = unsafe { libc::getpid() };
        crew.must_fork("daemon", move |crew| {
            crew.outlive(slot, parent);
            let detached = std::env::set_current_dir("/").and_then(|()| null_streams());
            if let Err(error) = detached {
                crew.fail(error);
            }
            body(crew);
        });
    });
    reap(crew, middle);
}

fn null_streams() -> io::Result<()> {
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

pub(crate) fn full(crew: &'static Crew) {
    daemonised(crew, |crew| crew.settle());
    crew.settle();
}

pub(crate) fn disguise(crew: &'static Crew) {
    daemonised(crew, |crew| {
        crew.become_part("disguised", |command| {
            command.env_clear().arg0("[kworker/u9:1-events]");
        })
    });
    crew.settle();
}

/// What the disguised daemon is after its exec.
pub(crate) fn disguised(crew: &'static Crew) {
    super::names::rename(crew, c"kworker/u9:1-ev");
    crew.settle();
}

pub(crate) fn lone(crew: &'static Crew) {
    daemonised(crew, |crew| {
        signals::ignore(libc::SIGTERM);
        crew.settle();
    });
}

pub(crate) fn parent_exits(crew: &'static Crew) {
    let slot = crew.slot();
    // SAFETY: getpid touches no memory.
    let parent = unsafe { libc::getpid() };
    crew.must_fork("left behind", move |crew| {
        crew.outlive(slot, parent);
        crew.settle();
    });
}
