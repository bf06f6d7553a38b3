//! System calls for a process that was just forked: no allocation, no lock, async-signal-safe.

use super::clock::timespec;
use super::path::PathBuffer;
use crate::sys::parse;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsRawFd as _, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::WaitOptions;
use std::mem::MaybeUninit;
use std::time::Duration;

/// Calls `visit` with every child of every thread. `false` if the lists can't be read at all.
pub(super) fn for_each_child(pid: i32, buffer: &mut [u8; 1 << 14], mut visit: impl FnMut(i32)) -> bool {
    let mut path = PathBuffer::new();
    path.push(b"/proc/").number(pid).push(b"/task");
    let Ok(dir) =
        rustix::fs::open(path.as_c_str(), OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    else {
        return false;
    };
    let mut entries = [MaybeUninit::<u8>::uninit(); 2048];
    let mut threads = rustix::fs::RawDir::new(&dir, &mut entries);
    let mut is_readable = false;
    while let Some(Ok(entry)) = threads.next() {
        let name = entry.file_name().to_bytes();
        if name.first().is_some_and(u8::is_ascii_digit) {
            let mut path = PathBuffer::new();
            path.push(name).push(b"/children");
            if let Ok(file) = rustix::fs::openat(&dir, path.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            {
                is_readable = true;
                each_number(&file, buffer, &mut visit);
            }
        }
    }
    is_readable
}

/// Reads blank-separated numbers; the last one of a full buffer may be cut and is carried over.
pub(super) fn each_number(file: &OwnedFd, buffer: &mut [u8; 1 << 14], visit: &mut impl FnMut(i32)) {
    let mut filled = 0;
    loop {
        let read = match rustix::io::read(file, &mut buffer[filled..]) {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        filled += read;
        let complete = buffer[..filled].iter().rposition(|byte| *byte == b' ').map_or(0, |at| at + 1);
        for word in buffer[..complete].split(|byte| *byte == b' ') {
            visit_number(word, visit);
        }
        buffer.copy_within(complete..filled, 0);
        filled -= complete;
    }
    visit_number(&buffer[..filled], visit);
}

pub(super) fn visit_number(word: &[u8], visit: &mut impl FnMut(i32)) {
    if let Some(pid) = std::str::from_utf8(word).ok().and_then(|word| word.trim().parse().ok()) {
        visit(pid);
    }
}

pub(super) fn read_stat<T>(pid: i32, then: impl FnOnce(&parse::Stat<'_>) -> T) -> Option<T> {
    let mut path = PathBuffer::new();
    path.push(b"/proc/").number(pid).push(b"/stat");
    let file = rustix::fs::open(path.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut buffer = [0_u8; 1024];
    let read = rustix::io::read(&file, &mut buffer).ok()?;
    parse::stat(&buffer[..read]).ok().map(|stat| then(&stat))
}

pub(super) fn parent_of(pid: i32) -> Option<i32> {
    read_stat(pid, |stat| stat.parent.map(crate::pid::Pid::as_raw)).flatten()
}

pub(super) fn is_stopped(pid: i32) -> bool {
    use crate::info::State;
    // Without /proc there is no telling, and a clock that nobody watches is worse than a second TERM.
    read_stat(pid, |stat| matches!(stat.state, State::Stopped | State::Traced)).unwrap_or(true)
}

/// Whether this is a child of ours that has not ended.
pub(super) fn is_own_child(pid: i32) -> bool {
    // SAFETY: `siginfo_t` is plain data, for which zero bytes are valid; WNOWAIT leaves the child uncollected.
    unsafe {
        let mut status: libc::siginfo_t = std::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        libc::waitid(libc::P_PID, pid.cast_unsigned(), &raw mut status, options) == 0 && status.si_pid() == 0
    }
}

/// Whether this child of ours was seen to have ended; it stays uncollected.
pub(super) fn has_child_ended(child: i32) -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let Some(child) = rustix::process::Pid::from_raw(child) else { return false };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(child), options) {
        Ok(ended) => ended.is_some(),
        Err(error) => error == Errno::CHILD,
    }
}

/// Collects one child that has ended: its PID and its status in `wait(2)`'s encoding.
pub(super) fn wait_child() -> Result<Option<(i32, i32)>, Errno> {
    let ended = loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Err(Errno::INTR) => {}
            ended => break ended?,
        }
    };
    Ok(ended.map(|(pid, status)| (pid.as_raw_pid(), status.as_raw())))
}

/// Collects this child, which has ended.
pub(super) fn collect(child: i32) {
    let child = rustix::process::Pid::from_raw(child);
    while matches!(rustix::process::waitpid(child, WaitOptions::empty()), Err(Errno::INTR)) {}
}

pub(super) fn peek_child() -> Result<(), Errno> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    loop {
        match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT) {
            Err(Errno::INTR) => {}
            ended => return ended.map(|_| ()),
        }
    }
}

