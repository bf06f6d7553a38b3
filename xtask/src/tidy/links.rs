//! A relative link in a document leads to a file.

use super::finding::Finding;

/// Each link of a Markdown file that leads nowhere; `exists` answers for paths from the root.
pub(crate) fn check(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        for target in targets(line) {
            let file = target.split(['#', '?']).next().unwrap_or_default();
            if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let wanted = resolve(path, file);
            if !wanted.as_deref().is_some_and(exists) {
                found.push(Finding::new(path, index + 1, format!("the link `{target}` leads to no file")));
            }
        }
    }
    found
}

/// The targets of `[text](target "title")` and of `[name]: target`, code left out.
fn targets(line: &str) -> Vec<String> {
    let line = without_code(line);
    let mut found: Vec<String> = line
        .match_indices("](")
        .filter_map(|(at, mark)| {
            let inside = line[at + mark.len()..].split(')').next()?;
            inside.split_whitespace().next().map(unbracketed)
        })
        .collect();
    if let Some((name, rest)) = line.trim_start().split_once("]:")
        && name.starts_with('[')
        && !name.starts_with("[^")
        && let Some(target) = rest.split_whitespace().next()
    {
        found.push(unbracketed(target));
    }
    found
}

fn unbracketed(target: &str) -> String {
    target.trim_start_matches('<').trim_end_matches('>').to_owned()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// The path from the root; `None` when it leads out of the repository.
fn resolve(document: &str, target: &str) -> Option<String> {
    let mut place: Vec<&str> = document.split('/').collect();
    place.pop();
    if target.starts_with('/') {
        place.clear();
    }
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                place.pop()?;
            }
            name => place.push(name),
        }
    }
    Some(if place.is_empty() { ".".to_owned() } else { place.join("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        let exists = |file: &str| matches!(file, "README.md" | "docs/book.md" | "docs" | ".");
        check(path, text, &exists).len()
    }

    #[test]
    fn dead_links_are_found() {
        assert_eq!(found("README.md", "see [a](docs/gone.md) and ![b](gone.png \"B\")"), 2);
        assert_eq!(found("docs/book.md", "[a](README.md) [b](../../README.md)"), 2);
        assert_eq!(found("README.md", "[gone]: gone.md"), 1);
    }

    #[test]
    fn living_links_pass() {
        assert_eq!(found("README.md", "[a](docs/book.md#part) [b](./docs/) [c](#here)"), 0);
        assert_eq!(found("docs/book.md", "[a](../README.md) [b](/docs/book.md) [c](..)"), 0);
        assert_eq!(found("README.md", "[a](https://example.com/x.md) [b](mailto:a@example.com)"), 0);
    }

    #[test]
    fn code_is_no_link() {
        assert_eq!(found("README.md", "`[a](gone.md)`\n```\n[b](gone.md)\n```"), 0);
    }
}
