//! `cargo xtask bench`: builds what is measured, and measures it; or compares instruction counts with the committed ones.
//!
//! The measuring itself is `bench/`, a package apart: the peers that it measures are no dependencies of fell.

mod instructions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use miette::{IntoDiagnostic, Result, WrapErr, miette};

use crate::command::{cargo, must_pass};
use crate::{dist, place};

/// What the peers and the program that measures are built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure this alone, and write no page; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Rounds of what is quick to measure
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Fewer rounds and processes, and no page: for a first look
    #[arg(long)]
    quick: bool,
    /// Compare the instruction counts of the hot paths with the committed ones, and measure no time
    #[arg(long)]
    check: bool,
    /// Write the instruction counts that are to be committed
    #[arg(long, conflicts_with = "check")]
    accept: bool,
}

/// Builds and measures.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(miette!("bench: the measured program is built for x86-64 Linux"));
    }
    let programs = programs()?;
    if options.check || options.accept {
        return instructions::run(&programs, options.accept);
    }
    let mut command = Command::new(programs.join("fell-bench"));
    command.arg("--programs").arg(&programs).arg("--root").arg(place::root());
    for name in &options.only {
        command.args(["--only", name]);
    }
    if let Some(rounds) = options.rounds {
        command.args(["--rounds", &rounds.to_string()]);
    }
    if options.quick {
        command.arg("--quick");
    }
    must_pass(&mut command)
}

/// Builds fell as it is released, the floors in C, the peers in Rust and the program that measures, into one folder.
fn programs() -> Result<PathBuf> {
    let base = place::target().join("bench");
    let programs = base.join("programs");
    fs::create_dir_all(&programs).into_diagnostic()?;
    install(&dist::build()?, &programs.join("fell"))?;
    install(&programs.join("fell"), &programs.join("timeout"))?;
    must_pass(
        cargo([
            "build",
            "--quiet",
            "--release",
            "--bins",
            "--manifest-path",
            "bench/Cargo.toml",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(base.join("peers"))
        // As fell is: nothing of what is compared has to be loaded, and valgrind can follow it.
        .env("RUSTFLAGS", "-Ctarget-feature=+crt-static -Crelocation-model=static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )?;
    for name in ["fell-bench", "peer", "paths"] {
        install(&base.join("peers").join(TARGET).join("release").join(name), &programs.join(name))?;
    }
    for source in floors()? {
        let name = source.file_stem().ok_or_else(|| miette!("{} has no name", source.display()))?;
        let mut compiler = Command::new("cc");
        must_pass(compiler.args(["-O2", "-Wall", "-Wextra", "-static", "-o"]).arg(programs.join(name)).arg(&source))?;
    }
    Ok(programs)
}

fn floors() -> Result<Vec<PathBuf>> {
    let folder = place::root().join("bench/floors");
    let listing = fs::read_dir(&folder).into_diagnostic().wrap_err("bench/floors can't be listed")?;
    let mut found: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    found.sort();
    Ok(found)
}

/// A link where that is possible, so that no copy is out of date.
fn install(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_file(to).into_diagnostic()?;
    }
    fs::hard_link(from, to)
        .or_else(|_| fs::copy(from, to).map(drop))
        .into_diagnostic()
        .wrap_err_with(|| format!("{}", to.display()))
}
