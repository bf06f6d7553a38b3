//! Completions and man pages come from the definition of the command line.

use std::process::Command;

fn fell(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_fell")).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_know_every_verb_and_flag() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = fell(&["completions", shell]);
        for word in ["zombies", "leftovers", "children-only", "no-redact"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn bash_accepts_its_completions() {
    let script = fell(&["completions", "bash"]);
    let status = Command::new("bash").args(["-n", "-c", &script]).status().unwrap();
    assert!(status.success());
}

#[test]
fn each_verb_has_its_man_page() {
    assert!(fell(&["man"]).contains(".TH fell 1"));
    for verb in ["run", "kill", "tree", "zombies", "validate", "doctor", "completions", "man"] {
        let page = fell(&["man", verb]);
        assert!(page.contains(&format!(".TH fell-{verb} 1")), "{page}");
        assert!(page.contains("Examples:"), "{page}");
    }
}
