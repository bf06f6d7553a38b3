//! The files of the repository.

use std::fs;
use std::path::Path;
use std::process::Command;

use miette::{IntoDiagnostic, Result, miette};

/// Path from the root, with `/` on every OS, and text of each file that is committed or could be; files that are not UTF-8 are left out.
pub(crate) fn of(root: &Path) -> Result<Vec<(String, String)>> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output();
    let mut paths = match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect(),
        // An unpacked archive has no index, and its host perhaps no git.
        _ => {
            let mut all = Vec::new();
            walk(root, "", &mut all)?;
            all
        }
    };
    paths.sort();
    paths.dedup();
    if paths.is_empty() {
        return Err(miette!("{} holds no files to look at", root.display()));
    }
    Ok(paths
        .into_iter()
        .filter_map(|path| fs::read_to_string(root.join(&path)).ok().map(|text| (path, text)))
        .collect())
}

fn walk(root: &Path, below: &str, all: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(root.join(below)).into_diagnostic()? {
        let entry = entry.into_diagnostic()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.file_type().into_diagnostic()?.is_dir() {
            if !matches!(name.as_str(), "target" | ".git") {
                walk(root, &path, all)?;
            }
        } else {
            all.push(path);
        }
    }
    Ok(())
}
