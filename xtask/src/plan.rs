//! The gate as a plan: `fell validate`, just built, runs the steps of `fell.toml`, each of which is a step of this program.
//!
//! The program under test is so the judge as well. Therefore each step leaves a word of its own that it passed, which is
//! compared with the verdict of the whole by `cargo xtask test --confirm`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use miette::{IntoDiagnostic, Result, WrapErr, miette};

use crate::command::must_become;
use crate::{place, programs};

/// Names the folder for the words of the steps.
const WORDS: &str = "XTASK_GATE_WORDS";

/// Builds fell and becomes `fell validate`: signals to this process reach it, and it ends what it has started.
pub(crate) fn run() -> Result<()> {
    let fell = built()?;
    let words = words_folder();
    if words.exists() {
        fs::remove_dir_all(&words).into_diagnostic()?;
    }
    fs::create_dir_all(&words).into_diagnostic().wrap_err_with(|| format!("{} can't be made", words.display()))?;
    let mut command = Command::new(fell);
    command
        .args(["validate", "--fail-fast", "--output", "live", "fell.toml"])
        .current_dir(place::root())
        .env(WORDS, words);
    must_become(&mut command)
}

/// The steps build fell anew, while it runs: so it is a copy that runs.
fn built() -> Result<PathBuf> {
    println!("building the programs, among them fell, which runs the plan");
    programs::build()?;
    let from = programs::path("fell");
    let to = place::target().join("gate").join(from.file_name().unwrap_or_default());
    let copied = || -> std::io::Result<()> {
        fs::create_dir_all(place::target().join("gate"))?;
        // Another one may run still: it keeps its file.
        if to.exists() {
            fs::remove_file(&to)?;
        }
        fs::copy(&from, &to).map(drop)
    };
    copied().into_diagnostic().wrap_err_with(|| format!("{} can't be copied to {}", from.display(), to.display()))?;
    Ok(to)
}

fn words_folder() -> PathBuf {
    place::target().join("gate").join("words")
}

/// Whether this process runs a step of the plan.
pub(crate) fn is_step() -> bool {
    env::var_os(WORDS).is_some()
}

/// Leaves the word of a step that has not failed: `passed`, or `skipped: why`.
pub(crate) fn leave_word(step: &str, word: &str) -> Result<()> {
    let Some(folder) = env::var_os(WORDS) else { return Ok(()) };
    let path = Path::new(&folder).join(step);
    fs::write(&path, word).into_diagnostic().wrap_err_with(|| format!("{} can't be written", path.display()))
}

/// Whether each of these steps has left its word in the last run of the plan; prints how many passed.
pub(crate) fn confirm<'a>(steps: impl Iterator<Item = &'a str>) -> Result<()> {
    println!("{}", confirmed(steps, &words_folder())?);
    Ok(())
}

fn confirmed<'a>(steps: impl Iterator<Item = &'a str>, folder: &Path) -> Result<String> {
    let (mut passed, mut skipped, mut silent) = (0, Vec::new(), Vec::new());
    for step in steps {
        match fs::read_to_string(folder.join(step)).ok().as_deref() {
            Some("passed") => passed += 1,
            Some(word) => skipped.push(format!("{step} {word}")),
            None => silent.push(step),
        }
    }
    if !silent.is_empty() {
        return Err(miette!("these steps have not passed by their own word: {}", silent.join(", ")));
    }
    let why: String = skipped.iter().map(|step| format!("\n  {step}")).collect();
    Ok(format!("steps: {passed} passed, 0 failed, {} skipped{why}", skipped.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate;

    #[test]
    fn the_plan_has_the_steps_of_the_gate_in_their_order() {
        let plan = fs::read_to_string(place::root().join("fell.toml")).unwrap();
        let named = |line: &str| Some(line.strip_prefix("[step.")?.strip_suffix(']')?.to_owned());
        let steps: Vec<String> = plan.lines().filter_map(named).collect();
        assert_eq!(steps, gate::names().collect::<Vec<_>>());
        for step in steps {
            let run = format!("run = [\"cargo\", \"xtask\", \"test\", \"--only\", \"{step}\"]");
            assert!(plan.contains(&run), "fell.toml has not: {run}");
        }
    }

    #[test]
    fn a_step_without_a_word_of_its_own_has_not_passed() {
        let folder = place::target().join(format!("words-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("one"), "passed").unwrap();
        fs::write(folder.join("two"), "skipped: no compiler").unwrap();
        let all = confirmed(["one", "two"].into_iter(), &folder);
        let more = confirmed(["one", "three"].into_iter(), &folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(all.unwrap(), "steps: 1 passed, 0 failed, 1 skipped\n  two skipped: no compiler");
        assert!(more.unwrap_err().to_string().ends_with("their own word: three"));
    }
}
