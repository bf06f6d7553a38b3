//! One stop of one thread, from its begin to its end: what the tracer does.
//!
//! No allocation, no lock: it runs in a process that was just forked from one that may have threads.

use super::ptrace::{Stop, Tracee, child_signal};
use super::stub::{self, LENGTH};
use crate::info::State;
use crate::pid::Pid;
use crate::sys::linux::clock::since_boot;
use crate::sys::linux::path::PathBuffer;
use crate::sys::linux::raw::read_stat;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::time::Duration;

/// How much of `/proc/PID/auxv` is compared at most; it has some 350 bytes.
pub(super) const AUXV: usize = 1024;
/// How long a thread may take to stop. One in an uninterruptible wait does not stop before that is over.
const TO_STOP: Duration = Duration::from_millis(100);
/// How long a thread that goes on may take to its next system call. It has nothing else to do, but has to get a processor.
const TO_CALL: Duration = Duration::from_secs(3);

/// Unused bytes behind a process's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Where they begin, at a multiple of 8.
    pub(super) address: u64,
    /// The word that fills them.
    pub(super) fill: u64,
}

/// A zombie that is to be collected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) pid: Pid,
    pub(super) start: u64,
    /// Its PID as its parent knows it; `None` if it is out of its sight.
    pub(super) inner: Option<Pid>,
}

/// What is to be done in one stop.
pub(super) struct Hold<'a> {
    /// The process.
    pub(super) leader: Pid,
    /// Its start time.
    pub(super) start: u64,
    /// The thread of it that is stopped.
    pub(super) thread: Pid,
    /// The process's `/proc/PID/auxv` when its room was found: another program has other addresses in it.
    pub(super) auxv: &'a [u8],
    pub(super) room: Room,
    pub(super) tasks: &'a [Task],
}

/// How a stop ended. In all cases the thread goes on as if nothing had been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All was done.
    Done,
    /// A signal came for the thread, which it has been given.
    Signalled,
    /// The process has become another program, or its room is not what it was.
    Changed,
    /// The thread was in a restartable sequence.
    Critical,
    /// The thread did not stop in time.
    NotStopped,
    /// The thread has ended.
    Gone,
    /// It may not be traced.
    Denied,
    /// It is no 64-bit thread.
    Foreign,
    /// It handles its own system calls.
    Dispatched,
    /// The tracer was killed.
    Lost,
    /// The system refuses.
    Failed(Errno),
}

