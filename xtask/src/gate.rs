//! `cargo xtask test`: the steps that a change must pass, in order.

use std::time::Instant;

use miette::{Result, miette};

use crate::command::{cargo, must_pass, passes};
use crate::{arena, codegen, deny, fuzz, place, plan, programs, python, suites, tidy};

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<Verdict>,
}

/// How a step ended that did not fail.
enum Verdict {
    Passed,
    /// The host lacks something that the step needs; says what.
    Skipped(String),
}

/// Quick and cheap ones first.
const STEPS: &[Step] = &[
    Step { name: "fmt", what: "cargo fmt --all --check", run: fmt },
    Step { name: "clippy", what: "clippy on everything, warnings refused", run: clippy },
    Step { name: "doc", what: "rustdoc on everything, warnings refused", run: doc },
    Step { name: "tidy", what: "the floors of the engine and the rules of the house", run: house },
    Step { name: "codegen", what: "the committed schemas are those of the types", run: schemas },
    Step { name: "deny", what: "licences, bans, sources and advisories of dependencies", run: dependencies },
    Step { name: "bins", what: "the programs that the tests run", run: bins },
    Step { name: "tests", what: "cargo nextest run --workspace --all-features", run: tests },
    Step { name: "arena", what: "fell against every victim in every mode, as root and as nobody", run: adversaries },
    Step { name: "suites", what: "the old tools' own tests against fell under their names", run: peers },
    Step { name: "doctests", what: "the examples in the documentation", run: doctests },
    Step { name: "python", what: "the wheel in an environment of its own: pytest, mypy, stubtest", run: package },
    Step { name: "fuzz", what: "damaged bytes for the parsers, for a bounded time", run: damaged },
];

/// The steps' names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

/// Prints the steps.
pub(crate) fn list() {
    for step in STEPS {
        println!("{:<9} {}", step.name, step.what);
    }
}

/// Runs the steps named in `only`; without any, all, through the plan. Stops at the first that fails.
pub(crate) fn run(only: &[String]) -> Result<()> {
    // Elsewhere fell does not run yet.
    if only.is_empty() && cfg!(target_os = "linux") { plan::run() } else { run_here(only) }
}

/// Whether all steps of the last run have passed by their own word.
pub(crate) fn confirm() -> Result<()> {
    if cfg!(target_os = "linux") { plan::confirm(names()) } else { Ok(()) }
}

fn run_here(only: &[String]) -> Result<()> {
    let steps: Vec<&Step> =
        STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name)).collect();
    let total = steps.len();
    let mut skipped = 0;
    for (index, step) in steps.iter().enumerate() {
        let number = index + 1;
        println!("[{number}/{total}] {}: {}", step.name, step.what);
        let started = Instant::now();
        let verdict = (step.run)();
        let took = started.elapsed().as_secs_f64();
        match verdict {
            Ok(Verdict::Passed) => {
                plan::leave_word(step.name, "passed")?;
                println!("[{number}/{total}] {}: ok in {took:.1} s", step.name);
            }
            Ok(Verdict::Skipped(why)) => {
                skipped += 1;
                plan::leave_word(step.name, &format!("skipped: {why}"))?;
                println!("[{number}/{total}] {}: skipped: {why}", step.name);
            }
            Err(error) => {
                return Err(miette!(
                    "step {name} failed after {took:.1} s: {error}; rerun it with: cargo xtask test --only {name}",
                    name = step.name
                ));
            }
        }
    }
    if !plan::is_step() {
        println!("steps: {} passed, 0 failed, {skipped} skipped", total - skipped);
    }
    Ok(())
}

fn fmt() -> Result<Verdict> {
    must_pass(&mut cargo(["fmt", "--all", "--check"]))?;
    must_pass(&mut cargo(["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"]))?;
    must_pass(&mut cargo(["fmt", "--check", "--manifest-path", "bench/Cargo.toml"]))?;
    Ok(Verdict::Passed)
}

fn clippy() -> Result<Verdict> {
    must_pass(&mut cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))?;
    Ok(Verdict::Passed)
}

/// The binary shares its name, and so its documentation's folder, with the library: it is read in a folder of its own.
fn doc() -> Result<Verdict> {
    must_pass(
        cargo(["doc", "--workspace", "--exclude", "fell-cli", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    must_pass(
        cargo(["doc", "--package", "fell-cli", "--no-deps", "--all-features", "--target-dir"])
            .arg(place::target().join("doc-cli"))
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    Ok(Verdict::Passed)
}

fn house() -> Result<Verdict> {
    tidy::run()?;
    Ok(Verdict::Passed)
}

fn schemas() -> Result<Verdict> {
    codegen::run(true)?;
    Ok(Verdict::Passed)
}

fn dependencies() -> Result<Verdict> {
    deny::run()?;
    Ok(Verdict::Passed)
}

fn bins() -> Result<Verdict> {
    programs::build()?;
    Ok(Verdict::Passed)
}

fn tests() -> Result<Verdict> {
    if !passes(&mut cargo(["nextest", "--version"])) {
        return Err(miette!("cargo-nextest is missing; install it with: cargo install --locked cargo-nextest"));
    }
    must_pass(&mut cargo(["nextest", "run", "--workspace", "--all-features"]))?;
    Ok(Verdict::Passed)
}

/// Under every user that this one can play as.
fn adversaries() -> Result<Verdict> {
    if !cfg!(target_os = "linux") {
        return Ok(Verdict::Skipped("the victims are Linux programs".to_owned()));
    }
    arena::run(&["--contestants".to_owned(), "fell,fell@nobody".to_owned()])?;
    Ok(Verdict::Passed)
}

fn peers() -> Result<Verdict> {
    if !cfg!(target_os = "linux") {
        return Ok(Verdict::Skipped("the suites come from Debian's archive".to_owned()));
    }
    Ok(suites::run()?.map_or(Verdict::Passed, Verdict::Skipped))
}

fn doctests() -> Result<Verdict> {
    must_pass(&mut cargo(["test", "--doc", "--workspace", "--all-features"]))?;
    Ok(Verdict::Passed)
}

fn package() -> Result<Verdict> {
    Ok(python::run()?.map_or(Verdict::Passed, |why| Verdict::Skipped(why.to_owned())))
}

fn damaged() -> Result<Verdict> {
    if !fuzz::possible() {
        let why = "libFuzzer needs a C++ compiler and Linux; on Debian: apt-get install g++";
        return Ok(Verdict::Skipped(why.to_owned()));
    }
    fuzz::run(fuzz::SECONDS, &[])?;
    Ok(Verdict::Passed)
}
