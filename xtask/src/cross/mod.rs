//! `cargo xtask cross`: the other systems, as far as they can be checked on a Debian machine.
//!
//! Windows is built, linted, and its tests run under Wine. macOS and FreeBSD are compiled and linted, and never run. Linux
//! on Arm is compiled, linked, and its tests run under qemu. The compiler is Debian's `rustc-web`, whose sources of the
//! standard library it can build for any target: see [`library`].

mod debian;
mod library;
mod wine;

use crate::command::must_pass;
use crate::place;
use debian::cargo;
use miette::{Result, miette};
use std::process::Command;
use std::time::Instant;

/// What is checked, in order.
struct System {
    name: &'static str,
    what: &'static str,
    packages: &'static [&'static str],
    run: fn() -> Result<()>,
}

const SYSTEMS: &[System] = &[
    System {
        name: "windows",
        what: "x86_64-pc-windows-gnu: clippy, and tests under Wine",
        packages: &["gcc-mingw-w64-x86-64-win32", "wine64"],
        run: windows,
    },
    System {
        name: "macos",
        what: "aarch64-apple-darwin: clippy",
        packages: &[],
        run: || lint("aarch64-apple-darwin", &CRATES),
    },
    System {
        name: "freebsd",
        what: "x86_64-unknown-freebsd: clippy",
        packages: &[],
        // The allocator of the binary does not know this system.
        run: || lint("x86_64-unknown-freebsd", &CRATES[..2]),
    },
    System {
        name: "aarch64",
        what: "aarch64-unknown-linux-gnu: the engine's unit tests under qemu, but for those of the kernel's facilities",
        packages: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"],
        run: aarch64,
    },
];

/// The compiler, its cargo, and the sources of its standard library.
const COMPILER: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"];

/// The systems' names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SYSTEMS.iter().map(|system| system.name)
}

/// Prints the systems.
pub(crate) fn list() {
    for system in SYSTEMS {
        println!("{:<9} {}", system.name, system.what);
    }
}

/// Checks the systems named in `only`, or all; stops at the first that fails.
pub(crate) fn run(only: &[String]) -> Result<()> {
    let systems: Vec<&System> =
        SYSTEMS.iter().filter(|system| only.is_empty() || only.iter().any(|name| name == system.name)).collect();
    let packages: Vec<&str> =
        COMPILER.iter().chain(systems.iter().flat_map(|system| system.packages)).copied().collect();
    timed("packages of Debian", || debian::install(&packages))?;
    for system in systems {
        println!("cross: {}: {}", system.name, system.what);
        (system.run)().map_err(|error| {
            miette!("{}: {error}; rerun it with: cargo xtask cross --only {}", system.name, system.name)
        })?;
    }
    Ok(())
}

/// Does it, and says how long it took.
fn timed<T>(what: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    let done = act()?;
    println!("cross: {what}: {:.1} s", began.elapsed().as_secs_f64());
    Ok(done)
}

/// The crates that other systems get, as far as they go.
const CRATES: [&str; 3] = ["--package=fell", "--package=fell-plan", "--package=fell-cli"];

fn windows() -> Result<()> {
    const TARGET: &str = "x86_64-pc-windows-gnu";
    timed("the standard library", || library::build(TARGET, library::Use::Linking))?;
    timed("clippy", || {
        must_pass(
            cargo(["clippy", "--quiet", "--target", TARGET])
                .args(CRATES)
                .args(["--lib", "--bins", "--test=contract", "--test=everywhere", "--features=fell/fake"])
                .args(["--", "-D", "warnings"]),
        )
    })?;
    timed("building the tests", || each_suite(&["test", "--no-run"], TARGET, must_pass))?;
    let wine = timed("Wine", wine::Wine::start)?;
    timed("tests under Wine", || {
        // Wine knows that somebody listens, and not who.
        let shown = ["-E", "not test(a_port_is_held_until_its_listener_is_gone)"];
        each_suite(&["nextest", "run", "--no-fail-fast"], TARGET, |suite| must_pass(wine.runs(suite.args(shown))))
    })
}

/// The tests that need no program of Linux.
fn each_suite(verb: &[&str], target: &str, act: impl Fn(&mut Command) -> Result<()>) -> Result<()> {
    const SUITES: [&[&str]; 2] = [
        &["--package=fell", "--lib", "--test=contract", "--test=simulation", "--features=fake"],
        &["--package=fell-cli", "--test=everywhere"],
    ];
    SUITES.iter().try_for_each(|suite| act(cargo(verb).args(["--target", target]).args(*suite)))
}

fn lint(target: &str, crates: &[&str]) -> Result<()> {
    timed("the standard library", || library::build(target, library::Use::Checking))?;
    timed("clippy", || {
        must_pass(
            cargo(["clippy", "--quiet", "--target", target])
                .args(crates)
                .args(["--lib", "--bins", "--", "-D", "warnings"]),
        )
    })
}

fn aarch64() -> Result<()> {
    const TARGET: &str = "aarch64-unknown-linux-gnu";
    timed("the standard library", || library::build(TARGET, library::Use::Linking))?;
    timed("unit tests under qemu", || {
        must_pass(
            cargo(["test", "--quiet", "--target", TARGET, "--package=fell", "--features=fake", "--lib"])
                .args(["--", "--skip=sys::linux"]),
        )
    })
}

/// Where all of this is kept.
fn folder() -> std::path::PathBuf {
    place::target().join("cross")
}
