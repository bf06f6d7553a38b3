//! The command line of fell, for the binary and for the Python package, which brings it along.

#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, reason = "validate and the drop-ins are not to be had there yet")
)]

mod args;
#[cfg(target_os = "linux")]
mod dropin;
mod duration;
mod exit;
mod failure;
mod log;
mod output;
mod verbs;

use exit::Exit;
use fell::init::Words;
use std::ffi::OsString;

/// Does what these words ask, as fell or as the tool by whose name it was called, and gives the exit code.
///
/// For the beginning of a program: before anything else was done.
pub fn begin(words: Words) -> u8 {
    #[cfg(target_os = "linux")]
    if let Some(tool) = dropin::Tool::called(words) {
        return tool.act(words);
    }
    fell::init::settle();
    main(&words.to_os_strings())
}

/// Does what these words ask, the first of which is the name of the program, and gives the exit code. Writes to
/// standard output and error, and `run` serves its command as if this process existed for that alone.
pub fn main(words: &[OsString]) -> u8 {
    run(words).code()
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
