//! The adversary suite: victims against fell and its peers.

use std::process::Command;

use miette::Result;

use crate::command::must_pass;
use crate::{place, programs};

/// Builds fell, the victims and the arena, and lets them play. `arguments` go to the arena.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    programs::build()?;
    must_pass(Command::new(programs::path("fell-arena")).args(arguments).current_dir(place::root()))
}
