//! Debian's packages, and its Rust.

use crate::command::{must_pass, passes};
use crate::place;
use miette::{Result, miette};
use std::ffi::OsStr;
use std::process::Command;

/// What a rustup or a cargo around this program has set, and what must not reach Debian's compiler.
const FOREIGN: [&str; 12] = [
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    // Wine would open windows on it.
    "DISPLAY",
];

/// Debian's `cargo` with these arguments, in the workspace's root.
pub(super) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new("/usr/bin/cargo");
    command.args(arguments).current_dir(place::root());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once("/usr/bin".into()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    for name in FOREIGN {
        command.env_remove(name);
    }
    command
        .env("CARGO_TARGET_DIR", super::folder().join("target"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc")
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc")
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", "qemu-aarch64 -L /usr/aarch64-linux-gnu");
    command
}

/// Installs what is missing.
///
/// # Errors
///
/// This is no Debian, or not root's to change.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    let is_there = |package: &&&str| passes(Command::new("dpkg").args(["--status", package]));
    let missing: Vec<&str> = packages.iter().filter(|package| !is_there(package)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = || miette!("missing: {0}; install with: apt-get install {0}", missing.join(" "));
    if place::in_path("apt-get").is_none() || !passes(Command::new("test").args(["-w", "/usr/lib"])) {
        return Err(by_hand());
    }
    let apt = |arguments: &[&str]| {
        must_pass(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "-qq"])?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(&arguments)
}
