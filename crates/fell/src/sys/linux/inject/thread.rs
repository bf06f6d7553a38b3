//! Which thread of a process is stopped: one whose call is begun again as if nothing had been.

use super::of_errno;
use crate::info::State;
use crate::pid::Pid;
use crate::sys::inject::InjectError;
use crate::sys::linux::proc::{Files, proc_path};
use crate::sys::parse::{self, InCall};

/// Calls that give EINTR after any stop, whatever the program asked for: see signal(7), "Interruption of system calls and
/// library functions by stop signals".
const NOT_RESTARTED: [i64; 9] = [
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_io_getevents,
    IO_PGETEVENTS,
    libc::SYS_io_uring_enter,
];

/// Not named by the C library's bindings: `arch/x86/entry/syscalls/syscall_64.tbl` of the kernel.
const IO_PGETEVENTS: i64 = 333;

/// How well a thread suits; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suitability {
    /// It is blocked in a call that is begun again.
    Blocked,
    /// It runs, or it can't be told what it does.
    Running,
    /// It is blocked in a call that gives EINTR.
    Interruptible,
    /// It can't be stopped before its call is over.
    Uninterruptible,
}

/// Chooses a thread, but none of those that were tried in vain.
pub(super) fn choose(files: &Files, pid: Pid, excluded: &[Pid]) -> Result<Pid, InjectError> {
    let threads = files.pids(proc_path!("/proc/{pid}/task").as_bytes()).map_err(of_errno)?;
    let mut bytes = Vec::new();
    let mut candidates = Vec::new();
    for thread in threads {
        if files.read(proc_path!("/proc/{pid}/task/{thread}/status").as_bytes(), &mut bytes, usize::MAX).is_err() {
            continue;
        }
        let status = parse::status(&bytes);
        if status.tracer.is_some() {
            return Err(InjectError::Traced(status.tracer));
        }
        if status.seccomp != Some(0) {
            return Err(InjectError::Filtered);
        }
        let state = files.stat(proc_path!("/proc/{pid}/task/{thread}/stat").as_bytes(), |stat| stat.state);
        let suitability = match state {
            Err(_) | Ok(State::Zombie | State::Dead) => continue,
            Ok(State::Stopped) => return Err(InjectError::Stopped),
            Ok(State::Traced) => return Err(InjectError::Traced(None)),
            Ok(State::Uninterruptible) => Suitability::Uninterruptible,
            Ok(_) => {
                let path = proc_path!("/proc/{pid}/task/{thread}/syscall");
                let call =
                    files.read(path.as_bytes(), &mut bytes, usize::MAX).ok().and_then(|_| parse::syscall(&bytes));
                match call {
                    Some(InCall::Call { number, .. }) if NOT_RESTARTED.contains(&number) => Suitability::Interruptible,
                    Some(InCall::Call { .. }) => Suitability::Blocked,
                    Some(InCall::Running | InCall::None) | None => Suitability::Running,
                }
            }
        };
        candidates.push((excluded.contains(&thread), suitability, thread));
    }
    candidates.sort_unstable();
    match candidates.first() {
        None => Err(InjectError::Gone),
        Some((true, ..)) => Err(InjectError::Busy),
        Some((false, _, thread)) => Ok(*thread),
    }
}
