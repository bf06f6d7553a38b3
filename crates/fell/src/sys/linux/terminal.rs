//! The terminal's modes: who is ended in the middle of something leaves them as they were then.

use super::child::is_in_foreground;
use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io;

/// The modes that the terminal of standard input had at some moment.
#[derive(Debug)]
pub struct Terminal(Option<Termios>);

impl Terminal {
    /// Remembers the modes of standard input, if it is a terminal and this process is in its foreground.
    pub fn remember() -> Terminal {
        Terminal(if is_in_foreground() { tcgetattr(stdin()).ok() } else { None })
    }

    /// Gives the modes back, but not from the background, where that would stop this process.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn restore(&self) -> io::Result<()> {
        match &self.0 {
            Some(modes) if is_in_foreground() => Ok(tcsetattr(stdin(), OptionalActions::Drain, modes)?),
            Some(_) | None => Ok(()),
        }
    }
}
