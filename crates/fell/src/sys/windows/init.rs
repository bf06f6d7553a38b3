//! What a program that serves a run needs of this system: the small init of Linux has no counterpart here.

use super::Windows;
pub use super::clock::{pause, since_boot};
use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::sys::Machine;
use std::ffi::{OsString, c_char, c_int};
use std::io;

pub use crate::signal::SignalSet;

/// The words of this process's command line, which the system keeps as one line.
#[derive(Debug, Clone, Copy)]
pub struct Words(());

impl Words {
    /// What `main` is given is in the system's old encoding, and is not looked at.
    ///
    /// # Safety
    ///
    /// None: nothing is read.
    pub unsafe fn from_main(_argc: c_int, _argv: *const *const c_char) -> Words {
        Words(())
    }

    /// All of them.
    pub fn to_os_strings(self) -> Vec<OsString> {
        std::env::args_os().collect()
    }
}

/// Nothing has to be settled: Rust's own start does no more on this system.
pub fn settle() {}

/// The farthest ancestor of this process that lives: no process of this system is the ancestor of all.
pub fn root() -> Pid {
    let machine = Windows::new();
    let mut top = machine.own();
    let mut child = machine.read(top).ok();
    while let Some(row) = child.take() {
        let parent = row.parent.and_then(|parent| machine.read(parent).ok());
        // Who is younger than its child is somebody else.
        child = parent.filter(|parent| parent.id.birth.start <= row.id.birth.start && parent.pid() != top);
        top = child.as_ref().map_or(top, ProcessInfo::pid);
    }
    top
}

/// Whether this is the first process of a system: never.
pub fn is_first() -> bool {
    false
}

/// Whether somebody reads single keys: a command has a console group of its own, and Ctrl-C is never for it.
pub fn keys_are_read() -> bool {
    false
}

/// Whether this process shares the foreground with its command: a console has none.
pub fn is_in_foreground() -> bool {
    false
}

/// A console's modes, which are left as they are.
#[derive(Debug)]
pub struct Terminal(());

impl Terminal {
    /// Remembers nothing.
    pub fn remember() -> Terminal {
        Terminal(())
    }

    /// Changes nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn restore(&self) -> io::Result<()> {
        Ok(())
    }
}
