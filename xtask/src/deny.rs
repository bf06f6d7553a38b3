//! cargo-deny over the workspace and over the fuzz targets.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use miette::Result;

use crate::command::{cargo, must_pass, passes};
use crate::place;

/// Licences, bans and sources always; advisories where their database can be fetched.
pub(crate) fn run() -> Result<()> {
    let deny = find_or_install()?;
    let fetched = passes(
        deny_on(&deny, "Cargo.toml")
            .args(["fetch", "db"])
            // A dead network must not hang the step.
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_HTTP_LOW_SPEED_LIMIT", "1000")
            .env("GIT_HTTP_LOW_SPEED_TIME", "20"),
    );
    if !fetched {
        println!("advisories: skipped: advisory database not reachable");
    }
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        if !place::root().join(manifest).is_file() {
            continue;
        }
        let mut check = deny_on(&deny, manifest);
        check.args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
        if fetched {
            check.args(["advisories", "--disable-fetch"]);
        }
        must_pass(&mut check)?;
    }
    Ok(())
}

/// Both manifests are judged by the one `deny.toml`.
fn deny_on(deny: &Path, manifest: &str) -> Command {
    let mut command = Command::new(deny);
    command
        .current_dir(place::root())
        .args(["--all-features", "--manifest-path", manifest])
        .args(["--config", "deny.toml"]);
    command
}

fn find_or_install() -> Result<PathBuf> {
    let tools = place::target().join("tools");
    let own = tools.join("bin").join(format!("cargo-deny{}", env::consts::EXE_SUFFIX));
    if let Some(found) = place::in_path("cargo-deny").or_else(|| own.is_file().then(|| own.clone())) {
        return Ok(found);
    }
    println!("cargo-deny is missing: installing it into {}, which takes some minutes once", tools.display());
    must_pass(cargo(["install", "--quiet", "--locked", "cargo-deny", "--root"]).arg(&tools))?;
    Ok(own)
}
