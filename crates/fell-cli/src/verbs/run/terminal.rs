//! The terminal's modes: who is ended in the middle of something leaves them as they were then.

use fell::init::is_in_foreground;
use fell::{Cause, RunReport};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::stdin;

/// The modes that the terminal had before the command was started.
pub(super) struct Terminal {
    modes: Option<Termios>,
}

impl Terminal {
    /// Remembers the modes of standard input, if it is a terminal and this process is in its foreground.
    pub(super) fn remember() -> Terminal {
        Terminal { modes: if is_in_foreground() { tcgetattr(stdin()).ok() } else { None } }
    }

    /// Gives the modes back after a run that was ended. A command that ended by itself may have meant to change them.
    ///
    /// Not from the background, where that would stop this process.
    pub(super) fn restore(&self, report: &RunReport) {
        let Some(modes) = self.modes.as_ref().filter(|_| report.cause != Cause::Exited && is_in_foreground()) else {
            return;
        };
        if let Err(error) = tcsetattr(stdin(), OptionalActions::Drain, modes) {
            tracing::debug!("the terminal's modes could not be given back: {error}");
        }
    }
}
