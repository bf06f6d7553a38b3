//! Bounded fuzzing of the parsers with libFuzzer, on the stable toolchain and without cargo-fuzz.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use miette::{IntoDiagnostic, Result, WrapErr, miette};

use crate::command::{cargo, must_pass};
use crate::place;

/// Seconds for each target when nothing else is asked.
pub(crate) const SECONDS: u32 = 6;

/// The coverage that libFuzzer is led by: edges counted in 8 bits, and a table of where they are.
const COVERAGE: &str = "--cfg fuzzing \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Ccodegen-units=1 \
    -Cdebug-assertions";

/// Whether this host can build libFuzzer.
pub(crate) fn possible() -> bool {
    cfg!(target_os = "linux") && ["c++", "g++", "clang++"].iter().any(|compiler| place::in_path(compiler).is_some())
}

/// Builds the targets and runs each one for `seconds`; `chosen` empty means all.
pub(crate) fn run(seconds: u32, chosen: &[String]) -> Result<()> {
    let folder = place::root().join("fuzz");
    let all = targets(&folder)?;
    if let Some(unknown) = chosen.iter().find(|name| !all.contains(name)) {
        return Err(miette!("no fuzz target {unknown}; there are: {}", all.join(", ")));
    }
    let host = host()?;
    let build = place::target().join("fuzz");
    // With --target the flags stay out of build scripts.
    must_pass(
        cargo(["build", "--quiet", "--release", "--bins", "--locked", "--target", &host, "--target-dir"])
            .arg(&build)
            .args(["--manifest-path", "fuzz/Cargo.toml"])
            .env("RUSTFLAGS", COVERAGE)
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )?;
    let programs = build.join(&host).join("release");
    for target in all.iter().filter(|name| chosen.is_empty() || chosen.contains(name)) {
        attack(&folder, &programs, target, seconds)?;
    }
    Ok(())
}

/// The targets are the files in `fuzz/targets`.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let listing = fs::read_dir(folder.join("targets")).into_diagnostic().wrap_err("fuzz/targets can't be listed")?;
    let mut names = Vec::new();
    for entry in listing {
        let path = entry.into_diagnostic()?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What libFuzzer finds on its way goes to `fuzz/corpus`, which is not committed; the seeds are only read.
fn attack(folder: &Path, programs: &Path, target: &str, seconds: u32) -> Result<()> {
    let corpus = made(folder.join("corpus").join(target))?;
    let artifacts = made(folder.join("artifacts").join(target))?;
    let seeds = folder.join("seeds").join(target);
    let log = artifacts.join("last-run.log");
    let output = fs::File::create(&log).into_diagnostic()?;
    let mut command = Command::new(programs.join(target));
    command
        .current_dir(folder)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(corpus)
        .stderr(output);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    let result = must_pass(&mut command);
    let text = String::from_utf8_lossy(&fs::read(&log).into_diagnostic()?).into_owned();
    if result.is_err() {
        // Without the lines of progress.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            eprintln!("{line}");
        }
        return Err(miette!(
            "fuzz target {target} failed; the input is in fuzz/artifacts/{target}: cure it, then keep it in fuzz/seeds/{target}"
        ));
    }
    println!("fuzz {target}: nothing found in {} inputs", executed(&text).unwrap_or("an unknown number of"));
    Ok(())
}

fn executed(log: &str) -> Option<&str> {
    log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).map(str::trim)
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).into_diagnostic().wrap_err_with(|| format!("{} can't be made", folder.display()))?;
    Ok(folder)
}

/// The triple that this toolchain builds for by itself.
fn host() -> Result<String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler).arg("-vV").output().into_diagnostic().wrap_err("rustc does not start")?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or_else(|| miette!("rustc -vV names no host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_inputs_is_read_from_the_final_statistics() {
        let log = "Done 12 runs\nstat::number_of_executed_units: 4096\nstat::peak_rss_mb: 30\n";
        assert_eq!(executed(log), Some("4096"));
        assert_eq!(executed("killed"), None);
    }

    #[test]
    fn each_target_is_declared_in_the_manifest_and_has_seeds() {
        let folder = place::root().join("fuzz");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for target in targets(&folder).unwrap() {
            assert!(
                manifest.contains(&format!("path = \"targets/{target}.rs\"")),
                "fuzz/Cargo.toml has no [[bin]] for {target}"
            );
            assert!(
                fs::read_dir(folder.join("seeds").join(&target)).is_ok_and(|mut seeds| seeds.next().is_some()),
                "fuzz/seeds/{target} is empty"
            );
        }
    }
}
