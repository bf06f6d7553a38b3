//! A contestant's command line with gaps in it.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;

/// Words, in which `{name}` stands for something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Template {
    words: Vec<String>,
}

impl Template {
    /// Splits a line at blanks; single and double quotes hold a word together.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for letter in line.chars() {
            match (quote, letter) {
                (Some(open), _) if open == letter => quote = None,
                (None, '\'' | '"') => {
                    quote = Some(letter);
                    word.get_or_insert_default();
                }
                (None, blank) if blank.is_whitespace() => words.extend(word.take()),
                _ => word.get_or_insert_default().push(letter),
            }
        }
        if let Some(open) = quote {
            return Err(format!("{line:?} opens a {open} and does not close it"));
        }
        words.extend(word);
        if words.is_empty() { Err(String::from("an empty template")) } else { Ok(Self { words }) }
    }

    /// Whether a gap is named anywhere.
    pub(crate) fn names(&self, gap: &str) -> bool {
        self.words.iter().any(|word| word.contains(gap))
    }

    /// The command line. A word that is a gap and nothing else takes all the words for it; inside a word there is
    /// room for one.
    pub(crate) fn fill(&self, gaps: &[(&str, Vec<OsString>)]) -> Vec<OsString> {
        let mut line = Vec::new();
        for word in &self.words {
            if let Some((_, words)) = gaps.iter().find(|(gap, _)| gap == word) {
                line.extend(words.iter().cloned());
                continue;
            }
            let mut filled = word.clone();
            for (gap, words) in gaps {
                if let [single] = &words[..] {
                    filled = filled.replace(gap, &single.to_string_lossy());
                }
            }
            line.push(filled.into());
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together_and_gaps_are_filled() {
        let template = Template::parse("sh -c 'exec  \"$@\"' \"\" -{limit}s {cmd}  {none}").expect("is closed");
        let cmd = vec!["a".into(), "b c".into()];
        let line = template.fill(&[("{cmd}", cmd), ("{limit}", vec!["1".into()]), ("{none}", vec![])]);
        assert_eq!(line, ["sh", "-c", "exec  \"$@\"", "", "-1s", "a", "b c"].map(OsString::from));
        assert!(template.names("{cmd}") && !template.names("{pid}"));
    }

    #[test]
    fn what_is_no_command_line_is_refused() {
        assert!(Template::parse("sh -c 'open").is_err());
        assert!(Template::parse("  ").is_err());
    }
}
