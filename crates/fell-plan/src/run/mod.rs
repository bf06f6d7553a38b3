//! Runs a plan: starts what may start, waits for what happens, and keeps the reports up to date.

mod course;
mod follow;
mod place;
mod record;

pub use course::{Settings, run};

use crate::report::Unwritten;
use std::io;

/// Why a plan was not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// A report can't be written; if it could at the beginning, the plan has run to its end.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// The system refused something that the runner itself needs.
    #[error("{what} failed")]
    Setup {
        /// What.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
