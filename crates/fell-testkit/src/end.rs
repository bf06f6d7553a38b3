//! Ends what is left of a tree, each process by an identity that its lock proves.

use crate::ledger::Ledger;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// A pidfd of the holder of a slot, or `None` if the holder is gone.
///
/// Proof of identity: a slot is only ever held by one process. The pidfd is opened first; if the slot is held
/// *after* that by the PID for which the pidfd was opened, the holder had this PID all the time.
pub(crate) fn pin(ledger: &Ledger, slot: u32, pid: i32) -> io::Result<Option<OwnedFd>> {
    let Some(number) = Pid::from_raw(pid) else {
        return Ok(None);
    };
    let pidfd = match rustix::process::pidfd_open(number, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(rustix::io::Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok((ledger.holder(slot)? == Some(pid)).then_some(pidfd))
}

/// Waits until a process is dead; `false` if time ran out first.
pub(crate) fn wait_dead(pidfd: impl AsFd, timeout: Duration) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
    let mut polled = [PollFd::new(&pidfd, PollFlags::IN)];
    match rustix::event::poll(&mut polled, Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits until nobody of the tree is alive; `false` if time ran out first.
pub(crate) fn wait_all(ledger: &Ledger, timeout: Duration) -> io::Result<bool> {
    let end = Instant::now() + timeout;
    while ledger.anyone_alive()? {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        match ledger.holders()?.first() {
            Some(&(slot, pid)) => match pin(ledger, slot, pid)? {
                Some(pidfd) => {
                    wait_dead(pidfd, left)?;
                }
                None => pause(Duration::from_millis(1)),
            },
            None => pause(Duration::from_millis(1)),
        }
    }
    Ok(true)
}

/// Gives way for the instants that have no event: between a fork and the child's lock, and between a lock's release and death.
pub(crate) fn pause(span: Duration) {
    let span = Timespec { tv_sec: 0, tv_nsec: i64::from(span.subsec_nanos()) };
    rustix::event::poll(&mut [], Some(&span)).ok();
}

/// Forbids further forks and kills whoever holds a slot until nobody does; `false` if some outlived `patience`.
///
/// Processes that are children of the caller are reaped, save the root: whoever spawned it waits for it.
///
/// # Errors
///
/// When the locks can't be read, or a process may not be signalled.
pub fn end_all(ledger: &Ledger, patience: Duration) -> io::Result<bool> {
    ledger.close();
    let end = Instant::now() + patience;
    while ledger.anyone_alive()? {
        if Instant::now() >= end {
            return Ok(false);
        }
        let mut killed = Vec::new();
        for (slot, pid) in ledger.holders()? {
            if let Some(pidfd) = pin(ledger, slot, pid)? {
                match rustix::process::pidfd_send_signal(&pidfd, Signal::KILL) {
                    Ok(()) | Err(rustix::io::Errno::SRCH) => killed.push((slot, pidfd)),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if killed.is_empty() {
            pause(Duration::from_millis(1));
        }
        for (slot, pidfd) in killed {
            let left = end.saturating_duration_since(Instant::now());
            if wait_dead(&pidfd, left)? && slot != 0 {
                // ECHILD: not ours, the usual case.
                rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
                    .ok();
            }
        }
    }
    Ok(true)
}
