//! What can be wrong with a plan, and where.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// What is wrong with a plan: one line that says where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// The plan's file, if it came from one.
    pub path: Option<PathBuf>,
    /// Line and column, both from 1, if the mistake has a place.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl PlanError {
    /// A mistake without a place.
    pub fn new(message: impl Into<String>) -> PlanError {
        PlanError { path: None, place: None, message: message.into(), help: None }
    }

    /// The same with what would be right.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> PlanError {
        PlanError { help: Some(help.into()), ..self }
    }

    /// The same at this place in the text.
    #[must_use]
    pub(crate) fn at(self, text: &str, span: &Range<usize>) -> PlanError {
        PlanError { place: Some(line_and_column(text, span.start)), ..self }
    }

    /// The same in this file.
    #[must_use]
    pub(crate) fn file(self, path: Option<PathBuf>) -> PlanError {
        PlanError { path, ..self }
    }
}

/// `fell.toml:12:3: unknown key "timout"; did you mean "timeout"?`
impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanError { path, place, message, help } = self;
        if let Some(path) = path {
            write!(f, "{}", path.display())?;
            if let Some((line, column)) = place {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        } else if let Some((line, column)) = place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(message)?;
        match help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PlanError {}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

/// The known name that is nearest to a misspelt one, if any is near.
pub fn nearest<'n>(word: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let word = word.to_lowercase();
    let scored = known.into_iter().map(|name| (strsim::damerau_levenshtein(&word, name), name));
    // A slip for every three letters.
    let near = |(slips, name): &(usize, &str)| *slips <= (name.chars().count() / 3).max(1);
    scored.filter(near).min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(line_and_column("a\néb\nc", 0), (1, 1));
        assert_eq!(line_and_column("a\néb\nc", 4), (2, 2));
        assert_eq!(line_and_column("a\néb\nc", 6), (3, 1));
    }

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let known = ["timeout", "idle-timeout", "needs", "run"];
        assert_eq!(nearest("timout", known), Some("timeout"));
        assert_eq!(nearest("idle_timeout", known), Some("idle-timeout"));
        assert_eq!(nearest("colour", known), None);
    }
}
