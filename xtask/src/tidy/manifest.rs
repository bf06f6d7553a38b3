//! Each dependency says what it is for, in the root manifest.

use super::finding::Finding;

/// Dependencies without a reason; in a member's manifest, those that pass by the root's.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let member = path != "Cargo.toml" && path != "fuzz/Cargo.toml" && path != "bench/Cargo.toml";
    let mut found = Vec::new();
    for entry in entries(text) {
        let name = entry.name;
        if entry.value.contains("path =") || entry.value.contains("path=") {
            continue;
        }
        if member {
            if !entry.value.contains("workspace = true") && !entry.name.ends_with(".workspace") {
                found.push(Finding::new(
                    path,
                    entry.line,
                    format!("`{name}`: its version and reason belong in the root's [workspace.dependencies]; here `{name}.workspace = true`"),
                ));
            }
        } else if !entry.reasoned {
            found.push(Finding::new(path, entry.line, format!("`{name}` has no reason: add `# what it is for`")));
        }
    }
    found
}

struct Entry<'t> {
    name: &'t str,
    value: String,
    line: usize,
    /// A comment stands on one of its lines or right above it.
    reasoned: bool,
}

/// The entries of every table of dependencies, those of `[…dependencies.name]` included.
fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut found: Vec<Entry<'_>> = Vec::new();
    let mut inside = false;
    let mut open = 0_i32;
    let mut above = false;
    for (index, line) in text.lines().enumerate() {
        let (code, comment) = split_comment(line);
        let code = code.trim();
        let line = index + 1;
        if open > 0 {
            if let Some(entry) = found.last_mut() {
                entry.value.push_str(code);
                entry.reasoned |= comment;
            }
            open += balance(code);
        } else if let Some(table) = code.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            inside = table.ends_with("dependencies");
            if let Some((_, name)) = table.split_once("dependencies.") {
                found.push(Entry { name, value: String::new(), line, reasoned: comment || above });
            }
        } else if let Some((name, value)) = code.split_once('=') {
            if inside {
                found.push(Entry { name: name.trim(), value: value.to_owned(), line, reasoned: comment || above });
                open = balance(value);
            } else if let Some(entry) = found.last_mut() {
                // A line of `[…dependencies.name]`, or of a table that no entry minds.
                entry.value.push_str(code);
            }
        }
        above = code.is_empty() && comment;
    }
    found
}

fn balance(code: &str) -> i32 {
    code.chars().fold(0, |open, c| match c {
        '{' | '[' => open + 1,
        '}' | ']' => open - 1,
        _ => open,
    })
}

/// The code of a line, and whether a comment with words follows it.
fn split_comment(line: &str) -> (&str, bool) {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return (&line[..at], !line[at + 1..].trim().is_empty()),
            _ => {}
        }
    }
    (line, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::lines;

    fn found(path: &str, text: &str) -> Vec<String> {
        lines(&check(path, text))
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let text = "[workspace.dependencies]\nlibc = \"0.2\"\nserde = { version = \"1\" } #\nx = \"#\"\n";
        assert_eq!(
            found("Cargo.toml", text),
            [
                "Cargo.toml:2: `libc` has no reason: add `# what it is for`",
                "Cargo.toml:3: `serde` has no reason: add `# what it is for`",
                "Cargo.toml:4: `x` has no reason: add `# what it is for`",
            ]
        );
        assert_eq!(found("Cargo.toml", "[workspace.dependencies.serde]\nversion = \"1\"\n").len(), 1);
        assert_eq!(found("fuzz/Cargo.toml", "[dependencies]\nlibfuzzer-sys = \"0.4\"\n").len(), 1);
    }

    #[test]
    fn reasons_and_paths_pass() {
        let text = "[workspace.dependencies]\nfell = { path = \"crates/fell\" }\nlibc = \"0.2\" # calls\n# documents\nserde = \"1\"\nrustix = { version = \"1\", features = [\n  \"fs\",\n] } # calls\n[workspace.lints]\nx = 1\n";
        assert_eq!(found("Cargo.toml", text), Vec::<String>::new());
    }

    #[test]
    fn a_member_takes_versions_from_the_root() {
        let good = "[dependencies]\nlibc.workspace = true\nserde = { workspace = true, optional = true }\n[features]\ndefault = []\n";
        assert_eq!(found("crates/fell/Cargo.toml", good), Vec::<String>::new());
        assert_eq!(found("crates/fell/Cargo.toml", "[dev-dependencies]\nlibc = \"0.2\"\n").len(), 1);
        assert_eq!(
            found("crates/fell/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nlibc = { version = \"0.2\" }\n").len(),
            1
        );
    }
}
