//! A file holds one noun, so it is short.

use super::finding::Finding;

/// Lines, at most.
const LINES: usize = 700;

/// A source file that is too long.
pub(crate) fn check(path: &str, text: &str) -> Option<Finding> {
    let source = path.starts_with("crates/") && path.contains("/src/") || path.starts_with("xtask/src/");
    let lines = text.lines().count();
    (source && lines > LINES).then(|| {
        Finding::new(
            path,
            LINES + 1,
            format!("{lines} lines, at most {LINES}: find the second noun in it and give it a file"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_hundred_lines_are_the_most() {
        assert!(check("crates/fell/src/kill.rs", &"x\n".repeat(LINES + 1)).is_some());
        assert!(check("crates/fell/src/kill.rs", &"x\n".repeat(LINES)).is_none());
        assert!(check("crates/fell/tests/kill.rs", &"x\n".repeat(LINES + 1)).is_none());
    }
}
