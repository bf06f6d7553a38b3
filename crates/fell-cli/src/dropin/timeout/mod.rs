//! `timeout` of GNU coreutils 9.

mod args;
mod duration;
mod signal;
mod watch;

use super::say::{complain, quoted, tell};
use super::tree;
pub(super) use args::Order;
use args::Stop;
use std::ffi::CStr;

/// The exit code for what `timeout` itself could not do.
pub(super) const FAILED: u8 = 125;
/// The exit code for a limit that was reached.
pub(super) const TIMED_OUT: u8 = 124;

/// Is `timeout`; gives its exit code.
pub(super) fn act(own: &CStr, words: &[&CStr]) -> u8 {
    let own = own.to_bytes();
    match args::parse(words) {
        Ok(order) if super::fells_trees() => tree::timeout(own, &order),
        Ok(order) => watch::run(own, &order),
        Err(Stop::Help) => help(own),
        Err(Stop::Version) => {
            tell(&[
                b"timeout (fell ",
                env!("CARGO_PKG_VERSION").as_bytes(),
                b"), for the command line of GNU coreutils 9.10",
            ]);
            0
        }
        Err(Stop::Usage(message)) => {
            if let Some(message) = message {
                complain(&[own, b": ", &message]);
            }
            complain(&[b"Try '", own, b" --help' for more information."]);
            FAILED
        }
    }
}

fn help(own: &[u8]) -> u8 {
    tell(&[
        b"Usage: ",
        own,
        b" [OPTION]... DURATION COMMAND [ARG]...\n\
        Run COMMAND, and signal it if it still runs after DURATION.\n\
        \n\
        \x20 -f, --foreground            leave COMMAND in the foreground of the terminal; its own\n\
        \x20                               children are then not signalled\n\
        \x20 -k, --kill-after=DURATION   send KILL as well, if COMMAND still runs so long after the\n\
        \x20                               first signal\n\
        \x20 -p, --preserve-status       exit with COMMAND's status even after DURATION\n\
        \x20 -s, --signal=SIGNAL         the signal to send, by name or number; TERM if not given\n\
        \x20 -v, --verbose               say on standard error which signal is sent\n\
        \x20     --help                  print this and exit\n\
        \x20     --version               print the version and exit\n\
        \n\
        A DURATION is a number with an optional suffix: s for seconds (as without one), m for minutes,\n\
        h for hours, d for days. 0 means no limit.\n\
        \n\
        Exit status: 124 after DURATION, 125 if timeout itself fails, 126 if COMMAND can't be executed,\n\
        127 if it is not found, 137 if KILL had to be sent, otherwise COMMAND's own.\n\
        With FELL_STRICT_TREE=1 nothing that COMMAND started survives it.",
    ]);
    0
}

/// What to say when a signal is sent.
pub(super) fn announcement(own: &[u8], signal: Option<fell::Signal>, command: &CStr) {
    complain(&[own, b": sending signal ", signal::name(signal).as_bytes(), b" to command ", &quoted(command)]);
}
