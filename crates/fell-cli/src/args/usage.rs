//! Why parsing stopped: help was asked for, or the words make no sense. The latter is told in one line.

use crate::exit::Exit;
use crate::failure::Failure;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Why parsing stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This text was asked for.
    Text(Box<clap::builder::StyledStr>),
    /// The words make no sense.
    Bad(Failure),
}

impl Stop {
    /// What clap says about these words.
    pub(crate) fn of(error: &clap::Error, words: &[OsString]) -> Stop {
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop::Text(Box::new(error.render())),
            _ => Stop::Bad(bad_usage(error, words)),
        }
    }
}

fn bad_usage(error: &clap::Error, words: &[OsString]) -> Failure {
    let verb = words.get(1).and_then(|word| word.to_str()).filter(|word| VERBS.contains(word));
    let exit = if verb == Some("run") { Exit::Failed } else { Exit::Usage };
    let help = verb.map_or_else(|| String::from("try 'fell --help'"), |verb| format!("try 'fell {verb} --help'"));
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::new(exit, format!("no verb was given: expected {}", listed(VERBS))).help(help);
    }
    let text = error.render().to_string();
    let mut lines = text.lines();
    let head: Vec<&str> = lines.by_ref().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let mut what = head.join(" ").trim_start_matches("error: ").to_owned();
    if let Some(variable) = variable_behind(error, words) {
        what = format!("{what} (set by {variable})");
    }
    let tip = lines.map(str::trim).find_map(|line| line.strip_prefix("tip: ")).map(String::from);
    let tip = tip.or_else(|| similar_verb(error));
    Failure::new(exit, what).help(tip.unwrap_or(help))
}

/// The verb that is meant by two letters in the wrong order, which clap does not take for similar.
fn similar_verb(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let verb = fell_plan::nearest(word, VERBS.iter().copied())?;
    Some(format!("a similar subcommand exists: '{verb}'"))
}

const VERBS: &[&str] = &["run", "kill", "tree", "zombies", "validate", "doctor", "install-links", "completions", "man"];

fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => String::from(*one),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The environment variable that holds the bad value, if none of the words does.
fn variable_behind(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let value = text(ContextKind::InvalidValue)?;
    let flag = text(ContextKind::InvalidArg)?.strip_prefix("--")?;
    let long = flag.split([' ', '=', '[']).next()?;
    let variable = format!("FELL_{}", long.to_uppercase().replace('-', "_"));
    let in_words = words.iter().any(|word| word.to_string_lossy().contains(value) && !value.is_empty());
    let in_variable = std::env::var_os(&variable).is_some_and(|set| set.to_string_lossy().contains(value));
    (in_variable && !in_words).then_some(variable)
}
