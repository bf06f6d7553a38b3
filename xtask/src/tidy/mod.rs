//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! A rule is a pure function from a file's path and text to what is wrong with it; only [`findings`] reads files.

mod finding;
mod floors;
mod header;
mod length;
mod links;
mod machine;
mod manifest;
mod paths;
mod sources;
mod tokens;
mod words;

use std::path::Path;

use miette::{Result, miette};

use crate::place;
use finding::Finding;

/// Prints what is wrong; an error when anything is.
pub(crate) fn run() -> Result<()> {
    let found = findings(place::root())?;
    for finding in &found {
        println!("{finding}");
    }
    match found.len() {
        0 => Ok(()),
        1 => Err(miette!("tidy found 1 thing to mend")),
        many => Err(miette!("tidy found {many} things to mend")),
    }
}

/// Everything that is wrong in the workspace at `root`.
fn findings(root: &Path) -> Result<Vec<Finding>> {
    let exists = |path: &str| root.join(path).exists();
    let mut found = Vec::new();
    for (path, text) in sources::of(root)? {
        found.extend(words::check(&path, &text));
        if path.ends_with(".rs") {
            let tokens = tokens::of(&text);
            found.extend(floors::check(&path, &tokens));
            found.extend(machine::check(&path, &tokens));
            found.extend(header::check(&path, &text));
            found.extend(length::check(&path, &text));
        }
        if path.ends_with("Cargo.toml") {
            found.extend(manifest::check(&path, &text));
        }
        if path.ends_with(".md") {
            found.extend(links::check(&path, &text, &exists));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let found = findings(place::root()).unwrap();
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "\n{}", lines.join("\n"));
    }

    #[test]
    fn the_driver_sees_the_workspace_and_this_file() {
        let sources = sources::of(place::root()).unwrap();
        for wanted in ["Cargo.toml", "crates/fell/src/lib.rs", "xtask/src/tidy/mod.rs"] {
            assert!(sources.iter().any(|(path, _)| path == wanted), "{wanted} is not looked at");
        }
    }
}
