//! Interactive programs below `fell run`, on a real terminal: what `scripts/terminal-table.sh` sees.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn drive() -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/terminal-table.sh");
    Command::new(script).args(["--only", "fell", env!("CARGO_BIN_EXE_fell")]).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn every_interactive_case_works() {
    if std::env::var_os("FELL_HEAVY").is_none() {
        eprintln!("SKIPPED: it takes minutes; FELL_HEAVY=1 runs it");
        return;
    }
    let mut output = drive();
    if output.status.code() == Some(77) {
        eprintln!("SKIPPED: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    if !output.status.success() {
        // Once more: the script waits for what the screen shows, and a busy machine can be late.
        output = drive();
    }
    let (table, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{table}{said}");
    assert_eq!(table.matches("works").count(), 8, "{table}");
}

#[test]
fn the_idle_clock_stands_still_while_fell_is_stopped() {
    let script =
        "\"$0\" run --idle-timeout 1500ms -- sleep 2.6 & sleep .3; kill -STOP $!; sleep 2; kill -CONT $!; wait $!";
    let status = Command::new("/bin/sh").args(["-c", script, env!("CARGO_BIN_EXE_fell")]).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_wall_clock_goes_on_while_fell_is_stopped() {
    let script = "\"$0\" run --timeout 1s -- sh -c 'sleep 2; echo late' & sleep .3; kill -STOP $!; sleep 3; kill -CONT $!; wait $!";
    let output = Command::new("/bin/sh").args(["-c", script, env!("CARGO_BIN_EXE_fell")]).output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(124), &b""[..]));
}
