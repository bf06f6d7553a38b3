//! The command lines of `timeout`, `tini` and `dumb-init`, to the letter, for a link of that name.
//!
//! There the old tool's word counts and not the house's: no clap, no log, no document. The start is cheap:
//! nothing is read, little is allocated, and there is no guardian, unless [`TREE`] asks for more than the old tool gives.

mod dumb_init;
mod getopt;
mod install;
mod say;
mod timeout;
mod tini;
mod tree;

pub(crate) use install::{Made, links};

use fell::init::Words;
use rustix::io::Errno;
use std::ffi::CStr;

/// The variable that adds "nothing survives" to a drop-in, if it is set to 1.
const TREE: &str = "FELL_STRICT_TREE";

/// A tool that fell stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Timeout,
    Tini,
    DumbInit,
}

impl Tool {
    /// All of them.
    pub(crate) const ALL: [Tool; 3] = [Tool::Timeout, Tool::Tini, Tool::DumbInit];

    /// What the link is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tool::Timeout => "timeout",
            Tool::Tini => "tini",
            Tool::DumbInit => "dumb-init",
        }
    }

    /// The tool that this process was called as.
    pub(crate) fn called(words: Words) -> Option<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.name().as_bytes() == words.name())
    }

    /// Is that tool; gives its exit code.
    pub(crate) fn act(self, words: Words) -> u8 {
        let words: Vec<&CStr> = words.to_c_strings();
        let Some((own, words)) = words.split_first() else { return 125 };
        match self {
            Tool::Timeout => timeout::act(own, words),
            Tool::Tini => tini::act(own, words),
            Tool::DumbInit => dumb_init::act(own, words),
        }
    }
}

/// Whether nothing may survive.
fn fells_trees() -> bool {
    is_set_to_one(TREE)
}

fn is_set_to_one(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value == "1")
}

/// The exit code of a command that could not be executed, as shells have it.
fn refusal_code(errno: i32) -> u8 {
    if Errno::from_raw_os_error(errno) == Errno::NOENT { 127 } else { 126 }
}
