//! `cargo xtask dist`: the binary as it is released: static, small, for any Linux on this processor.

use std::path::PathBuf;
use std::process::Command;

use miette::{Result, miette};

use crate::command::{cargo, must_pass, passes};
use crate::place;

/// Rust brings this C library along. That of GNU asks the processor dozens of questions before `main`, each of which
/// leaves a virtual machine.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// Nothing to relocate at the start, and no tables for walking up a stack: the program aborts on a panic.
const FLAGS: &str = "-Crelocation-model=static -Cforce-unwind-tables=no -Clink-arg=-Wl,--no-eh-frame-hdr \
    -Clink-arg=-Wl,-T,";

/// Builds it, and gives its path.
pub(crate) fn build() -> Result<PathBuf> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(miette!("dist: it is built on x86-64 Linux"));
    }
    // Where rustup is, it fetches what is missing; elsewhere the build itself says what it lacks.
    if !passes(Command::new("rustup").args(["--quiet", "target", "add", TARGET])) {
        eprintln!("dist: rustup could not add {TARGET}; trying with what is there");
    }
    let folder = place::target().join("dist");
    must_pass(
        cargo(["build", "--quiet", "--release", "--locked", "--package", "fell-cli", "--bin", "fell"])
            .args(["--target", TARGET, "--target-dir"])
            .arg(&folder)
            .env("RUSTFLAGS", format!("{FLAGS}{}", place::root().join("scripts/static.ld").display()))
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )?;
    Ok(folder.join(TARGET).join("release/fell"))
}
