//! Interactive programs below `fell run`, on a real terminal: what `scripts/terminal-table.sh` sees.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn drive() -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/terminal-table.sh");
    Command::new(script)
        .args(["--only", "fell", env!("CARGO_BIN_EXE_fell")])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn every_interactive_case_works() {
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
