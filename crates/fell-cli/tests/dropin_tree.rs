//! `FELL_STRICT_TREE=1`: the old tools' words and exit codes, and nothing survives.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs a shell line with the drop-ins in front of PATH; gives the exit code, standard error, and whether anybody is
/// left who holds the lock that descriptor 9 of the line is.
fn run(line: &str) -> (Option<i32>, String, bool) {
    let directory = tempfile::tempdir().unwrap();
    for tool in ["timeout", "tini", "dumb-init"] {
        symlink(env!("CARGO_BIN_EXE_fell"), directory.path().join(tool)).unwrap();
    }
    let lock = directory.path().join("lock");
    let (error, code) = {
        let stderr = directory.path().join("stderr");
        let status = Command::new("/bin/sh")
            .args(["-c", &format!("exec 9<>{}; flock 9; {line}", lock.display())])
            .env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()))
            .env("FELL_STRICT_TREE", "1")
            .stdin(Stdio::null())
            .stderr(File::create(&stderr).unwrap())
            .status()
            .unwrap();
        (fs::read_to_string(&stderr).unwrap(), status.code())
    };
    (code, error, is_held(lock))
}

fn is_held(lock: PathBuf) -> bool {
    File::open(lock).unwrap().try_lock().is_err()
}

#[test]
fn a_limit_ends_the_whole_tree() {
    let (code, error, left) = run("timeout .3 sh -c 'setsid sleep 60 & (setsid sleep 60 &); sleep 60'");
    assert_eq!((code, error.as_str(), left), (Some(124), "", false));
}

#[test]
fn force_follows_the_tree_and_not_its_leader() {
    let line = "timeout -v -k .3 .3 sh -c '(trap \"\" TERM; setsid sleep 60) & sleep 60'";
    let (code, error, left) = run(line);
    assert_eq!(code, Some(124), "{error}");
    assert!(error.contains("timeout: sending signal TERM to command 'sh'\n"), "{error}");
    assert!(!left);
}

#[test]
fn who_ignores_the_first_signal_is_killed() {
    let (code, _, left) = run("timeout -k .2 .2 sh -c 'trap \"\" TERM; sleep 60; sleep 60'");
    assert_eq!((code, left), (Some(137), false));
}

#[test]
fn an_init_ends_what_its_command_leaves_behind() {
    for tool in ["tini -s --", "dumb-init", "dumb-init -c", "timeout 60"] {
        let (code, error, left) = run(&format!("{tool} sh -c 'setsid sleep 60 & exit 3'"));
        assert_eq!((code, error.as_str(), left), (Some(3), "", false), "{tool}");
    }
}

#[test]
fn signals_and_exit_codes_are_those_of_the_tool() {
    for (line, expected) in [
        ("tini -s -e 3 -- sh -c 'exit 3'", 0),
        ("tini -s -- sh -c 'kill -USR1 $$'", 138),
        ("dumb-init -r 15:12 sh -c 'trap \"exit 5\" USR2; sleep 9 & wait' & sleep .5; kill $!; wait $!", 5),
        ("tini -s -- sh -c 'trap \"exit 6\" HUP; sleep 9 & wait' & sleep .5; kill -HUP $!; wait $!", 6),
        ("timeout 9 sh -c 'kill -INT $$'", 130),
        ("timeout 9 sh -c 'exit 42'", 42),
        ("timeout 0 true", 0),
        ("timeout 9 no_such_command", 127),
        ("timeout 9 /", 126),
        ("tini -s no_such_command", 127),
        ("dumb-init no_such_command", 2),
        ("timeout -x", 125),
    ] {
        let (code, error, left) = run(line);
        assert_eq!((code, left), (Some(expected), false), "{line}: {error}");
    }
}

#[test]
fn links_are_made_once_and_replace_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let install =
        || Command::new(env!("CARGO_BIN_EXE_fell")).arg("install-links").arg(directory.path()).output().unwrap();
    assert!(install().status.success());
    assert!(String::from_utf8_lossy(&install().stdout).contains("(as before)"));
    let link = directory.path().join("timeout");
    let limit = Command::new(&link).args(["0.1", "sleep", "60"]).status().unwrap();
    assert_eq!(limit.code(), Some(124));
    fs::remove_file(&link).unwrap();
    fs::write(&link, "somebody's own").unwrap();
    let refused = install();
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("is there already; nothing was replaced"), "{words}");
    assert_eq!(fs::read_to_string(&link).unwrap(), "somebody's own");
}
