//! The parts of a small init: the process's own words, one command without a guardian, its signals, and its dead.
//!
//! For a program that has one thread and exists for one command alone, such as a drop-in for `timeout` or `tini`. What
//! must leave nothing behind is run by a [`Supervisor`](crate::Supervisor).

pub use crate::sys::init::*;
