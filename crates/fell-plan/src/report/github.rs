//! GitHub Actions: workflow commands and the step summary.
//!
//! The forms are those of
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use super::{duration, summary};
use crate::document::{StepDocument, ValidateDocument};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// The most bytes of a step's summary.
const MOST_BYTES: u64 = 1024 * 1024;

/// One annotation for a failed step.
pub fn annotation(step: &StepDocument, plan: &str) -> String {
    let reason = step.reason.as_deref().unwrap_or(&step.verdict);
    let mut message = format!("step {}: {reason}, after {}", step.name, duration(step.elapsed_ms));
    if let Some(attempt) = step.attempts.last() {
        message.push_str(&format!("\noutput: {}", attempt.output));
    }
    format!("::error title={}::{}", property(&format!("{plan}: {}", step.name)), data(&message))
}

/// Opens a group of lines.
pub fn group(title: &str) -> String {
    format!("::group::{}", data(title))
}

/// Closes it.
pub const END_GROUP: &str = "::endgroup::";

/// The lines with their own commands made powerless. `token` must not be in them.
pub fn quoted(lines: &str, token: &str) -> String {
    format!("::stop-commands::{token}\n{lines}\n::{token}::")
}

/// A token that is not in these lines.
pub fn token(lines: &str, seed: u128) -> String {
    let mut number = seed;
    loop {
        let token = format!("fell-{number:032x}");
        if !lines.contains(&token) {
            return token;
        }
        number = number.wrapping_add(1);
    }
}

/// Adds the summary to the file that the runner named, as far as there is room in it.
///
/// # Errors
///
/// What the system said.
pub fn add_summary(path: &Path, document: &ValidateDocument) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let used = file.metadata()?.len();
    let room = usize::try_from(MOST_BYTES.saturating_sub(used).saturating_sub(1)).unwrap_or(0);
    if room < 1024 {
        return Ok(());
    }
    file.write_all(summary(document, room).as_bytes())
}

/// `%`, CR and LF of a message are escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// `:` and `,` of a property too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_prints_is_no_command() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a: b, c"), "a%3A b%2C c");
        let quoted = quoted("::set-output name=x::y", "t");
        assert_eq!(quoted, "::stop-commands::t\n::set-output name=x::y\n::t::");
        let first = token("", 7);
        assert_ne!(token(&format!("x {first} y"), 7), first);
    }
}
