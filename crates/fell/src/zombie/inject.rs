//! Making a negligent parent collect its dead by a call that it did not think of.

use super::Reaping;
use crate::id::{ProcessId, Sameness};
use crate::pin::{PinError, Pinned};
use crate::sys::inject::{InjectError, Verdict, Wanted, collect_within, is_system_init};
use crate::sys::{Host, Machine, ReadError};
use std::io;

/// Makes a parent collect these zombies of its own. One result each, in the same order.
///
/// One thread of the parent is stopped by ptrace, calls `wait4` for each of them, without wanting to know the status, and goes
/// on where it was: same registers, same signal mask, the same call, which is begun again by the kernel as after any
/// stop. It stands still meanwhile, for at most 64 zombies at a time. A few calls are never begun again and give
/// `EINTR`: `epoll_wait`, `sigtimedwait`, `semop`, `semtimedop`, `io_getevents`, `io_uring_enter`, and calls on sockets with
/// `SO_RCVTIMEO` or `SO_SNDTIMEO`. A thread that is in none of the first six is chosen where there is one.
///
/// **The parent never learns how these children ended.** Its own wait for one of them fails with `ECHILD`, which programs take
/// for different things: Python's `Popen.poll()` then gives 0 for a child that had failed. Do this to a parent that does not
/// wait for them, and after [`nudge`](super::nudge) has not helped.
///
/// The caller may be killed at any moment: the parent then goes on by itself. What may stay then is one changed page of its
/// code, in bytes that nothing executes. Ctrl-Z does not reach the tracer, which is a process of its own for the time of
/// the call, in a session of its own.
///
/// Linux on x86-64; the caller needs the right to trace the parent: the same user, where Yama does not restrict it, or
/// `CAP_SYS_PTRACE`.
///
/// # Errors
///
/// Why nothing was done to the parent. Once it has been begun, what did not work is a [`Reaping`].
pub fn inject(parent: &ProcessId, zombies: &[ProcessId]) -> Result<Vec<Reaping>, InjectError> {
    let machine = Host::new();
    let pinned = match Pinned::on(&machine, parent) {
        Ok(pinned) => pinned,
        Err(PinError::Gone) => return Err(InjectError::Gone),
        Err(PinError::Failed(error)) => return Err(InjectError::Failed(error)),
    };
    let parent = pinned.pid();
    if parent == machine.own() {
        return Err(InjectError::Own);
    }
    if is_system_init(parent) {
        return Err(InjectError::Init);
    }
    if pinned.info().kernel_thread {
        return Err(InjectError::KernelThread);
    }
    if pinned.has_ended() {
        return Err(InjectError::Gone);
    }
    let Some(start) = pinned.info().id.birth.start else { return Err(InjectError::Unsupported) };
    let rows: Vec<Result<Wanted, Reaping>> = zombies.iter().map(|zombie| wanted(&machine, zombie, &pinned)).collect();
    let list: Vec<Wanted> = rows.iter().filter_map(|row| row.as_ref().ok().copied()).collect();
    if list.is_empty() {
        return Ok(rows.into_iter().filter_map(Result::err).collect());
    }
    let mut verdicts = collect_within(parent, start, &list)?.into_iter();
    let judged = rows.into_iter().map(|row| match row {
        Err(reaping) => reaping,
        Ok(Wanted { pid, start }) => match verdicts.next() {
            Some(Verdict::Collected) => Reaping::Injected { parent },
            Some(Verdict::NoChild) => match machine.read(pid) {
                Ok(row) if row.id.birth.start == Some(start) => Reaping::NotOurs { parent: row.parent },
                _ => Reaping::AlreadyGone,
            },
            Some(Verdict::Alive) => Reaping::NotAZombie,
            Some(Verdict::Failed(error)) => Reaping::Failed(error),
            Some(Verdict::NotTried) | None => Reaping::Failed(io::Error::other("its parent had other things to do")),
        },
    });
    Ok(judged.collect())
}

/// The zombie, if it is one, and of this parent; verified again while the parent is held.
fn wanted(machine: &Host, zombie: &ProcessId, parent: &Pinned) -> Result<Wanted, Reaping> {
    match machine.read(zombie.pid) {
        Ok(row) if row.id.compare(zombie) == Sameness::Different => Err(Reaping::AlreadyGone),
        Ok(row) if row.parent != Some(parent.pid()) => Err(Reaping::NotOurs { parent: row.parent }),
        Ok(row) if row.state != crate::info::State::Zombie => Err(Reaping::NotAZombie),
        Ok(row) => match row.id.birth.start {
            Some(start) => Ok(Wanted { pid: row.pid(), start }),
            None => Err(Reaping::Failed(io::ErrorKind::Unsupported.into())),
        },
        Err(ReadError::Gone) => Err(Reaping::AlreadyGone),
        Err(ReadError::Failed(error)) => Err(Reaping::Failed(error)),
        Err(ReadError::Unsupported) => Err(Reaping::Failed(io::ErrorKind::Unsupported.into())),
    }
}
