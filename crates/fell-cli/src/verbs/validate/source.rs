//! The plan that is to be run: from its file, the flags and the environment.

use crate::args::ValidateArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use fell_plan::file::{find, read};
use fell_plan::{Plan, PlanError, Surroundings, only, resolve, shard};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The plan that is to be run.
///
/// # Errors
///
/// There is none, or it is not sound.
pub(super) fn plan(args: &ValidateArgs) -> Result<Plan, Failure> {
    let path = path(args)?;
    let (file, text) = read(&path, &args.set).map_err(bad_plan)?;
    let surroundings = Surroundings {
        root: root(&path)?,
        default_timeout: default_timeout(args)?,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        has_bash: in_path("bash"),
    };
    let in_file = |error: PlanError| PlanError { path: Some(path.clone()), ..error };
    let mut plan = resolve(&file, &text, &surroundings).map_err(in_file).map_err(bad_plan)?;
    if let Some(jobs) = args.jobs {
        plan.jobs = jobs.get();
    }
    let plan = only(plan, &args.only).map_err(bad_plan)?;
    Ok(match args.shard {
        Some(part) => shard(plan, part),
        None => plan,
    })
}

fn bad_plan(error: PlanError) -> Failure {
    Failure::new(Exit::Usage, error.to_string())
}

fn path(args: &ValidateArgs) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.plan {
        return Ok(if path.is_dir() { path.join("fell.toml") } else { path.clone() });
    }
    let here = std::env::current_dir().map_err(|error| Failure::of(Exit::Usage, &error))?;
    let found = find(&here).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("no fell.toml in {} or above", here.display()))
            .help("write one, or name a plan: fell validate PLAN")
    })?;
    // As a user would write it.
    Ok(found.strip_prefix(&here).map_or_else(|_| found.clone(), Path::to_path_buf))
}

/// The plan's directory in full: steps may change theirs.
fn root(path: &Path) -> Result<PathBuf, Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    directory.canonicalize().map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", directory.display())))
}

/// `--timeout` or `FELL_TIMEOUT`; or `TIMEOUT_SECONDS`, a bare number, as older scripts set it.
fn default_timeout(args: &ValidateArgs) -> Result<Option<Duration>, Failure> {
    if args.timeout.is_some() {
        return Ok(args.timeout);
    }
    let Some(text) = std::env::var("TIMEOUT_SECONDS").ok().filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse::<u64>() {
        Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(Failure::new(Exit::Usage, format!("TIMEOUT_SECONDS={text} is no number of seconds"))
            .help("expected one such as 600")),
    }
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
