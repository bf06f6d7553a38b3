//! Making another process collect its own dead children: what is asked for, and what came of it.

use crate::pid::Pid;
use std::fmt;
use std::io;

/// A zombie that its parent is to collect.
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    allow(dead_code, reason = "made for one system; the others refuse")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its PID.
    pub(crate) pid: Pid,
    /// Its start time in clock ticks: who else has the PID by then is left alone.
    pub(crate) start: u64,
}

/// What came of one of them.
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    allow(dead_code, reason = "made for one system; the others refuse")
)]
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its parent has collected it.
    Collected,
    /// It is no child of that parent, or was collected meanwhile.
    NoChild,
    /// It has not ended with all its threads.
    Alive,
    /// It was not its turn yet when the parent had to be let go; it may be tried again.
    NotTried,
    /// The parent's system call failed.
    Failed(io::Error),
}

/// Why a parent was not made to collect its dead. It was left as it was.
#[derive(Debug)]
#[non_exhaustive]
pub enum InjectError {
    /// This system offers no such thing: it is made for Linux on x86-64.
    Unsupported,
    /// It is the caller itself, who can collect its children by [`reap`](crate::zombie::reap).
    Own,
    /// It is PID 1 of the whole system: a mistake there would end everything.
    Init,
    /// It is a thread of the kernel, which has no program to be stopped in.
    KernelThread,
    /// It is traced already, by this process where that is known.
    Traced(Option<Pid>),
    /// It is stopped: let it go on first.
    Stopped,
    /// A seccomp filter watches its system calls, and may end it for one that it does not expect.
    Filtered,
    /// Its system calls are handed to a handler of its own (`PR_SET_SYSCALL_USER_DISPATCH`), as Wine does.
    Dispatched,
    /// It is no 64-bit process.
    Foreign,
    /// There is no unused room behind its code for the few instructions that are needed.
    NoRoom,
    /// None of its threads could be stopped in time at a point where nothing is disturbed. Try again.
    Busy,
    /// The caller may not trace it. Where the Yama module forbids that, this is its `ptrace_scope`.
    Denied(Option<u64>),
    /// It has ended, or has become another program meanwhile.
    Gone,
    /// The system refuses for another reason.
    Failed(io::Error),
}

impl fmt::Display for InjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InjectError::Unsupported => f.write_str("it takes Linux on x86-64"),
            InjectError::Own => f.write_str("it is the process that asks"),
            InjectError::Init => f.write_str("PID 1 of the whole system is left alone"),
            InjectError::KernelThread => f.write_str("it is a kernel thread"),
            InjectError::Traced(Some(tracer)) => write!(f, "it is traced by {tracer}"),
            InjectError::Traced(None) => f.write_str("it is traced"),
            InjectError::Stopped => f.write_str("it is stopped"),
            InjectError::Filtered => f.write_str("a seccomp filter watches its system calls"),
            InjectError::Dispatched => f.write_str("it handles its own system calls"),
            InjectError::Foreign => f.write_str("it is no 64-bit process"),
            InjectError::NoRoom => f.write_str("there is no unused room behind its code"),
            InjectError::Busy => f.write_str("it could not be stopped at a harmless point"),
            InjectError::Denied(Some(scope)) => {
                write!(f, "it may not be traced (kernel.yama.ptrace_scope is {scope})")
            }
            InjectError::Denied(None) => f.write_str("it may not be traced"),
            InjectError::Gone => f.write_str("it has ended"),
            InjectError::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for InjectError {}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) use super::linux::{headroom::is_system_init, inject::collect_within};

/// Not here.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn is_system_init(_: Pid) -> bool {
    false
}

/// Not here.
///
/// # Errors
///
/// [`InjectError::Unsupported`].
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn collect_within(_: Pid, _: u64, _: &[Wanted]) -> Result<Vec<Verdict>, InjectError> {
    Err(InjectError::Unsupported)
}