pub(super) fn is_readable(fd: RawFd) -> bool {
    // SAFETY: the caller holds it open.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    poll(&mut fds, Some(&timespec(Duration::ZERO))).is_ok_and(|ready| ready > 0)
}

pub(super) fn drain(signals: &OwnedFd) {
    let mut buffer = [0_u8; 128 * 8];
    while rustix::io::read(signals, &mut buffer).is_ok_and(|read| read == buffer.len()) {}
}

pub(super) fn close(fd: RawFd) {
    if fd >= 0 {
        // SAFETY: a descriptor of the sweep's own table, which forgets it now.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
}

/// Closes every descriptor but these: the guardian must not hold the command's pipes open.
pub(super) fn close_others(mut kept: [RawFd; 4]) {
    kept.sort_unstable();
    let mut from: u32 = 0;
    for fd in kept {
        if let Ok(fd) = u32::try_from(fd) {
            if fd > from {
                close_range(from, fd - 1);
            }
            from = from.max(fd + 1);
        }
    }
    close_range(from, u32::MAX);
}

pub(super) fn close_range(first: u32, last: u32) {
    // SAFETY: nobody uses these descriptors any more in this process: it only runs the guard's loop.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    // Before Linux 5.9; then by what `/proc` lists, or else by numbers, up to a limit that is rarely raised further.
    if result < 0 && !close_listed(first, last) {
        for fd in first..=last.min(65_535) {
            // SAFETY: as above.
            unsafe { libc::close(fd.cast_signed()) };
        }
    }
}

/// Closes those of these descriptors that `/proc` lists; `false` if it can't be read.
pub(super) fn close_listed(first: u32, last: u32) -> bool {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(dir) = rustix::fs::open(c"/proc/self/fd", flags, Mode::empty()) else { return false };
    let own = dir.as_raw_fd();
    let mut entries = [MaybeUninit::<u8>::uninit(); 2048];
    // The listing goes by numbers: closing what was listed leaves nobody out.
    let mut listed = rustix::fs::RawDir::new(&dir, &mut entries);
    while let Some(entry) = listed.next() {
        let Ok(entry) = entry else { return false };
        visit_number(entry.file_name().to_bytes(), &mut |fd| {
            if fd != own && u32::try_from(fd).is_ok_and(|fd| (first..=last).contains(&fd)) {
                // SAFETY: as in `close_range`, and the listing's own descriptor is left to it.
                unsafe { libc::close(fd) };
            }
        });
    }
    true
}

/// Waits a millisecond, on nothing.
pub(super) fn pause(nothing: &[PollFd<'_>; 0]) {
    let mut nothing = nothing.clone();
    if poll(&mut nothing, Some(&timespec(Duration::from_millis(1)))).is_err() {
        // Then the loop turns at once, which is harmless.
    }
}

pub(super) fn errno() -> i32 {
    // SAFETY: this thread's own errno.
    unsafe { *libc::__errno_location() }
}

/// Ends this process without running anything of the program that it was forked from.
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: `_exit` runs no handlers.
    unsafe { libc::_exit(status) }
}
