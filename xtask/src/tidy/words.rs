//! Words that are left behind by accident.

use super::finding::Finding;

/// Notes to oneself. Put together here, so that this file holds none of them.
const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

const TODO_MACRO: &str = concat!("todo", "!(");

/// Folders of one machine.
const FOLDERS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Each note, unfinished piece and path of one machine.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut report = |message: String| found.push(Finding::new(path, index + 1, message));
        for note in NOTES {
            if whole_word(line, note) {
                report(format!("`{note}`: do it now, or file it where work is kept"));
            }
        }
        if line.contains(TODO_MACRO) {
            report(format!("`{TODO_MACRO})` is unfinished"));
        }
        for folder in FOLDERS {
            if begins_a_path(line, folder) {
                report(format!("`{folder}` is a folder of one machine"));
            }
        }
    }
    found
}

fn whole_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c == '_' || c.is_alphanumeric();
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part))
}

/// `docs/root/` and `https://host/work/` are no absolute paths.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | ']')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_and_unfinished_pieces_are_found() {
        for note in NOTES.into_iter().chain([TODO_MACRO]) {
            let found = check("a.rs", &format!("fine\n// {note} later"));
            assert_eq!(found.len(), 1, "{note}");
            assert!(found[0].to_string().starts_with("a.rs:2: "));
        }
    }

    #[test]
    fn parts_of_longer_words_are_free() {
        let template = format!("mktemp -d fell.{}{}", NOTES[2], NOTES[2]);
        assert!(check("a.sh", &template).is_empty());
    }

    #[test]
    fn folders_of_one_machine_are_found() {
        for folder in FOLDERS {
            assert_eq!(check("a.md", &format!("see `{folder}main`")).len(), 1);
            assert!(check("a.md", &format!("see docs{folder}main")).is_empty());
        }
    }
}
