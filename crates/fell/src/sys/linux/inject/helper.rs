//! The process that traces: forked for one stop, and gone after it.

use super::hold::{End, Hold};
use super::ptrace::expect_child_signals;
use super::verdict;
use crate::sys::inject::Verdict;
use crate::sys::linux::clock::{since_boot, timespec};
use crate::sys::linux::mask::SignalMask;
use crate::sys::linux::raw::{close_others, errno, exit};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use std::io;
use std::time::Duration;

/// Longer than all waits of a hold together, unless the helper itself is stopped. Then it is killed, and what it holds goes on.
const LIMIT: Duration = Duration::from_secs(10);

/// Does what is to be done in one stop, and gives a verdict on each child that it came to.
pub(super) fn run(hold: &Hold<'_>) -> io::Result<(Vec<Verdict>, End)> {
    let (near, far) = pipe_with(PipeFlags::CLOEXEC)?;
    let former = SignalMask::block_all();
    // No signal tells of its end, so that nobody here who waits for any child gets to see it. Without CLONE_VM it goes on
    // here on a copy, as after fork; the C library's fork handlers don't run, which matter to its locks alone.
    // SAFETY: the child runs `serve` only, which keeps to what is allowed after a fork, and never returns.
    let child = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    if child == 0 {
        serve(hold, &far);
    }
    let failure = errno();
    former.restore();
    drop(far);
    let Some(child) = i32::try_from(child).ok().and_then(Pid::from_raw).filter(|child| child.as_raw_pid() > 0) else {
        return Err(io::Error::from_raw_os_error(failure));
    };
    // Not collected yet, so the number is its own.
    let handle = pidfd_open(child, PidfdFlags::empty())?;
    let told = listen(hold, &near);
    if told.1.is_none() && pidfd_send_signal(&handle, Signal::KILL).is_err() {
        // It has ended by itself.
    }
    let any_kind = WaitIdOptions::from_bits_retain(libc::__WALL.unsigned_abs());
    while matches!(waitid(WaitId::Pid(child), WaitIdOptions::EXITED | any_kind), Err(Errno::INTR)) {}
    let (verdicts, end) = told;
    Ok((verdicts, end.unwrap_or(End::Lost)))
}

/// What the child does.
fn serve(hold: &Hold<'_>, far: &OwnedFd) -> ! {
    // Fails for a group leader only, which a process is not that was just forked.
    rustix::process::setsid().ok();
    close_others([far.as_raw_fd(), -1, -1, -1]);
    expect_child_signals();
    let tell = |kind: i32, value: i64| {
        let mut record = [0_u8; RECORD];
        record[..4].copy_from_slice(&kind.to_ne_bytes());
        record[4..].copy_from_slice(&value.to_ne_bytes());
        // Who asked is gone: what was begun is brought to its end all the same.
        rustix::io::write(far, &record).ok();
    };
    let end = hold.run(|result| tell(RESULT, result));
    let (kind, value) = encode(end);
    tell(kind, value);
    exit(0);
}

/// Reads what the child tells, until its end or the limit.
fn listen(hold: &Hold<'_>, near: &OwnedFd) -> (Vec<Verdict>, Option<End>) {
    let deadline = since_boot().saturating_add(LIMIT);
    let mut verdicts = Vec::new();
    loop {
        let left = deadline.saturating_sub(since_boot());
        match poll(&mut [PollFd::new(near, PollFlags::IN)], Some(&timespec(left))) {
            Ok(1..) => {}
            Err(Errno::INTR) if !left.is_zero() => continue,
            Ok(0) | Err(_) => return (verdicts, None),
        }
        let mut record = [0_u8; RECORD];
        match rustix::io::read(near, &mut record) {
            Ok(RECORD) => {}
            Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => return (verdicts, None),
        }
        let [a, b, c, d, value @ ..] = record;
        let (kind, value) = (i32::from_ne_bytes([a, b, c, d]), i64::from_ne_bytes(value));
        if kind != RESULT {
            return (verdicts, Some(decode(kind, value)));
        }
        let child = hold.tasks.get(verdicts.len()).and_then(|task| task.inner);
        verdicts.push(child.map_or(Verdict::NoChild, |child| verdict(child, value)));
    }
}

/// The bytes of one message: a kind and a value.
const RECORD: usize = 12;
/// A result of the call; every other kind is an end.
const RESULT: i32 = 0;
const FAILED: i32 = 100;
const ENDS: [End; 9] = [
    End::Done,
    End::Signalled,
    End::Changed,
    End::Critical,
    End::NotStopped,
    End::Gone,
    End::Denied,
    End::Foreign,
    End::Dispatched,
];

fn encode(end: End) -> (i32, i64) {
    if let End::Failed(errno) = end {
        return (FAILED, errno.raw_os_error().into());
    }
    let place = ENDS.iter().position(|known| *known == end).and_then(|place| i32::try_from(place).ok());
    (1 + place.unwrap_or(0), 0)
}

fn decode(kind: i32, value: i64) -> End {
    if kind == FAILED {
        return End::Failed(Errno::from_raw_os_error(i32::try_from(value).unwrap_or(libc::EIO)));
    }
    usize::try_from(kind - 1).ok().and_then(|place| ENDS.get(place)).copied().unwrap_or(End::Lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_as_they_are() {
        for end in ENDS.into_iter().chain([End::Failed(Errno::NOMEM)]) {
            let (kind, value) = encode(end);
            assert!(kind != RESULT);
            assert_eq!(decode(kind, value), end);
        }
        assert_eq!(decode(77, 0), End::Lost);
    }
}
