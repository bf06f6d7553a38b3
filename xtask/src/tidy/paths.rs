//! The paths that a Rust file names, with the groups of `use` written out.

use super::tokens::Token;

/// A path such as `crate::tree::Tree`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path<'t> {
    /// `*` stands for a glob.
    pub(crate) segments: Vec<&'t str>,
    /// The line of its last segment; counts from 1.
    pub(crate) line: usize,
    /// The names of the inline modules that it stands in, outermost first.
    pub(crate) within: Vec<&'t str>,
}

/// Each path of two segments or more, and each `use` of one.
pub(crate) fn of<'t>(tokens: &[Token<'t>]) -> Vec<Path<'t>> {
    let mut found = Vec::new();
    let mut modules: Vec<(usize, &'t str)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                modules.retain(|(opened, _)| *opened <= depth);
            }
            "mod" if text(tokens, at + 2) == "{" => {
                depth += 1;
                modules.push((depth, tokens[at + 1].text));
                at += 3;
                continue;
            }
            _ => {}
        }
        let begins = token.is_word() && (text(tokens, at + 1) == "::" || at > 0 && tokens[at - 1].text == "use");
        if begins {
            let within: Vec<&str> = modules.iter().map(|(_, name)| *name).collect();
            let mut reader = Reader { tokens, at, within, found: &mut found };
            reader.tree(&[]);
            at = reader.at.max(at + 1);
        } else {
            at += 1;
        }
    }
    found
}

fn text<'t>(tokens: &[Token<'t>], at: usize) -> &'t str {
    tokens.get(at).map_or("", |token| token.text)
}

struct Reader<'a, 't> {
    tokens: &'a [Token<'t>],
    at: usize,
    within: Vec<&'t str>,
    found: &'a mut Vec<Path<'t>>,
}

impl<'t> Reader<'_, 't> {
    /// Reads one path or one branch of a `use` tree, and leaves `at` behind it.
    fn tree(&mut self, before: &[&'t str]) {
        let mut segments = before.to_vec();
        let mut line = 0;
        while let Some(token) = self.tokens.get(self.at).copied() {
            if token.text == "{" {
                self.at += 1;
                self.group(&segments);
                return;
            }
            if !token.is_word() && token.text != "*" {
                break;
            }
            line = token.line;
            segments.push(token.text);
            self.at += 1;
            if text(self.tokens, self.at) != "::" {
                break;
            }
            self.at += 1;
        }
        if segments.len() > before.len() {
            self.found.push(Path { segments, line, within: self.within.clone() });
        }
    }

    fn group(&mut self, before: &[&'t str]) {
        while let Some(token) = self.tokens.get(self.at) {
            match token.text {
                "}" => {
                    self.at += 1;
                    return;
                }
                "as" => self.at += 2,
                word if word == "*" || word == "{" || token.is_word() => self.tree(before),
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tokens;

    fn written(code: &str) -> Vec<String> {
        of(&tokens::of(code)).iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_written_out() {
        assert_eq!(
            written("use crate::{pid::Pid, tree::{self, Tree as T}, sys::*}; use libc;"),
            ["crate::pid::Pid", "crate::tree::self", "crate::tree::Tree", "crate::sys::*", "libc"]
        );
    }

    #[test]
    fn paths_in_expressions_count() {
        assert_eq!(
            written("fn f() { crate::kill::now(std::fs::read(p)); x.y::<u8>() }"),
            ["crate::kill::now", "std::fs::read", "y"]
        );
    }

    #[test]
    fn inline_modules_are_remembered_and_left() {
        let tokens = tokens::of("mod tests { use super::a; fn f() {} } use super::b;");
        let found = of(&tokens);
        assert_eq!(found[0].within, ["tests"]);
        assert!(found[1].within.is_empty());
    }
}
