//! The binary `fell`: cuts down whole process trees and proves that nothing is left standing.

mod args;
mod duration;
mod exit;
mod failure;
mod log;
mod output;
mod verbs;

use exit::Exit;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    run(&words).into()
}

fn run(words: &[OsString]) -> Exit {
    let verb = match args::parse(words) {
        Ok(verb) => verb,
        Err(args::Stop::Text(text)) => return output::help(&text),
        Err(args::Stop::Bad(failure)) => return output::fail(&failure),
    };
    match verbs::act(verb) {
        Ok(exit) => exit,
        Err(failure) => output::fail(&failure),
    }
}
