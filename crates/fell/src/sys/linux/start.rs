//! One command, forked and executed without a guardian, for a program whose whole purpose is that command.
//!
//! Everything is prepared before the fork; between fork and exec nothing is allocated and no lock is taken.

use super::inbox::{Disposition, dispose};
use super::mask::SignalMask;
use crate::pid::Pid;
use crate::signal::Signal;
use rustix::io::Errno;
use rustix::process::{WaitIdOptions, WaitOptions};
use std::ffi::{CStr, c_char};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr;

/// Where the command is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The caller's process group.
    Here,
    /// A process group of its own, which gets the terminal on standard input, if there is one.
    Group,
    /// A session of its own, which gets the terminal on standard input as its own, if nobody else has it.
    Session,
}

/// A part of a message that is put together in the new process.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'a> {
    /// As it stands.
    Text(&'a [u8]),
    /// The PID of the new process.
    Pid,
    /// The number of the error.
    Errno,
    /// The error in the system's words.
    Why,
}

/// The most parts that a message has.
const MOST_PIECES: usize = 8;

/// A message of at most eight parts; nothing is said if there is none.
pub type Message<'a> = &'a [Piece<'a>];

/// What the new process says on standard error if something does not work out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Notes<'a> {
    /// There is no session to be had; the new process then exits with 1.
    pub no_session: Message<'a>,
    /// There is no terminal to be had; the command is executed all the same.
    pub no_terminal: Message<'a>,
    /// The terminal refuses for another reason than that there is none; the new process then exits with 1.
    /// If empty, that is like having none.
    pub bad_terminal: Message<'a>,
    /// The new process is where it was to be.
    pub placed: Message<'a>,
    /// The command could not be executed.
    pub refused: Message<'a>,
}

/// A command that is to be started.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The program, searched in PATH as `execvp(3)` does, and its arguments.
    pub words: &'a [&'a CStr],
    /// Where it is put.
    pub place: Place,
    /// The folder that it starts in, if not the caller's.
    pub folder: Option<BorrowedFd<'a>>,
    /// What it gets when the caller dies.
    pub death_signal: Option<Signal>,
    /// What becomes of signals, where that differs from the caller.
    pub dispositions: &'a [(Signal, Disposition)],
    /// Which signals it blocks.
    pub mask: SignalMask,
    /// What is said.
    pub notes: Notes<'a>,
    /// The exit code for an error of the execution.
    pub refusal_code: fn(errno: i32) -> u8,
}

impl Start<'_> {
    /// Starts it.
    ///
    /// That the program does not exist, or can't be executed, comes out as the child's exit status.
    ///
    /// # Errors
    ///
    /// There is no process to be had.
    pub fn spawn(&self) -> io::Result<Child> {
        let words: Vec<*const c_char> = self.words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect();
        let parent = rustix::process::getpid();
        // SAFETY: the child runs `become_command` only, which keeps to what is allowed after a fork.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => self.become_command(&words, parent),
            number => Ok(Child { number }),
        }
    }

    fn become_command(&self, words: &[*const c_char], parent: rustix::process::Pid) -> ! {
        self.take_place();
        tell(self.notes.placed, 0);
        if let Some(folder) = self.folder
            && let Err(errno) = rustix::process::fchdir(folder)
        {
            tell(self.notes.refused, errno.raw_os_error());
            exit((self.refusal_code)(errno.raw_os_error()));
        }
        for (signal, disposition) in self.dispositions {
            dispose(*signal, *disposition);
        }
        if let Some(signal) = self.death_signal {
            // SAFETY: prctl with a valid signal number.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.as_raw()) };
            // The parent may have died before the call. PID 1 is a parent like any other.
            if rustix::process::getppid() != Some(parent) {
                exit(1);
            }
        }
        self.mask.restore();
        let Some(program) = words.first().filter(|word| !word.is_null()) else { exit(1) };
        // SAFETY: the words are strings that end with NUL, and their array ends with NULL.
        unsafe { libc::execvp(*program, words.as_ptr()) };
        let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
        tell(self.notes.refused, errno);
        exit((self.refusal_code)(errno))
    }

    fn take_place(&self) {
        let terminal = match self.place {
            Place::Here => return,
            Place::Group => {
                // Can't fail for a process that was just forked and leads no session.
                rustix::process::setpgid(None, None).unwrap_or(());
                rustix::termios::tcsetpgrp(rustix::stdio::stdin(), rustix::process::getpid())
            }
            Place::Session => {
                if let Err(errno) = rustix::process::setsid() {
                    tell(self.notes.no_session, errno.raw_os_error());
                    exit(1);
                }
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())
            }
        };
        match terminal {
            Ok(()) => {}
            Err(errno @ (Errno::NOTTY | Errno::NXIO)) => tell(self.notes.no_terminal, errno.raw_os_error()),
            Err(errno) if self.notes.bad_terminal.is_empty() => tell(self.notes.no_terminal, errno.raw_os_error()),
            Err(errno) => {
                tell(self.notes.bad_terminal, errno.raw_os_error());
                exit(1);
            }
        }
    }
}

