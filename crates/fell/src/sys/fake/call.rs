//! A call to the machine, as scripts and traces name it.

use crate::pid::Pid;
use crate::signal::Signal;

/// A call to the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`Machine::open`](crate::sys::Machine::open).
    Open(Pid),
    /// [`Machine::read`](crate::sys::Machine::read).
    Read(Pid),
    /// [`Machine::children`](crate::sys::Machine::children).
    Children(Pid),
    /// [`Machine::table`](crate::sys::Machine::table).
    Table,
    /// [`Handle::signal`](crate::sys::Handle::signal).
    Signal(Pid, Signal),
    /// [`Handle::has_ended`](crate::sys::Handle::has_ended).
    HasEnded(Pid),
    /// [`Machine::wait`](crate::sys::Machine::wait).
    Wait,
    /// [`Machine::now`](crate::sys::Machine::now) and [`Machine::ticks`](crate::sys::Machine::ticks).
    Clock,
}
