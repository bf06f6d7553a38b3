//! `tini` 0.19.

mod args;
mod serve;
mod words;

use super::say::{complain, tell};
use super::tree;
pub(super) use args::Order;
use args::Stop;
pub(super) use serve::{remapped, take_office};
use std::ffi::CStr;

pub(super) const FAILED: u8 = 1;

/// Is `tini`; gives its exit code.
pub(super) fn act(own: &CStr, words: &[&CStr]) -> u8 {
    match args::parse(words) {
        Ok(order) if super::fells_trees() => tree::tini(&order),
        Ok(order) => serve::run(&order),
        Err(Stop::Version) => {
            tell(&[VERSION]);
            0
        }
        Err(Stop::Help) => {
            tell(&[VERSION_LINE, USAGE]);
            0
        }
        Err(Stop::License) => {
            tell(&[b"fell is licensed under MIT OR Apache-2.0, at your choice."]);
            0
        }
        Err(Stop::Usage(message)) => {
            if let Some(message) = message {
                complain(&[own.to_bytes(), b": ", &message]);
            }
            complain(&[VERSION_LINE, USAGE]);
            FAILED
        }
        Err(Stop::Value { letter, value }) => {
            fatal(&[b"Not a valid option for -", &[letter], b": ", &value]);
            FAILED
        }
    }
}

/// What is said at any verbosity.
pub(super) fn fatal(parts: &[&[u8]]) {
    let pid = super::say::digits(rustix::process::getpid().as_raw_pid());
    complain(&[b"[FATAL tini (", &pid, b")] ", &parts.concat()]);
}

const VERSION: &[u8] = concat!("tini version 0.19.0 - fell.", env!("CARGO_PKG_VERSION")).as_bytes();
const VERSION_LINE: &[u8] = concat!("tini (tini version 0.19.0 - fell.", env!("CARGO_PKG_VERSION"), ")\n").as_bytes();
const USAGE: &[u8] = b"Usage: tini [OPTIONS] PROGRAM -- [ARGS] | --version\n\
    \n\
    Runs PROGRAM as an init does: passes signals on to it, and collects the dead.\n\
    \n\
    \x20 -s            be the reaper of all descendants, for when this is not PID 1\n\
    \x20 -p SIGNAL     get SIGNAL when the parent dies, such as SIGKILL\n\
    \x20 -g            signal the process group of PROGRAM instead of PROGRAM alone\n\
    \x20 -e CODE       exit with 0 if PROGRAM exits with CODE (0 to 255); repeatable\n\
    \x20 -v            say more; repeatable, up to three times\n\
    \x20 -w            say which orphans are collected\n\
    \x20 -l            print the license and exit\n\
    \x20 -h            print this and exit\n\
    \x20 --version     print the version and exit\n\
    \n\
    TINI_SUBREAPER, if set, is -s; TINI_KILL_PROCESS_GROUP is -g; TINI_VERBOSITY is a number, 1 if not set.\n\
    With FELL_STRICT_TREE=1 nothing that PROGRAM started survives it.\n";
