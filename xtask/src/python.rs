//! The Python package: its wheel, in an environment of its own, under its tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use miette::{IntoDiagnostic, Result, miette};

use crate::command::{must_pass, passes};
use crate::place;

/// Builds the wheel, installs it, and runs its tests and the type checkers. Gives what is missing, if something is.
pub(crate) fn run() -> Result<Option<&'static str>> {
    let Some(system) = place::in_path("python3") else { return Ok(Some("no python3")) };
    if !passes(Command::new(&system).args(["-c", "import ensurepip, venv"])) {
        return Ok(Some("Python's venv is missing; on Debian: apt-get install python3-venv"));
    }
    let home = place::target().join("python");
    let venv = home.join("venv");
    must_pass(Command::new(&system).args(["-m", "venv", "--clear"]).arg(&venv))?;
    let python = venv.join("bin/python");
    if !passes(pip(&python).args(["download", "--no-deps", "--dest"]).arg(home.join("probe")).arg("maturin")) {
        return Ok(Some("PyPI can't be reached"));
    }
    must_pass(pip(&python).args(["install", "--requirement", "requirements-test.txt"]))?;
    if !passes(pip(&python).args(["install", "uvloop"])) {
        println!("uvloop can't be installed here: its tests are skipped");
    }

    let wheel = build(&venv, &home.join("wheels"))?;
    must_pass(pip(&python).args(["install", "--no-index", "--no-deps", "--force-reinstall"]).arg(&wheel))?;

    let module = |name: &str| {
        let mut command = inside(&python);
        command.args(["-m", name]).env("MYPY_CACHE_DIR", home.join("mypy"));
        command
    };
    must_pass(module("ruff").args(["check", "--no-cache"]))?;
    must_pass(module("ruff").args(["format", "--check", "--no-cache"]))?;
    must_pass(module("mypy").args(["--strict", "--package", "fell"]))?;
    must_pass(module("mypy.stubtest").arg("fell"))?;
    must_pass(module("pytest").args(["-q", "-p", "no:cacheprovider"]))?;
    Ok(None)
}

/// The wheel, with the code of the other tests: an optimised one takes minutes, and tests the same.
fn build(venv: &Path, folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder).into_diagnostic()?;
    }
    must_pass(inside(&venv.join("bin/maturin")).args(["build", "--quiet", "--profile", "dev", "--out"]).arg(folder))?;
    let mut wheels = fs::read_dir(folder).into_diagnostic()?.flatten().map(|entry| entry.path());
    match (wheels.next(), wheels.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => Err(miette!("{} holds not just one wheel", folder.display())),
    }
}

fn pip(python: &Path) -> Command {
    let mut command = inside(python);
    command.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]);
    command
}

/// A program that works in the package's folder, and leaves nothing there.
fn inside(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(place::root().join("crates/fell-python"))
        .env("CARGO_TARGET_DIR", place::target())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Whatever the caller has set up for a Python of his own.
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME");
    command
}
