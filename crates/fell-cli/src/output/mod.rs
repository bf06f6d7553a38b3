//! What fell says: results on stdout, everything else on stderr behind `fell: `.

mod colour;
mod table;
mod tree;

pub(crate) use colour::{Colour, choose, choose_for_stderr};
pub(crate) use table::{Align, Table};
pub(crate) use tree::{Drawing, branches};

use crate::exit::Exit;
use crate::failure::Failure;
use std::fmt;
use std::io::{self, Write};

/// Prints a text that was asked for.
pub(crate) fn help(text: &clap::builder::StyledStr) -> Exit {
    let choice = colour::by_environment();
    let text = match colour::for_stream(choice, &io::stdout()) {
        true => text.ansi().to_string(),
        false => text.to_string(),
    };
    match result(text.trim_end()) {
        Ok(()) => Exit::Success,
        Err(failure) => fail(&failure),
    }
}

/// Says on stderr why fell does not go on.
pub(crate) fn fail(failure: &Failure) -> Exit {
    say(failure);
    failure.exit
}

/// One line, or several, on stderr, each behind `fell: `.
pub(crate) fn say(what: impl fmt::Display) {
    let mut text = String::new();
    for line in what.to_string().lines() {
        text.push_str("fell: ");
        text.push_str(&printable(line));
        text.push('\n');
    }
    // Whoever closed stderr does not want to know. There is nobody left to tell.
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

/// The same for lines with colours of fell's own; whatever else is in them has been made printable.
pub(crate) fn say_coloured(what: &str) {
    let text: String = what.lines().map(|line| format!("fell: {line}\n")).collect();
    // As above.
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

/// One line, or several, on stdout.
///
/// # Errors
///
/// stdout can't be written to. A reader that has seen enough (`fell tree | head -1`) is no error.
pub(crate) fn result(what: impl fmt::Display) -> Result<(), Failure> {
    // In one write, not one a line.
    let text = format!("{what}\n");
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("stdout can't be written to: {error}")))
        }
        _ => Ok(()),
    }
}

/// A document as JSON on stdout: over several lines for one document, in one line for one of many.
///
/// # Errors
///
/// As [`result`].
pub(crate) fn json(document: &impl serde::Serialize, lines: JsonLines) -> Result<(), Failure> {
    let text = match lines {
        JsonLines::One => serde_json::to_string(document),
        JsonLines::Many => serde_json::to_string_pretty(document),
    };
    result(text.map_err(|error| Failure::of(Exit::Failed, &error))?)
}

/// How a document is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonLines {
    /// One of many: a line of its own.
    One,
    /// The only one: laid out for readers.
    Many,
}

/// The text without anything that steers a terminal: process names and arguments hold what their owners like.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            _ if !letter.is_control() && !is_steering(letter) => shown.push(letter),
            _ => shown.extend(letter.escape_default()),
        }
    }
    shown
}

/// Marks that turn the direction of writing: a name could show itself as another one.
fn is_steering(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{202e}d é"), "a\\u{1b}[31mb\\nc\\u{202e}d é");
    }
}
