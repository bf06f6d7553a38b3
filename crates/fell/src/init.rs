//! The parts of a small init: the process's own words, one command without a guardian, its signals, and its dead.
//!
//! For a program that has one thread and exists for one command alone, such as a drop-in for `timeout` or `tini`. What
//! must leave nothing behind is run by a [`Supervisor`](crate::Supervisor).

pub use crate::sys::linux::child::is_in_foreground;
pub use crate::sys::linux::clock::since_boot;
pub use crate::sys::linux::entry::{Words, settle};
pub use crate::sys::linux::inbox::{Disposition, Inbox, SignalSet, die_of, dispose, disposition, now, stop};
pub use crate::sys::linux::start::{
    Child, Message, Notes, Piece, Place, Reaped, Start, collect, leads_session, leave_terminal, peek, reap,
    signal_own_group,
};
