//! The report files: each written whole or not at all.

pub mod github;
mod junit;
mod markdown;
mod replace;
mod text;

pub use crate::output::tail;
pub use junit::{junit, rows};
pub use markdown::{markdown, summary};
pub use replace::replace;
pub use text::{duration, xml_text};

use crate::document::ValidateDocument;
use crate::plan::Reports;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A report that can't be written.
#[derive(Debug, thiserror::Error)]
#[error("the report {} can't be written", path.display())]
pub struct Unwritten {
    /// Where to.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Writes all report files anew.
///
/// # Errors
///
/// The first that can't be written; the others are written all the same.
pub fn publish(reports: &Reports, document: &ValidateDocument) -> Result<(), Unwritten> {
    let mut first = Ok(());
    let mut write = |path: &Path, text: io::Result<String>| {
        let written = text.and_then(|text| replace(path, text.as_bytes()));
        if let (Err(source), Ok(())) = (written, &first) {
            first = Err(Unwritten { path: PathBuf::from(path), source });
        }
    };
    if let Some(path) = &reports.json {
        let text = serde_json::to_string_pretty(document).map_err(io::Error::from);
        write(path, text.map(|text| text + "\n"));
    }
    if let Some(path) = &reports.junit {
        write(path, junit(document));
    }
    if let Some(path) = &reports.markdown {
        write(path, Ok(markdown(document)));
    }
    first
}

/// Makes the directories of all report files.
///
/// # Errors
///
/// One can't be made.
pub fn prepare(reports: &Reports) -> Result<(), Unwritten> {
    for path in [&reports.json, &reports.junit, &reports.markdown].into_iter().flatten() {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        if let Some(directory) = directory {
            fs::create_dir_all(directory).map_err(|source| Unwritten { path: path.clone(), source })?;
        }
    }
    Ok(())
}
