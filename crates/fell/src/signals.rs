//! Signals that arrive at this process, read as a stream instead of by handlers.
//!
//! For a program that serves a run: it waits for the run and for signals in one place. The library
//! never opens a stream by itself.

pub use crate::sys::{Arrival, SignalMask, SignalStream};
