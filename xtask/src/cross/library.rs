//! The standard library for another target, built from Debian's sources into Debian's own compiler.
//!
//! Once there, plain cargo, clippy and nextest know the target as if it had come with the compiler. It is built once for
//! each version of the compiler.

use super::debian::cargo;
use crate::command::must_pass;
use miette::{Result, miette};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the library is to be good for.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// Compiling alone: its metadata.
    Checking,
    /// Linking as well.
    Linking,
}

/// Builds the library for a target, unless this compiler has it.
pub(super) fn build(target: &str, purpose: Use) -> Result<()> {
    let version = version()?;
    let (verb, extension) = match purpose {
        Use::Checking => ("check", "rmeta"),
        Use::Linking => ("build", "rlib"),
    };
    let destination = PathBuf::from(format!("/usr/lib/rustlib/{target}/lib"));
    let stamp = destination.join(format!(".fell-{version}-{verb}"));
    if stamp.exists() {
        return Ok(());
    }
    let failed = |what: &str, error: std::io::Error| miette!("{what}: {error}");
    // A crate of no lines, for which the library is built.
    let seed = super::folder().join("library").join(target);
    fs::create_dir_all(seed.join("src")).map_err(|error| failed("making a folder", error))?;
    let manifest = "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n\
                    [profile.dev]\ndebug = \"line-tables-only\"\n";
    fs::write(seed.join("Cargo.toml"), manifest).map_err(|error| failed("writing a manifest", error))?;
    fs::write(seed.join("src/lib.rs"), "").map_err(|error| failed("writing a source", error))?;
    must_pass(
        cargo([verb, "--quiet", "-Zbuild-std=std,panic_unwind,panic_abort,proc_macro,test", "--target", target])
            .current_dir(&seed)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", seed.join("target")),
    )?;
    if destination.exists() {
        fs::remove_dir_all(&destination).map_err(|error| failed("removing an old library", error))?;
    }
    fs::create_dir_all(&destination).map_err(|error| failed("making the library's folder", error))?;
    let built = seed.join("target").join(target).join("debug/deps");
    for file in files(&built, extension)? {
        let name = file.file_name().unwrap_or_default();
        fs::copy(&file, destination.join(name)).map_err(|error| failed("copying the library", error))?;
    }
    fs::write(&stamp, "").map_err(|error| failed("writing a stamp", error))?;
    fs::remove_dir_all(&seed).map_err(|error| failed("cleaning up", error))
}

/// What was built for the library, without the seed itself.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| miette!("{}: {error}", folder.display()))?;
    let is_part = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.extension().is_some_and(|own| own == extension) && !name.starts_with("libseed-")
    };
    Ok(entries.flatten().map(|entry| entry.path()).filter(is_part).collect())
}

/// `1.96.0`.
fn version() -> Result<String> {
    let said = Command::new("/usr/bin/rustc").arg("--version").output();
    let said = said.map_err(|error| miette!("/usr/bin/rustc does not start: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.split(' ').nth(1).map(str::to_owned).ok_or_else(|| miette!("/usr/bin/rustc does not tell its version: {said}"))
}
