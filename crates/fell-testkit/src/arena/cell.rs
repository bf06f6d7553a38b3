//! A PID namespace in which a game is played, so that the kernel ends whatever is left when its init does.

use super::record::Record;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, set_parent_process_death_signal};
use std::io::{self, PipeWriter, Read, Write};
use std::time::Duration;

/// Longer than any game takes.
const LIMIT: Duration = Duration::from_secs(120);

/// Whether this user may make one.
pub(crate) fn is_permitted() -> bool {
    rustix::process::geteuid().is_root()
}

/// Plays a game in a cell. Only for a process with one thread.
///
/// Three processes: one that enters the namespace's outside, its init, and the player. If any of the first two or the
/// caller dies, the init is killed, and with it all.
pub(crate) fn play(game: impl FnOnce() -> Record) -> io::Result<Record> {
    let (mut reader, writer) = io::pipe()?;
    // SAFETY: this process has one thread, so its child may do anything.
    let gate = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            drop(reader);
            leave(gate(writer, game))
        }
        pid => Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?,
    };
    drop(writer);
    // Not reaped yet, so the number is its.
    let pidfd = rustix::process::pidfd_open(gate, PidfdFlags::empty())?;
    let limit = Timespec { tv_sec: LIMIT.as_secs() as i64, tv_nsec: 0 };
    let mut polled = [PollFd::new(&pidfd, PollFlags::IN)];
    // The record is far smaller than a pipe, so nobody waits for its reader.
    if rustix::event::poll(&mut polled, Some(&limit))? == 0 {
        rustix::process::pidfd_send_signal(&pidfd, Signal::KILL)?;
    }
    rustix::process::waitpid(Some(gate), WaitOptions::empty())?;
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(|error| io::Error::other(format!("the cell said {text:?}: {error}")))
}

/// Forks the init into a fresh PID namespace and waits for it.
fn gate(writer: PipeWriter, game: impl FnOnce() -> Record) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // SAFETY: the process has one thread and shares nothing that another relies on.
    check(unsafe { libc::unshare(libc::CLONE_NEWPID | libc::CLONE_NEWNS) })?;
    // SAFETY: as above.
    match check(unsafe { libc::fork() })? {
        0 => leave(init(writer, game)),
        pid => {
            drop(writer);
            rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::empty())?;
            Ok(())
        }
    }
}

/// Forks the player and reaps until it has ended; the namespace ends with this process.
fn init(writer: PipeWriter, game: impl FnOnce() -> Record) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let nothing = std::ptr::null();
    // SAFETY: the strings are constants, and the rest is null. Private first: the new /proc must not be seen outside.
    unsafe {
        check(libc::mount(nothing, c"/".as_ptr(), nothing, libc::MS_REC | libc::MS_PRIVATE, nothing.cast()))?;
        check(libc::mount(c"proc".as_ptr(), c"/proc".as_ptr(), c"proc".as_ptr(), 0, nothing.cast()))?;
    }
    // SAFETY: the process has one thread.
    let player = match check(unsafe { libc::fork() })? {
        0 => leave(perform(writer, game)),
        pid => Pid::from_raw(pid),
    };
    drop(writer);
    while let Some((ended, _)) = rustix::process::wait(WaitOptions::empty())? {
        if Some(ended) == player {
            break;
        }
    }
    Ok(())
}

fn perform(mut writer: PipeWriter, game: impl FnOnce() -> Record) -> io::Result<()> {
    writer.write_all(serde_json::to_string(&game())?.as_bytes())
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Ends a forked copy of the caller without running anything of what it was forked from.
fn leave(done: io::Result<()>) -> ! {
    if let Err(error) = &done {
        eprintln!("fell-arena: cell: {error}");
    }
    // SAFETY: _exit ends the process and runs nothing of it.
    unsafe { libc::_exit(i32::from(done.is_err())) }
}
