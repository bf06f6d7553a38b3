//! Where the steps' output goes.

use super::Broken;
use crate::plan::Plan;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// How temporary directories are named.
const PREFIX: &str = "fell-validate-";
/// How long the output of a plan that failed is kept there.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// The directory for the steps' output.
#[derive(Debug)]
pub(super) enum Place {
    /// The plan names one, by its reports.
    Kept(PathBuf),
    /// It names none.
    Temporary(TempDir),
}

impl Place {
    /// The plan's, or a temporary one.
    pub(super) fn new(plan: &Plan) -> Result<Place, Broken> {
        match &plan.reports.output {
            Some(path) => Ok(Place::Kept(path.clone())),
            None => {
                sweep(&std::env::temp_dir(), SystemTime::now());
                match tempfile::Builder::new().prefix(PREFIX).tempdir() {
                    Ok(directory) => Ok(Place::Temporary(directory)),
                    Err(source) => Err(Broken::Setup { what: "making a directory for the steps' output", source }),
                }
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Place::Kept(path) => path,
            Place::Temporary(directory) => directory.path(),
        }
    }

    /// After a failure, the output is still wanted.
    pub(super) fn keep(self) {
        if let Place::Temporary(directory) = self {
            let path = directory.keep();
            tracing::debug!(path = %path.display(), "output kept");
        }
    }
}

/// Removes what plans of this user have left here long ago.
fn sweep(temporary: &Path, now: SystemTime) {
    let own = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_old = |metadata: fs::Metadata| {
            let age = metadata.modified().ok().and_then(|written| now.duration_since(written).ok());
            metadata.is_dir() && metadata.uid() == own && age.is_some_and(|age| age > KEPT)
        };
        // Of the entry itself: a link is no directory.
        if is_ours
            && entry.metadata().is_ok_and(is_old)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::debug!(%error, path = %entry.path().display(), "old output stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_output_is_removed_and_nothing_else() {
        let temporary = tempfile::tempdir().unwrap();
        let here = |name: &str| temporary.path().join(name);
        for name in ["fell-validate-a", "other"] {
            fs::create_dir(here(name)).unwrap();
            fs::write(here(name).join("step.1.log"), "x").unwrap();
        }
        std::os::unix::fs::symlink(here("other"), here("fell-validate-link")).unwrap();
        sweep(temporary.path(), SystemTime::now());
        assert!(here("fell-validate-a").exists());
        sweep(temporary.path(), SystemTime::now() + KEPT * 2);
        assert!(!here("fell-validate-a").exists());
        assert!(here("other").join("step.1.log").exists() && here("fell-validate-link").is_symlink());
    }
}
