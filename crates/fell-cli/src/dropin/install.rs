//! Links under the old names.

use super::Tool;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What became of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// It was made.
    New(PathBuf),
    /// It was there, and led here.
    Same(PathBuf),
}

/// Makes links to this binary in a directory, under the names of the tools that it stands in for.
///
/// # Errors
///
/// What is in the way, or why a link can't be made. Nothing is replaced.
pub(crate) fn links(directory: &Path, binary: &Path) -> Result<Vec<Made>, (PathBuf, io::Error)> {
    let is_in_the_way = |link: &Path| link.symlink_metadata().is_ok() && !leads_to(link, binary);
    let links = Tool::ALL.map(|tool| directory.join(tool.name()));
    if let Some(other) = links.into_iter().find(|link| is_in_the_way(link)) {
        return Err((other, io::ErrorKind::AlreadyExists.into()));
    }
    let mut made = Vec::new();
    for tool in Tool::ALL {
        let link = directory.join(tool.name());
        match symlink(binary, &link) {
            Ok(()) => made.push(Made::New(link)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && leads_to(&link, binary) => {
                made.push(Made::Same(link));
            }
            Err(error) => return Err((link, error)),
        }
    }
    Ok(made)
}

fn leads_to(link: &Path, binary: &Path) -> bool {
    std::fs::read_link(link).is_ok_and(|target| target == binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_each_link_once_and_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (path, binary) = (directory.path(), Path::new("/opt/fell"));
        assert!(links(path, binary).unwrap().iter().all(|made| matches!(made, Made::New(_))));
        assert_eq!(std::fs::read_link(path.join("dumb-init")).unwrap(), binary);
        assert!(links(path, binary).unwrap().iter().all(|made| matches!(made, Made::Same(_))));
        let (in_the_way, error) = links(path, Path::new("/other/fell")).unwrap_err();
        assert_eq!((in_the_way, error.kind()), (path.join("timeout"), io::ErrorKind::AlreadyExists));
    }
}
