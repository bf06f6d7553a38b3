//! Each file of the engine begins with what it is for.

use super::finding::Finding;

/// A file of the engine without a `//!` header.
pub(crate) fn check(path: &str, text: &str) -> Option<Finding> {
    let engine = path.starts_with("crates/fell/src/");
    let header =
        text.lines().next().and_then(|line| line.strip_prefix("//!")).is_some_and(|words| !words.trim().is_empty());
    (engine && !header).then(|| Finding::new(path, 1, "begin the file with a `//!` line that says what it is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_asked_for_in_the_engine() {
        assert!(check("crates/fell/src/pid.rs", "use std::fmt;\n//! late").is_some());
        assert!(check("crates/fell/src/pid.rs", "//!\n").is_some());
        assert!(check("crates/fell/src/pid.rs", "").is_some());
        assert!(check("crates/fell/src/pid.rs", "//! A number.\n").is_none());
        assert!(check("crates/fell/tests/kill.rs", "use fell::Pid;").is_none());
    }
}
