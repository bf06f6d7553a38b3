//! Report files: written whole or not at all.

use crate::args::ReportFile;
use crate::exit::Exit;
use crate::failure::Failure;
use fell::document::RunDocument;
use fell_plan::report::replace;
use std::path::{Path, PathBuf};

/// Looks at where the reports will go, before an hour's work is lost for a misspelt directory.
///
/// # Errors
///
/// A directory does not exist.
pub(super) fn check(files: &[ReportFile]) -> Result<(), Failure> {
    for ReportFile { path } in files {
        let directory = directory(path);
        if path.is_dir() {
            return Err(Failure::new(Exit::Failed, format!("--report json={}: it is a directory", path.display()))
                .help("expected a file"));
        }
        if !directory.is_dir() {
            let what = format!("--report json={}: no directory {}", path.display(), directory.display());
            return Err(Failure::new(Exit::Failed, what).help("make it first"));
        }
    }
    Ok(())
}

/// Writes the report to all of them.
///
/// # Errors
///
/// One of them can't be written.
pub(super) fn write(document: &RunDocument, files: &[ReportFile]) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(document).map_err(|error| Failure::of(Exit::Failed, &error))?;
    text.push('\n');
    for ReportFile { path } in files {
        replace(path, text.as_bytes()).map_err(|error| {
            Failure::new(Exit::Failed, format!("the report {} can't be written: {error}", path.display()))
        })?;
    }
    Ok(())
}

fn directory(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => PathBuf::from(parent),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_directory_is_found_before_the_run() {
        let failure = check(&[ReportFile { path: PathBuf::from("/no/such/run.json") }]).unwrap_err();
        assert_eq!(failure.to_string(), "--report json=/no/such/run.json: no directory /no/such; make it first");
    }
}
