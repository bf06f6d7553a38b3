//! `dumb-init` 1.2.5.

mod args;
mod serve;

use super::say::complain;
use super::tree;
pub(super) use args::Order;
use args::Stop;
use std::ffi::CStr;

pub(super) const FAILED: u8 = 1;

/// Is `dumb-init`; gives its exit code.
pub(super) fn act(own: &CStr, words: &[&CStr]) -> u8 {
    let own = own.to_bytes();
    match args::parse(words) {
        Ok(order) if super::fells_trees() => tree::dumb_init(&order),
        Ok(order) => serve::run(&order),
        Err(Stop::Help) => {
            complain(&[VERSION, b"\nUsage: ", own, HELP]);
            0
        }
        Err(Stop::Version) => {
            complain(&[VERSION]);
            0
        }
        Err(Stop::Rewrite) => {
            complain(&[REWRITE]);
            FAILED
        }
        Err(Stop::Usage(Some(message))) => {
            complain(&[own, b": ", &message]);
            FAILED
        }
        Err(Stop::Usage(None)) => {
            complain(&[b"Usage: ", own, b" [option] program [args]\nTry ", own, b" --help for full usage."]);
            FAILED
        }
    }
}

const VERSION: &[u8] = b"dumb-init v1.2.5";
/// The original's text, which its own tests compare byte by byte.
const HELP: &[u8] = b" [option] command [[arg] ...]\n\
    \n\
    dumb-init is a simple process supervisor that forwards signals to children.\n\
    It is designed to run as PID1 in minimal container environments.\n\
    \n\
    Optional arguments:\n\
    \x20  -c, --single-child   Run in single-child mode.\n\
    \x20                       In this mode, signals are only proxied to the\n\
    \x20                       direct child and not any of its descendants.\n\
    \x20  -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.\n\
    \x20                       To ignore (not proxy) a signal, rewrite it to 0.\n\
    \x20                       This option can be specified multiple times.\n\
    \x20  -v, --verbose        Print debugging information to stderr.\n\
    \x20  -h, --help           Print this help message and exit.\n\
    \x20  -V, --version        Print the current version and exit.\n\
    \n\
    Full help is available online at https://github.com/Yelp/dumb-init";
const REWRITE: &[u8] = b"Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n\
    This option can be specified multiple times.\n\
    Use --help for full usage.";
