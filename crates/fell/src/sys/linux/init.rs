//! What a small init is made of on Linux.

pub use super::child::{is_first, is_in_foreground, keys_are_read, root};
pub use super::clock::{pause, since_boot};
pub use super::entry::{Words, settle};
pub use super::inbox::{Disposition, Inbox, die_of, dispose, disposition, now, stop};
pub use super::start::{
    Child, Message, Notes, Piece, Place, Reaped, Start, collect, leads_session, leave_terminal, peek, reap,
    signal_own_group,
};
pub use super::terminal::Terminal;
pub use crate::signal::SignalSet;
