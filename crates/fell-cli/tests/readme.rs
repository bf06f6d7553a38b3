//! What the documents say is so: README's commands are run, and tests that are named as a proof exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Divides the outputs of a block's commands.
const DIVIDER: char = '\u{1e}';

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The blocks of this language.
fn blocks(text: &str, language: &str) -> Vec<Vec<String>> {
    let fence = format!("```{language}");
    let mut found = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line == fence) {
        found.push(lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect());
    }
    found
}

/// Runs this script with `fell` in PATH, in a directory of its own; gives the exit code and all that was said.
///
/// It writes to a file: who survives may not keep this test waiting at the end of a pipe.
fn bash(script: &str, directory: &Path) -> (Option<i32>, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_fell")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let said = directory.join(".said");
    let output = fs::File::create(&said).unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", script]).current_dir(directory).env("PATH", path);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FELL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let status = command.status().unwrap();
    (status.code(), fs::read_to_string(said).unwrap())
}

fn lacks(program: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|place| place.join(program).is_file());
    if !found {
        eprintln!("skipped: there is no {program} on this machine");
    }
    !found
}

/// A line without what differs from run to run: PIDs, milliseconds, the width of columns.
fn normal(line: &str) -> String {
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    // An exit code is no PID.
    if words.len() == 1 || line.starts_with("exit code") {
        return words.join(" ");
    }
    for at in 0..words.len() {
        let is_number = words[at].bytes().all(|byte| byte.is_ascii_digit());
        let is_time = words.get(at + 1).is_some_and(|next| next.trim_end_matches(',') == "ms");
        if is_number && (is_time || words[at].len() > 2) {
            words[at] = String::from("#");
        }
    }
    words.join(" ")
}

/// Runs each command of a block and compares what it says with what the document says.
fn play(block: &[String]) {
    let mut script = String::from("exec 2>&1\n");
    let mut told: Vec<Vec<String>> = Vec::new();
    for line in block {
        match line.strip_prefix("$ ") {
            Some(command) => {
                // The exit code stays there for the next command to ask.
                script.push_str(&format!("{command}\ncode=$?; printf '{DIVIDER}\\n'; (exit $code)\n"));
                told.push(Vec::new());
            }
            None => told.last_mut().expect("a block begins with a command").push(normal(line)),
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let (_, said) = bash(&script, directory.path());
    let said: Vec<Vec<String>> =
        said.split(DIVIDER).map(|part| part.lines().filter(|line| !line.is_empty()).map(normal).collect()).collect();
    let commands = block.iter().filter(|line| line.starts_with("$ "));
    for ((command, told), said) in commands.zip(&told).zip(&said) {
        assert_eq!(told, said, "{command}");
    }
    assert_eq!(told.len() + 1, said.len(), "every command was run");
}

#[test]
fn the_terminal_picture_and_the_examples_are_real() {
    if lacks("timeout") || lacks("pgrep") || lacks("setsid") {
        return;
    }
    let blocks = blocks(&document("README.md"), "console");
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        play(&block);
    }
}

#[test]
fn the_quick_start_ends_what_it_says() {
    let readme = document("README.md");
    let shown = blocks(&readme, "sh").concat();
    let line = shown.iter().find_map(|line| line.strip_prefix("cargo run --release -p fell-cli -- ")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (code, said) = bash(&format!("fell {line}"), directory.path());
    assert_eq!(code, Some(124), "{said}");
    assert!(said.contains("fell: time limit of 1s reached: felled 4 of 4 in"), "{said}");
    assert!(shown.iter().any(|line| line == "cargo xtask test"));
}

/// The cells of the rows of the table under this heading, without the head of the table.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let section = text.split_once(heading).expect("the heading is there").1;
    let section = section.split("\n## ").next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let line = line.replace("\\|", "\u{0}");
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().replace('\u{0}', "|")).collect()
        })
        .collect()
}

