//! The operating system stays in `sys/`, and thought stays pure.

use super::finding::Finding;
use super::floors;
use super::paths;
use super::tokens::Token;

/// Parts of the standard library that reach the machine.
const REACHES: [(&[&str], &str); 4] = [
    (&["std", "fs"], "files"),
    (&["std", "process"], "processes"),
    (&["std", "thread"], "threads"),
    (&["std", "os"], "one operating system"),
];

/// The clock's ends: time comes in as an argument.
const CLOCKS: [&[&str]; 2] = [&["Instant", "now"], &["SystemTime", "now"]];

/// Predicates that tell operating systems apart.
const SYSTEMS: [&str; 6] = ["unix", "windows", "target_os", "target_family", "target_env", "target_vendor"];

const ENGINE: &str = "crates/fell/src/";
const SYS: &str = "crates/fell/src/sys/";

/// Bytes to rows, built and tested on every OS.
const PARSERS: &str = "crates/fell/src/sys/parse";

/// Crates without any `unsafe`, tests included.
const SAFE: [&str; 4] = ["crates/fell-cli/", "crates/fell-plan/", "crates/fell-python/", "xtask/"];

/// What a file does that its place does not allow.
pub(crate) fn check(path: &str, tokens: &[Token<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    let outside_sys = path.starts_with(ENGINE) && !path.starts_with(SYS);
    let parser = path.starts_with(PARSERS);
    let safe = SAFE.iter().any(|folder| path.starts_with(folder));
    if outside_sys || parser || safe {
        found.extend(words(path, tokens, "unsafe", "`unsafe` lives in crates/fell/src/sys alone"));
    }
    if outside_sys || parser {
        found.extend(systems(path, tokens));
    }
    if parser || floors::is_pure(path) {
        found.extend(reaches(path, tokens));
    }
    found
}

fn words(path: &str, tokens: &[Token<'_>], word: &str, message: &str) -> Vec<Finding> {
    tokens.iter().filter(|token| token.text == word).map(|token| Finding::new(path, token.line, message)).collect()
}

fn systems(path: &str, tokens: &[Token<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !matches!(token.text, "cfg" | "cfg_attr") {
            continue;
        }
        let predicate = tokens[at + 1..].iter().skip_while(|token| token.text == "!");
        let mut depth = 0_usize;
        for inside in predicate {
            match inside.text {
                "(" => depth += 1,
                ")" => depth -= 1,
                word if depth > 0 && SYSTEMS.contains(&word) => found.push(Finding::new(
                    path,
                    inside.line,
                    format!(
                        "`{}({word})`: what differs between systems lives in crates/fell/src/sys, behind its trait",
                        token.text
                    ),
                )),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

fn reaches(path: &str, tokens: &[Token<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for used in paths::of(tokens) {
        let name = used.segments.join("::");
        for (prefix, what) in REACHES {
            if used.segments.starts_with(prefix) {
                found.push(Finding::new(path, used.line, format!("`{name}` reaches {what}: this place is pure")));
            }
        }
        if CLOCKS.iter().any(|clock| used.segments.ends_with(clock)) {
            found.push(Finding::new(path, used.line, format!("`{name}` reads a clock: time comes in as an argument")));
        }
    }
    for system_crate in ["libc", "rustix"] {
        found.extend(words(
            path,
            tokens,
            system_crate,
            &format!("`{system_crate}` calls the system: this place is pure"),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::lines;
    use crate::tidy::tokens;

    fn found(path: &str, code: &str) -> Vec<String> {
        lines(&check(path, &tokens::of(code)))
    }

    fn refused(path: &str, code: &str, because: &str) {
        let lines = found(path, code);
        assert!(lines.len() == 1 && lines[0].contains(because), "{path}: {code}: {lines:?}");
    }

    #[test]
    fn unsafe_is_refused_outside_sys() {
        for path in [
            "crates/fell/src/kill.rs",
            "crates/fell/src/lib.rs",
            "crates/fell/src/sys/parse/stat.rs",
            "crates/fell-cli/src/main.rs",
            "crates/fell-cli/tests/cli.rs",
        ] {
            refused(path, "fn f() { unsafe { g() } }", "`unsafe` lives in");
        }
        assert!(found("crates/fell/src/sys/linux/fork.rs", "unsafe { g() }").is_empty());
        assert!(found("crates/fell/src/kill.rs", "#![deny(unsafe_op_in_unsafe_fn)] // unsafe").is_empty());
    }

    #[test]
    fn systems_are_told_apart_in_sys_only() {
        for code in [
            "#[cfg(unix)]",
            "#[cfg(not(windows))]",
            "#[cfg_attr(target_os = \"linux\", doc(hidden))]",
            "if cfg!(target_os = \"linux\") {}",
            "#[cfg(all(test, unix))] mod m {}",
        ] {
            refused("crates/fell/src/kill.rs", code, "lives in crates/fell/src/sys");
            refused("crates/fell/src/sys/parse/mod.rs", code, "lives in crates/fell/src/sys");
            assert!(found("crates/fell/src/sys/mod.rs", code).is_empty());
        }
        assert!(found("crates/fell/src/kill.rs", "#[cfg(feature = \"documents\")] mod unix {}").is_empty());
    }

    #[test]
    fn words_thought_views_and_parsers_are_pure() {
        for path in [
            "crates/fell/src/pid.rs",
            "crates/fell/src/tree.rs",
            "crates/fell/src/document/run.rs",
            "crates/fell/src/sys/parse/stat.rs",
        ] {
            refused(path, "use std::{fmt, fs};", "`std::fs` reaches files");
            refused(path, "std::process::id();", "reaches processes");
            refused(path, "use std::os::fd::OwnedFd;", "one operating system");
            refused(path, "let t = Instant::now();", "reads a clock");
            refused(path, "let t = std::time::SystemTime::now();", "reads a clock");
            refused(path, "use rustix::process;", "calls the system");
            refused(path, "fn f(n: i32) { libc::kill(n, 9) }", "calls the system");
            assert!(found(path, "use std::time::{Duration, Instant}; // libc").is_empty());
        }
    }

    #[test]
    fn deeds_may_read_the_clock() {
        assert!(found("crates/fell/src/kill.rs", "let t = Instant::now();").is_empty());
    }
}
