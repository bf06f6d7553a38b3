//! Rust text as words and marks, without comments, strings, characters and lifetimes.

/// A word or a mark of Rust text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    /// An identifier, a number, `::` or one mark.
    pub(crate) text: &'t str,
    /// Counts from 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether this is an identifier or a keyword.
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first == '_' || first.is_alphabetic())
    }
}

/// The tokens of `text`.
pub(crate) fn of(text: &str) -> Vec<Token<'_>> {
    let mut scanner = Scanner { text, at: 0, line: 1, found: Vec::new() };
    while scanner.step() {}
    scanner.found
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    found: Vec<Token<'t>>,
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip(&mut self, bytes: usize) {
        let passed = &self.text[self.at..self.at + bytes];
        self.line += passed.matches('\n').count();
        self.at += bytes;
    }

    fn take(&mut self, bytes: usize) {
        let text = &self.text[self.at..self.at + bytes];
        self.found.push(Token { text, line: self.line });
        self.skip(bytes);
    }

    /// False at the end.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return false;
        };
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(block_comment(rest));
        } else if let Some(length) = raw_string(rest) {
            self.skip(length);
        } else if let Some(length) = quoted(rest) {
            self.skip(length);
        } else if first == '\'' {
            self.skip(lifetime(rest));
        } else if first == '_' || first.is_alphanumeric() {
            // `r#type` is the word `type`.
            if rest.starts_with("r#") {
                self.skip(2);
            }
            let rest = self.rest();
            self.take(word(rest).max(1));
        } else if rest.starts_with("::") {
            self.take(2);
        } else if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else {
            self.take(first.len_utf8());
        }
        true
    }
}

fn word(text: &str) -> usize {
    text.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(text.len())
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a raw string with its prefix, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"]
        .into_iter()
        .find(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"')))?;
    let hashes = text[prefix.len()..].chars().take_while(|&c| c == '#').count();
    let body = prefix.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text[body..].find(&end).map_or(text.len(), |at| body + at + end.len()))
}

/// The length of a string or character with its prefix, if one begins here.
fn quoted(text: &str) -> Option<usize> {
    let body = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let prefix = text.len() - body.len();
    let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    if quote == '\'' {
        let mut inside = body[1..].chars();
        let first = inside.next()?;
        // `'a` without a closing quote is a lifetime.
        if first != '\\' && inside.next() != Some('\'') {
            return None;
        }
    }
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return Some(prefix + at + 1);
        }
    }
    Some(text.len())
}

fn lifetime(text: &str) -> usize {
    1 + word(&text[1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        of(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_and_marks_remain() {
        assert_eq!(texts("use crate::pid::{Pid};"), ["use", "crate", "::", "pid", "::", "{", "Pid", "}", ";"]);
    }

    #[test]
    fn comments_are_left_out() {
        assert_eq!(texts("a // libc\nb /* unsafe /* nested */ libc */ c"), ["a", "b", "c"]);
    }

    #[test]
    fn strings_and_characters_are_left_out() {
        assert_eq!(
            texts(r#"f("un\"safe", 'x', '\'', b'{', b"libc", c"libc")"#),
            ["f", "(", ",", ",", ",", ",", ",", ")"]
        );
        assert_eq!(texts("r#\"libc \" unsafe\"# end br\"x\" last"), ["end", "last"]);
    }

    #[test]
    fn lifetimes_are_left_out_and_do_not_open_a_character() {
        assert_eq!(
            texts("fn f<'a>(x: &'a str) -> char { 'y' }"),
            ["fn", "f", "<", ">", "(", "x", ":", "&", "str", ")", "-", ">", "char", "{", "}"]
        );
    }

    #[test]
    fn raw_identifiers_are_words() {
        assert_eq!(texts("r#type r"), ["type", "r"]);
    }

    #[test]
    fn lines_are_counted_through_what_is_left_out() {
        let found = of("a\n/* \n */ \"x\ny\" b");
        assert_eq!(found[1], Token { text: "b", line: 4 });
    }
}