#[test]
fn each_user_has_a_command_that_works() {
    let directory = tempfile::tempdir().unwrap();
    let prepared =
        "for name in ci suite server tool; do printf '#!/bin/sh\\necho hello\\n' >$name.sh; chmod +x $name.sh; done
        sleep 30 & PID=$!\n";
    let rows = table(&document("README.md"), "\n## Who uses it\n");
    assert!(rows.len() >= 7, "{rows:?}");
    for row in rows {
        let command = row[2].trim_matches('`');
        let (code, said) = bash(&format!("{prepared}{command}\ncode=$?; kill $PID; exit $code"), directory.path());
        match command {
            // This machine may have some.
            "fell zombies" => assert!(matches!(code, Some(0 | 1)), "{command}: {code:?} {said}"),
            _ => assert_eq!(code, Some(0), "{command}: {said}"),
        }
        for file in command.split_whitespace().filter_map(|word| word.strip_prefix("json=")) {
            let report = fs::read_to_string(directory.path().join(file)).unwrap();
            let report: serde_json::Value = serde_json::from_str(&report).unwrap();
            assert_eq!(report["clean"], true, "{command}");
        }
    }
}

#[test]
fn the_plan_does_what_is_said_of_it() {
    let plan = blocks(&document("README.md"), "toml").concat().join("\n");
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("fell.toml"), plan).unwrap();
    let (code, said) = bash("fell validate --only build", directory.path());
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = bash("fell validate", directory.path());
    assert_eq!(code, Some(100), "{said}");
    assert!(said.contains("left 1 process behind"), "{said}");
    assert!(directory.path().join("junit.xml").is_file());
}

/// Never called: it compiles, and stands in README word for word.
#[expect(dead_code, reason = "it would end whoever is 4711")]
fn snippet() -> Result<(), Box<dyn std::error::Error>> {
    // README begins
    use fell::{Cause, KillPolicy, Supervisor, kill_tree};
    use std::time::Duration;

    // End a tree that already runs.
    let report = kill_tree("4711".parse()?, &KillPolicy::default())?;
    for process in &report.processes {
        println!("{} {}: {}", process.info.pid(), process.info.name, process.outcome);
    }
    assert!(report.is_clean());

    // Run a command so that nothing it started outlives it.
    let report = Supervisor::new("sh")
        .args(["-c", "sleep 300 & setsid sleep 300 & sleep 300"])
        .timeout(Some(Duration::from_secs(1)))
        .spawn()?
        .wait()?;
    assert_eq!(report.cause, Cause::TimedOut);
    assert_eq!(report.survivors().count(), 0);
    // README ends
    Ok(())
}

#[test]
fn the_library_example_compiles() {
    let here = include_str!("readme.rs");
    let (_, rest) = here.split_once("// README begins\n").unwrap();
    let (compiled, _) = rest.split_once("    // README ends").unwrap();
    let compiled: Vec<&str> = compiled.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    assert_eq!(blocks(&document("README.md"), "rust"), [compiled]);
}

#[test]
fn the_exit_codes_of_the_table_are_those_of_the_help() {
    let readme = document("README.md");
    // 100 is another verb's.
    let codes: String = table(&readme, "\n## Exit codes\n").iter().map(|row| format!("{} ", row[0])).collect();
    let directory = tempfile::tempdir().unwrap();
    let (_, help) = bash("fell run --help", directory.path());
    let numbers = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() == 3).map(str::to_owned).collect()
    };
    let help = help.split_once("Exit codes:").unwrap().1.split_once("Examples:").unwrap().0;
    assert_eq!(numbers(&codes.replacen("100 ", "", 1)), numbers(help));
}

fn sources(place: &Path, into: &mut String) {
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_is_named_as_a_proof_exists() {
    let mut code = String::new();
    sources(&root().join("crates"), &mut code);
    sources(&root().join("xtask/src"), &mut code);
    let mut unknown = BTreeSet::new();
    for name in ["README.md", "ARCHITECTURE.md", "PLATFORM.md", "GOTCHAS.md"] {
        let text = document(name);
        // Test names are sentences: at least three words, and nothing but words.
        let quoted = text.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 2);
        let names = quoted.filter(|word| word.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()));
        unknown
            .extend(names.filter(|word| !code.contains(&format!("fn {word}("))).map(|word| format!("{name}: {word}")));
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_module_of_the_engine_stands_in_the_picture() {
    let architecture = document("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("crates/fell/src")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(module == "lib" || architecture.contains(&format!("`{module}`")), "{module} is not in ARCHITECTURE.md");
    }
}
