//! `cargo xtask codegen`: the committed files that are made from code.

use miette::Result;

use crate::command::{cargo, must_pass};

/// Writes `docs/schemas`, or with `check` compares it with what would be written.
///
/// A program of its own does it: the other chores must work while the engine does not compile.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut command = cargo(["run", "--quiet", "--package", "xtask", "--features", "codegen", "--bin", "schemas"]);
    if check {
        command.args(["--", "--check"]);
    }
    must_pass(&mut command)
}
