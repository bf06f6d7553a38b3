//! The adversary suite: victims against fell and its peers.

use miette::Result;

use crate::command::{cargo, must_pass};

/// Builds fell, the victims and the arena, and lets them play. `arguments` go to the arena.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    must_pass(&mut cargo(["build", "--quiet", "--package", "fell-cli", "--package", "fell-testkit", "--bins"]))?;
    must_pass(cargo(["run", "--quiet", "--package", "fell-testkit", "--bin", "fell-arena", "--"]).args(arguments))
}