/// Says something on standard error, in one write. Allocates nothing.
fn tell(message: Message<'_>, errno: i32) {
    let (mut pid, mut number, mut why) = ([0_u8; 10], [0_u8; 10], [0_u8; 128]);
    // SAFETY: the buffer and its length; what is written into it ends with NUL.
    unsafe { libc::strerror_r(errno, why.as_mut_ptr().cast(), why.len()) };
    let pid = decimal(rustix::process::getpid().as_raw_pid(), &mut pid);
    let number = decimal(errno, &mut number);
    let mut parts = [IoSlice::new(b""); MOST_PIECES];
    for (part, piece) in parts.iter_mut().zip(message) {
        *part = IoSlice::new(match piece {
            Piece::Text(text) => text,
            Piece::Pid => pid,
            Piece::Errno => number,
            Piece::Why => CStr::from_bytes_until_nul(&why).map_or(b"?", CStr::to_bytes),
        });
    }
    if !message.is_empty() && rustix::io::writev(rustix::stdio::stderr(), &parts).is_err() {
        // There is nowhere else to say it.
    }
}

fn decimal(number: i32, digits: &mut [u8; 10]) -> &[u8] {
    let mut rest = number.unsigned_abs();
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            return &digits[start..];
        }
    }
}

fn exit(code: u8) -> ! {
    // SAFETY: ends this process, which was just forked, and runs no code of the one that it was forked from.
    unsafe { libc::_exit(code.into()) }
}

/// A child that nobody but [`reap`] collects. As long as that has not happened, its PID can't become somebody else's.
#[derive(Debug)]
pub struct Child {
    number: i32,
}

impl Child {
    /// Its PID.
    pub fn pid(&self) -> Pid {
        // A fork gives the parent a number above 1.
        Pid::from_raw(self.number).unwrap_or(Pid::INIT)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// It may not be signalled: it runs as somebody else.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        send(self.number, signal)
    }

    /// Sends its process group a signal. The kernel gives a PID to nobody while a process group has it as its name.
    ///
    /// # Errors
    ///
    /// The group is empty, or none of it may be signalled.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        send(-self.number, signal)
    }
}

/// Sends every process of the caller's own group a signal, the caller included.
///
/// # Errors
///
/// What the system said.
pub fn signal_own_group(signal: Signal) -> io::Result<()> {
    send(0, signal)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the caller's own group, or an uncollected child or its group: nobody else's"
)]
fn send(pid: i32, signal: Signal) -> io::Result<()> {
    // SAFETY: kill(2) takes any numbers.
    match unsafe { libc::kill(pid, signal.as_raw()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What [`reap`] or [`peek`] has found.
#[derive(Debug)]
pub enum Reaped {
    /// This child had ended.
    Ended(Pid, ExitStatus),
    /// There are children, and none has ended.
    Running,
    /// There is no child.
    None,
}

/// Collects one child that has ended, whichever. For a process that has no other children than those that it was given
/// by [`Start::spawn`], and by the kernel as the init or subreaper that it is.
pub fn reap() -> Reaped {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => match Pid::from_raw(pid.as_raw_pid()) {
                Some(pid) => return Reaped::Ended(pid, ExitStatus::from_raw(status.as_raw())),
                None => return Reaped::Running,
            },
            Ok(None) => return Reaped::Running,
            Err(Errno::INTR) => {}
            Err(_) => return Reaped::None,
        }
    }
}

/// Looks for one child that has ended, whichever, and leaves it for [`collect`].
pub fn peek() -> Reaped {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        // SAFETY: all zeroes are a valid `siginfo_t`.
        let mut found: libc::siginfo_t = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: `found` has room for the answer.
        let failed = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut found, options.bits().cast_signed()) } != 0;
        if failed {
            match io::Error::last_os_error().kind() {
                io::ErrorKind::Interrupted => continue,
                _ => return Reaped::None,
            }
        }
        // SAFETY: waitid has filled in the fields of a child's end, or left all of them 0.
        let (pid, status) = unsafe { (found.si_pid(), found.si_status()) };
        let raw = match found.si_code {
            libc::CLD_EXITED => (status & 0xff) << 8,
            libc::CLD_DUMPED => status | 0x80,
            _ => status,
        };
        return Pid::from_raw(pid).map_or(Reaped::Running, |pid| Reaped::Ended(pid, ExitStatus::from_raw(raw)));
    }
}

/// Collects the child that [`peek`] has found.
pub fn collect(child: Pid) {
    if let Some(child) = rustix::process::Pid::from_raw(child.as_raw()) {
        while matches!(rustix::process::waitpid(Some(child), WaitOptions::NOHANG), Err(Errno::INTR)) {}
    }
}

/// Whether this process leads its session.
pub fn leads_session() -> bool {
    // 0 where the leader is outside of this PID namespace.
    // SAFETY: getsid has no preconditions.
    unsafe { libc::getsid(0) == libc::getpid() }
}

/// Gives up the terminal on standard input as this process's own.
///
/// # Errors
///
/// It is none, or not this process's own.
pub fn leave_terminal() -> io::Result<()> {
    // SAFETY: the request takes no argument.
    match unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCNOTTY) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The number of the signal that a process with this status died of, if it did.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// The status that `wait(2)` tells in this number.
pub(crate) fn status_from_raw(status: i32) -> ExitStatus {
    ExitStatus::from_raw(status)
}
