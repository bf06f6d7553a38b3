//! The calls of ptrace(2) that are used here. Async-signal-safe, all of them.

use crate::sys::linux::raw::errno;
use libc::user_regs_struct;
use rustix::io::Errno;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::time::Duration;

/// `PTRACE_GET_RSEQ_CONFIGURATION` and `PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG` of `linux/ptrace.h`.
const GET_RSEQ_CONFIGURATION: i64 = 0x420f;
const GET_SYSCALL_USER_DISPATCH_CONFIG: i64 = 0x4211;
/// `PTRACE_O_TRACESYSGOOD`: stops at system calls are told from those by a signal.
const TRACE_CALLS: usize = 1;
/// `NT_PRSTATUS` of `elf.h`: the general registers.
const NT_PRSTATUS: usize = 1;

/// A thread that this thread traces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tracee(pub(super) i32);

/// What a traced thread reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It stands before or behind a system call.
    Call,
    /// It was stopped because it was asked to, or because its process is stopped.
    Event,
    /// It is about to take this signal.
    Signal(c_int),
    /// It has ended.
    Ended,
}

impl Tracee {
    /// Begins to trace it, without stopping it. If this thread ends, it goes on, untraced.
    pub(super) fn seize(self) -> Result<(), Errno> {
        // SAFETY: no memory is passed.
        unsafe { self.call(libc::PTRACE_SEIZE.into(), 0, TRACE_CALLS) }
    }

    /// Asks it to stop.
    pub(super) fn interrupt(self) -> Result<(), Errno> {
        // SAFETY: no memory is passed.
        unsafe { self.call(libc::PTRACE_INTERRUPT.into(), 0, 0) }
    }

    /// Lets it go on to the next system call, to its begin or to its end.
    pub(super) fn to_call(self) -> Result<(), Errno> {
        // SAFETY: no memory is passed.
        unsafe { self.call(libc::PTRACE_SYSCALL.into(), 0, 0) }
    }

    /// Lets it go on, untraced; with this signal, if it is not 0.
    pub(super) fn detach(self, signal: c_int) -> Result<(), Errno> {
        // SAFETY: no memory is passed.
        unsafe { self.call(libc::PTRACE_DETACH.into(), 0, usize::try_from(signal).unwrap_or(0)) }
    }

    /// Its registers; `None` if it is a 32-bit thread.
    pub(super) fn registers(self) -> Result<Option<user_regs_struct>, Errno> {
        let mut registers = MaybeUninit::<user_regs_struct>::zeroed();
        let mut vector =
            libc::iovec { iov_base: registers.as_mut_ptr().cast::<c_void>(), iov_len: size_of::<user_regs_struct>() };
        // SAFETY: the vector describes the local, and outlives the call.
        unsafe { self.call(libc::PTRACE_GETREGSET.into(), NT_PRSTATUS, (&raw mut vector).addr())? };
        if vector.iov_len != size_of::<user_regs_struct>() {
            return Ok(None);
        }
        // SAFETY: the kernel has filled all of it in; it is plain numbers besides.
        Ok(Some(unsafe { registers.assume_init() }))
    }

    /// Gives it these registers.
    pub(super) fn set_registers(self, registers: &user_regs_struct) -> Result<(), Errno> {
        let address = std::ptr::from_ref(registers).addr();
        // SAFETY: the registers outlive the call, which only reads them.
        unsafe { self.call(libc::PTRACE_SETREGS.into(), 0, address) }
    }

    /// A word of its memory.
    pub(super) fn peek(self, address: u64) -> Result<u64, Errno> {
        let mut word = 0_u64;
        // The system call itself puts the word where it is told; the C library's function has another way.
        // SAFETY: the word outlives the call.
        let result = unsafe {
            libc::syscall(libc::SYS_ptrace, i64::from(libc::PTRACE_PEEKDATA), i64::from(self.0), address, &raw mut word)
        };
        if result == 0 { Ok(word) } else { Err(Errno::from_raw_os_error(errno())) }
    }

    /// Writes a word of its memory, also where it may not write itself: then to a copy of the page that is its alone.
    pub(super) fn poke(self, address: u64, word: u64) -> Result<(), Errno> {
        let (address, word) = (to_size(address), to_size(word));
        // SAFETY: both are plain numbers to this process.
        unsafe { self.call(libc::PTRACE_POKEDATA.into(), address, word) }
    }

    /// Whether it is in the middle of a restartable sequence, which must not be left and entered again.
    pub(super) fn is_in_sequence(self) -> bool {
        let mut configuration = [0_u64; 3];
        // SAFETY: the kernel fills in no more than the size that it is told.
        let result = unsafe {
            libc::syscall(
                libc::SYS_ptrace,
                GET_RSEQ_CONFIGURATION,
                i64::from(self.0),
                size_of_val(&configuration),
                configuration.as_mut_ptr(),
            )
        };
        let area = configuration[0];
        // `struct rseq` of `linux/rseq.h`: the descriptor of the sequence stands 8 bytes behind its begin.
        result > 0 && area != 0 && self.peek(area.wrapping_add(8)) != Ok(0)
    }

    /// Whether its system calls go to a handler of its own.
    pub(super) fn is_dispatched(self) -> bool {
        let mut configuration = [0_u64; 4];
        // SAFETY: the kernel fills in no more than the size that it is told.
        let result = unsafe {
            libc::syscall(
                libc::SYS_ptrace,
                GET_SYSCALL_USER_DISPATCH_CONFIG,
                i64::from(self.0),
                size_of_val(&configuration),
                configuration.as_mut_ptr(),
            )
        };
        result == 0 && configuration[0] != 0
    }

    /// What it reports, if it has anything to report.
    pub(super) fn report(self) -> Result<Option<Stop>, Errno> {
        let mut status: c_int = 0;
        // SAFETY: the status outlives the call; only this thread's tracee is waited for.
        match unsafe { libc::waitpid(self.0, &raw mut status, libc::__WALL | libc::WNOHANG) } {
            0 => Ok(None),
            pid if pid == self.0 && libc::WIFSTOPPED(status) => {
                let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
                Ok(Some(match (signal, event) {
                    (signal, 0) if signal == libc::SIGTRAP | 0x80 => Stop::Call,
                    (signal, 0) => Stop::Signal(signal),
                    _ => Stop::Event,
                }))
            }
            pid if pid == self.0 => Ok(Some(Stop::Ended)),
            _ => Err(Errno::from_raw_os_error(errno())),
        }
    }

    /// # Safety
    ///
    /// What the request makes of `address` and `data` is valid.
    unsafe fn call(self, request: i64, address: usize, data: usize) -> Result<(), Errno> {
        // SAFETY: as the caller promises.
        let result = unsafe { libc::syscall(libc::SYS_ptrace, request, i64::from(self.0), address, data) };
        let result = if result == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(errno())) };
        #[cfg(test)]
        super::tests::after_a_step();
        result
    }
}

/// Makes a tracee's stops be told by SIGCHLD, whatever the caller had done with that. For a process of its own.
pub(super) fn expect_child_signals() {
    // SAFETY: all zeroes are the default action with no flags; nothing is read back.
    unsafe {
        let action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGCHLD, &raw const action, std::ptr::null_mut());
    }
}

/// Takes a SIGCHLD, or waits for one, but no longer than this. It has to be blocked.
pub(super) fn child_signal(limit: Duration) {
    let limit = libc::timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // SAFETY: the set is initialised; set and limit outlive the call. Whatever it gives, the caller looks again.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const limit);
    }
}

/// Only built where the two are of one size.
fn to_size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