impl Hold<'_> {
    /// Stops the thread, has it collect its children, tells each result (an errno below 0 or what `wait4` gave), lets it go.
    pub(super) fn run(&self, mut tell: impl FnMut(i64)) -> End {
        let tracee = Tracee(self.thread.as_raw());
        match tracee.seize() {
            Ok(()) => {}
            Err(Errno::PERM) => return End::Denied,
            Err(Errno::SRCH) => return End::Gone,
            Err(errno) => return End::Failed(errno),
        }
        // From here on, whoever returns without a detach leaves it to the kernel, when this process ends.
        if let Err(errno) = tracee.interrupt() {
            return failed(errno);
        }
        match wait(tracee, TO_STOP) {
            Ok(Stop::Event) => {}
            Ok(Stop::Signal(signal)) => return release(tracee, signal, End::Signalled),
            Ok(Stop::Call) => return release(tracee, 0, End::Signalled),
            Ok(Stop::Ended) => return End::Gone,
            Err(end) => return end,
        }
        let original = match tracee.registers() {
            Ok(Some(registers)) if stub::is_native(&registers) => registers,
            Ok(_) => return release(tracee, 0, End::Foreign),
            Err(errno) => return release(tracee, 0, failed(errno)),
        };
        if tracee.is_dispatched() {
            return release(tracee, 0, End::Dispatched);
        }
        if !stub::is_in_call(&original) && tracee.is_in_sequence() {
            return release(tracee, 0, End::Critical);
        }
        if !self.is_same_program() || !self.has_room(tracee) {
            return release(tracee, 0, End::Changed);
        }
        let code = stub::instructions(&original);
        if let Err(errno) = self.fill(tracee, |index| word(&code, index)) {
            self.clear(tracee);
            return release(tracee, 0, failed(errno));
        }
        let mut end = End::Done;
        let mut signal = 0;
        for task in self.tasks {
            let Some(child) = task.inner.filter(|_| self.is_ready(task)) else {
                tell(-i64::from(libc::ECHILD));
                continue;
            };
            // A state from which the thread comes back by itself: from now on, this process may end at any moment.
            match self.call(tracee, &stub::entering(&original, self.room.address, child.as_raw())) {
                Ok(result) => tell(result),
                Err(Interruption::Stopped(Stop::Signal(number))) => {
                    (end, signal) = (End::Signalled, number);
                    break;
                }
                Err(Interruption::Stopped(Stop::Ended)) => return End::Gone,
                Err(Interruption::Stopped(Stop::Event | Stop::Call)) => {
                    end = End::Signalled;
                    break;
                }
                // It runs, and can't be detached from: it comes back by itself.
                Err(Interruption::Running(end)) => return end,
            }
        }
        // First the registers, then the instructions: it never stands where there are none.
        match tracee.set_registers(&original) {
            Ok(()) => self.clear(tracee),
            Err(errno) => end = failed(errno),
        }
        // The kernel then looks for signals as it does behind an interrupted call, and begins the call again itself.
        release(tracee, signal, end)
    }

    /// One system call of the thread, up to its result. The thread stands behind it then, on its way back.
    fn call(&self, tracee: Tracee, entering: &libc::user_regs_struct) -> Result<i64, Interruption> {
        let failed = |errno| Interruption::Running(failed(errno));
        tracee.set_registers(entering).map_err(failed)?;
        for _ in ["begin", "end"] {
            tracee.to_call().map_err(failed)?;
            match wait(tracee, TO_CALL) {
                Ok(Stop::Call) => {}
                Ok(stop) => return Err(Interruption::Stopped(stop)),
                Err(end) => return Err(Interruption::Running(end)),
            }
        }
        match tracee.registers() {
            Ok(Some(registers)) if stub::is_at_call(&registers, self.room.address) => Ok(registers.rax.cast_signed()),
            Ok(_) => Err(Interruption::Stopped(Stop::Call)),
            Err(errno) => Err(failed(errno)),
        }
    }

    /// Whether the process is the one that was looked into, in the same program.
    fn is_same_program(&self) -> bool {
        let mut path = PathBuffer::new();
        path.push(b"/proc/").number(self.leader.as_raw()).push(b"/auxv");
        let mut found = [0_u8; AUXV];
        let read = rustix::fs::open(path.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .and_then(|file| rustix::io::read(&file, &mut found[..]));
        read.is_ok_and(|length| found.get(..length) == Some(self.auxv))
            && read_stat(self.leader.as_raw(), |stat| stat.start) == Some(self.start)
    }

    fn has_room(&self, tracee: Tracee) -> bool {
        (0..WORDS).all(|index| tracee.peek(self.word_at(index)) == Ok(self.room.fill))
    }

    /// Whether this is still the child that is meant, and has ended.
    fn is_ready(&self, task: &Task) -> bool {
        read_stat(task.pid.as_raw(), |stat| {
            stat.state == State::Zombie && stat.start == task.start && stat.parent == Some(self.leader)
        })
        .unwrap_or(false)
    }

    fn fill(&self, tracee: Tracee, word: impl Fn(u64) -> u64) -> Result<(), Errno> {
        (0..WORDS).try_for_each(|index| tracee.poke(self.word_at(index), word(index)))
    }

    /// Leaves the room as it was found.
    fn clear(&self, tracee: Tracee) {
        if self.fill(tracee, |_| self.room.fill).is_err() {
            // The thread was killed. Otherwise some bytes stay that nobody comes by.
        }
    }

    fn word_at(&self, index: u64) -> u64 {
        self.room.address + 8 * index
    }
}

const WORDS: u64 = LENGTH as u64 / 8;

/// Why a call did not come to its end.
enum Interruption {
    /// The thread has stopped for another reason.
    Stopped(Stop),
    /// The thread does not stand still, or has ended.
    Running(End),
}

fn word(code: &[u8; LENGTH], index: u64) -> u64 {
    let at = usize::try_from(index).unwrap_or(0) * 8;
    code.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(u64::MAX, u64::from_le_bytes)
}

fn failed(errno: Errno) -> End {
    if errno == Errno::SRCH { End::Gone } else { End::Failed(errno) }
}

/// Lets the thread go on, untraced.
fn release(tracee: Tracee, signal: i32, end: End) -> End {
    match tracee.detach(signal) {
        Ok(()) => end,
        // It was killed while it stood.
        Err(_) => End::Gone,
    }
}

/// Waits until the thread has something to report: SIGCHLD tells, which is blocked here and stays pending.
fn wait(tracee: Tracee, limit: Duration) -> Result<Stop, End> {
    let deadline = since_boot().saturating_add(limit);
    loop {
        match tracee.report() {
            Ok(Some(stop)) => return Ok(stop),
            Ok(None) => {}
            Err(_) => return Err(End::Gone),
        }
        let left = deadline.saturating_sub(since_boot());
        if left.is_zero() {
            return Err(End::NotStopped);
        }
        child_signal(left);
    }
}
