//! What can go wrong before anything was done.

use crate::id::ProcessId;
use crate::plan::Refusal;
use std::io;

/// Why a deed was not begun. Nothing was signalled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The target must not be ended.
    #[error("process {target} is not to be ended: {refusal}")]
    Refused {
        /// The target.
        target: ProcessId,
        /// Why.
        refusal: Refusal,
    },
    /// The command's program does not exist (`run`; exit code 127).
    #[error("no such command: {program}")]
    NotFound {
        /// The program as it was given.
        program: String,
    },
    /// The command's program exists and can't be executed (`run`; exit code 126).
    #[error("can't execute {program}")]
    NotExecutable {
        /// The program as it was given.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A containment layer was asked for that this host does not give.
    #[error("containment by {layer} is not to be had here: {why}")]
    NoContainment {
        /// The layer.
        layer: &'static str,
        /// What is missing.
        why: String,
    },
    /// A step of the set-up failed; nothing is running.
    #[error("{step} failed")]
    Setup {
        /// Which step.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
