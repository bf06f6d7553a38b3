//! A failure of fell itself: one clear line that says what, where, and what would be right.

use crate::exit::Exit;
use miette::{Diagnostic, MietteDiagnostic};
use std::fmt;

/// Why fell does not go on, and the code with which it ends.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code.
    pub(crate) exit: Exit,
    diagnostic: Box<MietteDiagnostic>,
}

impl Failure {
    /// A failure with what is wrong.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Failure {
        Failure { exit, diagnostic: Box::new(MietteDiagnostic::new(what)) }
    }

    /// The same with what would be right.
    pub(crate) fn help(self, help: impl Into<String>) -> Failure {
        Failure { exit: self.exit, diagnostic: Box::new(self.diagnostic.with_help(help)) }
    }

    /// A failure with all causes of an error in its line.
    pub(crate) fn of(exit: Exit, error: &dyn std::error::Error) -> Failure {
        let mut what = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            what.push_str(": ");
            what.push_str(&error.to_string());
            cause = error.source();
        }
        Failure::new(exit, what)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.diagnostic)?;
        match self.diagnostic.help() {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_line_with_its_causes_and_its_cure() {
        let error =
            fell::Error::NotExecutable { program: String::from("./x"), source: std::io::Error::from_raw_os_error(13) };
        let failure = Failure::of(Exit::NotExecutable, &error).help("try chmod +x ./x");
        assert_eq!(failure.to_string(), "can't execute ./x: Permission denied (os error 13); try chmod +x ./x");
    }
}
