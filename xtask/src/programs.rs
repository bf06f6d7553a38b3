//! The programs that the tests, the arena, the suites and the plan run: all built in one way, so that none is built twice.

use std::env;
use std::path::PathBuf;

use miette::Result;

use crate::command::{cargo, must_pass};
use crate::place;

/// Builds them. Without this package: its program is the one that runs.
pub(crate) fn build() -> Result<()> {
    must_pass(&mut cargo(["build", "--quiet", "--workspace", "--exclude", "xtask", "--all-features", "--bins"]))
}

/// Where this one is, once they are built.
pub(crate) fn path(name: &str) -> PathBuf {
    place::target().join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX))
}
