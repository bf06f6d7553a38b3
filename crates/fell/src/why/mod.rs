//! Why a process does not go on: judged from what was seen of it, one line a reason.

mod deadlock;
mod ends;
mod reason;
mod words;

pub(crate) use deadlock::deadlocks;
pub(crate) use reason::{Reason, reasons};

#[cfg(test)]
mod tests;
