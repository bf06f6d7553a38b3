//! One row of the process table.

use crate::id::ProcessId;
use crate::pid::Pid;
use std::fmt;
use std::time::Duration;

/// What a process is doing, in the kernel's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// On a processor, or waiting for one (`R`).
    Running,
    /// Waits for an event (`S`).
    Sleeping,
    /// Waits and can't be interrupted, usually for a device (`D`).
    Uninterruptible,
    /// Stopped by a signal (`T`).
    Stopped,
    /// Stopped by a debugger (`t`).
    Traced,
    /// Ended, and not yet collected by its parent (`Z`). Its leader thread has ended; others may live.
    Zombie,
    /// Being removed (`X`).
    Dead,
    /// An idle kernel thread (`I`).
    Idle,
    /// A letter that this version does not know, or a state that could not be read.
    Unknown,
}

impl State {
    /// The state that Linux writes as this letter.
    pub fn from_letter(letter: u8) -> State {
        match letter {
            b'R' => State::Running,
            b'S' => State::Sleeping,
            b'D' => State::Uninterruptible,
            b'T' => State::Stopped,
            b't' => State::Traced,
            b'Z' => State::Zombie,
            b'X' | b'x' => State::Dead,
            b'I' => State::Idle,
            _ => State::Unknown,
        }
    }
}

/// psutil's words, which scripts already know.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Running => "running",
            State::Sleeping => "sleeping",
            State::Uninterruptible => "disk-sleep",
            State::Stopped => "stopped",
            State::Traced => "tracing-stop",
            State::Zombie => "zombie",
            State::Dead => "dead",
            State::Idle => "idle",
            State::Unknown => "unknown",
        })
    }
}

/// What the process table says of one process. `None` is "not known", never zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Who it is.
    pub id: ProcessId,
    /// Its parent, when the row was read. A parent that has died is replaced by a subreaper or `init`.
    pub parent: Option<Pid>,
    /// Its short name (Linux: `comm`, at most 15 bytes, which the process may set to anything;
    /// bytes that are not UTF-8 are shown as U+FFFD).
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// Its process group.
    pub group: Option<Pid>,
    /// Its session.
    pub session: Option<Pid>,
    /// Whether it is a thread of the kernel, which no signal ends.
    pub kernel_thread: bool,
    /// Processor time used, in user and kernel mode.
    pub cpu: Option<Duration>,
    /// Memory in use (resident set), in bytes.
    pub memory: Option<u64>,
    /// Number of threads.
    pub threads: Option<u32>,
    /// The status that a zombie waits to hand over, in `wait(2)`'s encoding. Linux shows it only to
    /// who may trace the process, and 0 to others: 0 is therefore reported as `None` for a zombie of another user.
    pub exit_status: Option<i32>,
}

impl ProcessInfo {
    /// A row of which no more is known than that it exists.
    pub fn bare(id: ProcessId, parent: Option<Pid>) -> ProcessInfo {
        ProcessInfo {
            id,
            parent,
            name: String::from("?"),
            state: State::Unknown,
            group: None,
            session: None,
            kernel_thread: false,
            cpu: None,
            memory: None,
            threads: None,
            exit_status: None,
        }
    }

    /// Its PID.
    pub fn pid(&self) -> Pid {
        self.id.pid
    }
}
