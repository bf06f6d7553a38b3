//! The binary `fell`: cuts down whole process trees and proves that nothing is left standing.

#![cfg_attr(not(test), no_main)]

mod args;
mod dropin;
mod duration;
mod exit;
mod failure;
mod log;
mod output;
mod verbs;

use dropin::Tool;
use exit::Exit;
use fell::init::Words;
use std::ffi::OsString;

fell::entry!(begin);

fn begin(words: Words) -> u8 {
    if let Some(tool) = Tool::called(words) {
        return tool.act(words);
    }
    fell::init::settle();
    run(&words.to_os_strings()).code()
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
