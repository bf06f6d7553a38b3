//! Writes the JSON Schemas of the documents to `docs/schemas`, or compares them with `--check`.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use miette::{IntoDiagnostic, Result, WrapErr, miette};

fn main() -> ExitCode {
    match run(std::env::args().skip(1).any(|argument| argument == "--check")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("schemas: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace");
    let folder = root.join("docs").join("schemas");
    let drifted = drift(&committed(&folder)?, &generated()?);
    if check {
        for (name, how) in &drifted {
            eprintln!("schemas: docs/schemas/{name} {how}");
        }
        return match drifted.len() {
            0 => Ok(()),
            files => {
                Err(miette!("{files} of docs/schemas drifted from the types; mend them with: cargo xtask codegen"))
            }
        };
    }
    fs::create_dir_all(&folder).into_diagnostic()?;
    for (name, how) in &drifted {
        let file = folder.join(name);
        match how {
            Drift::Missing(text) | Drift::Differs(text) => fs::write(&file, text),
            Drift::Unknown => fs::remove_file(&file),
        }
        .into_diagnostic()
        .wrap_err_with(|| format!("docs/schemas/{name} can't be written"))?;
        println!("docs/schemas/{name} {how}: mended");
    }
    Ok(())
}

type Files = BTreeMap<String, String>;

/// One file for each document, in pretty JSON.
fn generated() -> Result<Files> {
    fell::document::schemas()
        .into_iter()
        .chain(fell_plan::schemas())
        .map(|(name, schema)| {
            let text = serde_json::to_string_pretty(&schema).into_diagnostic()?;
            Ok((format!("{name}.json"), text + "\n"))
        })
        .collect()
}

/// No folder is an empty one.
fn committed(folder: &Path) -> Result<Files> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Files::new()),
        Err(error) => return Err(error).into_diagnostic(),
    };
    let mut files = Files::new();
    for entry in listing {
        let entry = entry.into_diagnostic()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".json") {
            let text = fs::read_to_string(entry.path()).into_diagnostic()?;
            // A checkout on Windows may have its own line ends.
            files.insert(name, text.replace("\r\n", "\n"));
        }
    }
    Ok(files)
}

/// How a committed file departs from the types.
#[derive(Debug, PartialEq, Eq)]
enum Drift {
    /// Holds what should be there.
    Missing(String),
    /// Holds what should be there.
    Differs(String),
    Unknown,
}

impl std::fmt::Display for Drift {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Missing(_) => "is missing",
            Self::Differs(_) => "differs from the types",
            Self::Unknown => "belongs to no document",
        })
    }
}

fn drift(committed: &Files, generated: &Files) -> BTreeMap<String, Drift> {
    let mut found = BTreeMap::new();
    for (name, text) in generated {
        match committed.get(name) {
            Some(there) if there == text => {}
            Some(_) => {
                found.insert(name.clone(), Drift::Differs(text.clone()));
            }
            None => {
                found.insert(name.clone(), Drift::Missing(text.clone()));
            }
        }
    }
    for name in committed.keys().filter(|name| !generated.contains_key(*name)) {
        found.insert(name.clone(), Drift::Unknown);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files<const N: usize>(files: [(&str, &str); N]) -> Files {
        files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
    }

    #[test]
    fn each_kind_of_drift_is_found() {
        let committed = files([("same.json", "1"), ("old.json", "2"), ("other.json", "3")]);
        let generated = files([("same.json", "1"), ("new.json", "4"), ("other.json", "5")]);
        let found = drift(&committed, &generated);
        assert_eq!(found.len(), 3);
        assert_eq!(found["old.json"], Drift::Unknown);
        assert_eq!(found["new.json"], Drift::Missing("4".to_owned()));
        assert_eq!(found["other.json"], Drift::Differs("5".to_owned()));
    }

    #[test]
    fn names_and_line_ends_are_those_of_files() {
        for (name, text) in generated().unwrap() {
            assert!(name.ends_with(".json") && !name.contains('/'), "{name}");
            assert!(text.ends_with("}\n"), "{name}");
        }
    }
}
