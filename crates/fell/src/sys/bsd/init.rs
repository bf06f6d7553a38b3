//! What a program that serves a run needs of this system.

pub use super::child::{is_first, is_in_foreground, keys_are_read, root};
pub use super::clock::{pause, since_boot};
pub use super::entry::{Words, settle};
pub use super::terminal::Terminal;
pub use crate::signal::SignalSet;
