//! Making another process collect its own dead children, by a system call that it did not think of.
//!
//! One thread of it is stopped by ptrace, and goes on in a few instructions of ours ([`stub`]): `wait4` for the zombie, then
//! everything back as it was. They lie in the unused rest of a page of code ([`room`]). The state in which the thread
//! leaves the instructions is part of them, so **the tracer may be killed at any moment**: the kernel lets
//! the thread go on, and whatever it has been given by then leads it back by itself. The order of steps in [`hold`] keeps
//! that true; each step is one system call of the tracer, which a kill does not cut in halves.
//!
//! The tracer is a process of its own ([`helper`]), in a session of its own with all signals blocked: a Ctrl-Z that stops
//! the caller must not leave the other process stopped.
//!
//! `PTRACE_O_EXITKILL` is never set.

mod helper;
mod hold;
mod ptrace;
mod room;
mod stub;
#[cfg(test)]
mod tests;
mod thread;

use super::proc::{Files, line, proc_path};
use crate::pid::Pid;
use crate::sys::inject::{InjectError, Verdict, Wanted};
use crate::sys::parse;
use hold::{End, Hold, Task};
use rustix::io::Errno;
use std::io;

/// At most so many are collected while a thread is held, which does not run meanwhile.
const BATCH: usize = 64;
/// How often in a row a thread is stopped at most that turned out to be where nothing may be disturbed, or had signals to take.
const ATTEMPTS: usize = 20;

/// Makes a process collect these children of its own, which have ended. One verdict each, in the same order.
///
/// `start` is the process's start time in clock ticks.
pub(crate) fn collect_within(parent: Pid, start: u64, wanted: &[Wanted]) -> Result<Vec<Verdict>, InjectError> {
    let files = Files::default();
    let mut verdicts: Vec<Verdict> = wanted.iter().map(|_| Verdict::NotTried).collect();
    let mut tasks = Vec::new();
    let level = namespace_level(&files, parent)?;
    for Wanted { pid, start } in wanted {
        tasks.push(Task { pid: *pid, start: *start, inner: inner_pid(&files, *pid, level) });
    }
    let mut excluded = Vec::new();
    let mut position = 0;
    let mut attempts = 0;
    while position < tasks.len() && attempts < ATTEMPTS {
        let batch = tasks.get(position..tasks.len().min(position + BATCH)).unwrap_or_default();
        let held = hold(&files, parent, start, batch, &excluded);
        let (thread, results, end) = match held {
            Ok(held) => held,
            // What was collected is collected.
            Err(_) if position > 0 => break,
            Err(error) => return Err(error),
        };
        let progress = results.len();
        for (verdict, result) in verdicts.iter_mut().skip(position).zip(results) {
            *verdict = result;
        }
        position += progress;
        attempts = if progress > 0 { 0 } else { attempts + 1 };
        match end {
            End::Done | End::Signalled | End::Changed | End::Critical => {}
            End::NotStopped => excluded.push(thread),
            // Another thread is tried; without any, there is none to choose.
            End::Gone => {}
            End::Lost => break,
            _ if position > 0 => break,
            End::Denied => return Err(InjectError::Denied(yama())),
            End::Foreign => return Err(InjectError::Foreign),
            End::Dispatched => return Err(InjectError::Dispatched),
            End::Failed(errno) => return Err(InjectError::Failed(errno.into())),
        }
    }
    if position == 0 && !verdicts.is_empty() { Err(InjectError::Busy) } else { Ok(verdicts) }
}

/// Stops one thread for this batch: which one, a verdict on each child that it came to, and how it ended.
fn hold(
    files: &Files,
    leader: Pid,
    start: u64,
    tasks: &[Task],
    excluded: &[Pid],
) -> Result<(Pid, Vec<Verdict>, End), InjectError> {
    let thread = thread::choose(files, leader, excluded)?;
    let mut auxv = Vec::new();
    files.read(proc_path!("/proc/{leader}/auxv").as_bytes(), &mut auxv, hold::AUXV).map_err(of_errno)?;
    let room = room::find(files, leader, &auxv)?;
    let hold = Hold { leader, start, thread, auxv: &auxv, room, tasks };
    let (verdicts, end) = helper::run(&hold).map_err(InjectError::Failed)?;
    Ok((thread, verdicts, end))
}

fn of_errno(errno: Errno) -> InjectError {
    match errno {
        Errno::NOENT | Errno::SRCH => InjectError::Gone,
        Errno::ACCESS | Errno::PERM => InjectError::Denied(yama()),
        errno => InjectError::Failed(errno.into()),
    }
}

/// How many PID namespaces deep a process is, from the one that `/proc` shows: 1 is that one.
fn namespace_level(files: &Files, pid: Pid) -> Result<usize, InjectError> {
    let mut bytes = Vec::new();
    files.read(proc_path!("/proc/{pid}/status").as_bytes(), &mut bytes, usize::MAX).map_err(of_errno)?;
    Ok(parse::status(&bytes).namespace_pids.len().max(1))
}

/// The PID of a process as it is in the namespace of this level; `None` if it is not there.
fn inner_pid(files: &Files, pid: Pid, level: usize) -> Option<Pid> {
    if level == 1 {
        return Some(pid);
    }
    let mut bytes = Vec::new();
    files.read(proc_path!("/proc/{pid}/status").as_bytes(), &mut bytes, usize::MAX).ok()?;
    parse::status(&bytes).namespace_pids.get(level - 1).copied()
}

/// What the Yama module allows, where it is there.
fn yama() -> Option<u64> {
    line("/proc/sys/kernel/yama/ptrace_scope").ok()?.parse().ok()
}

/// What `wait4` gave in the other process.
fn verdict(inner: Pid, result: i64) -> Verdict {
    let errno = i32::try_from(result).ok().filter(|result| (-4095..0).contains(result)).map(|result| -result);
    match errno {
        None if result == i64::from(inner.as_raw()) => Verdict::Collected,
        None if result == 0 => Verdict::Alive,
        Some(libc::ECHILD) => Verdict::NoChild,
        Some(errno) => Verdict::Failed(io::Error::from_raw_os_error(errno)),
        None => Verdict::Failed(io::Error::other("wait4 gave what nobody asked for")),
    }
}
