//! A parent that never collects its children, and that waits for its next order in one way of many.
//!
//! `fell-negligent WAIT COUNT` forks COUNT children that exit with 7, says `ready`, and takes orders from stdin, a byte each:
//! `z` for one more child that exits, `p` for an account of what it has seen so far. The end of stdin ends it; so does a minute.
//!
//! The account is `pong interrupted=N wrong=N turns=N`: how often a call gave EINTR, how often one gave anything else
//! that it should not have given, and how often it has gone through its wait.

#![allow(clippy::cast_possible_truncation, reason = "small numbers of a test program")]

mod account;
mod spin;
mod waits;

use account::Account;
use std::io::{self, Write};

/// What the dead children have to hand over.
const STATUS: i32 = 7;
/// No process of a test lives longer, in seconds.
const LIMIT: u32 = 60;

fn main() {
    // SAFETY: neither call touches memory. Should whoever started it be killed, stdin ends.
    unsafe {
        libc::alarm(LIMIT);
        // Whoever traces it in a test need not be its parent, also where Yama is there.
        libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY);
    }
    let mut words = std::env::args().skip(1);
    let (wait, count) =
        (words.next().unwrap_or_default(), words.next().and_then(|word| word.parse().ok()).unwrap_or(1));
    let Some(mut wait) = waits::named(&wait) else {
        eprintln!("fell-negligent: no wait is called {wait:?}");
        std::process::exit(2);
    };
    for _ in 0..count {
        neglect();
    }
    say("ready");
    let mut account = Account::default();
    while let Some(order) = wait(&mut account) {
        account.turns += 1;
        match order {
            b'z' => {
                neglect();
                say("dead");
            }
            b'p' => say(&account.to_string()),
            _ => account.wrong += 1,
        }
    }
}

/// Forks a child that exits, and waits until it has, without collecting it.
fn neglect() {
    // SAFETY: the child exits at once; the structure lives through the call, which leaves the child uncollected.
    unsafe {
        let child = libc::fork();
        match child {
            -1 => std::process::exit(70),
            0 => libc::_exit(STATUS),
            child => {
                let mut info: libc::siginfo_t = std::mem::zeroed();
                let options = libc::WEXITED | libc::WNOWAIT;
                while libc::waitid(libc::P_PID, child.unsigned_abs(), &raw mut info, options) < 0 {}
            }
        }
    }
}

fn say(what: &str) {
    let mut stdout = io::stdout().lock();
    if writeln!(stdout, "{what}").and_then(|()| stdout.flush()).is_err() {
        std::process::exit(0);
    }
}
