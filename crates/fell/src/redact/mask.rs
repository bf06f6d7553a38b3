//! Secrets that betray themselves by their own form.

use super::REDACTED;
use super::name::is_secret_name;

/// Hides what betrays itself by its own form: assignments, headers, URLs, tokens of well-known services.
pub(super) fn mask(text: &str) -> String {
    mask_urls(&mask_tokens(&mask_assignments(text)))
}

/// `NAME=value`, `--name=value`, `name: value` and `"name":"value"`.
fn mask_assignments(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, sign) = rest.split_at(at);
        let behind = &sign[1..];
        let quoted = before.ends_with(['"', '\'']);
        let name = before.trim_end_matches(['"', '\'']);
        let start = name
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .map_or(0, |i| i + name[i..].chars().next().map_or(0, char::len_utf8));
        // Between words a colon also parts a host from its port, and a user from a group.
        let is_assignment = sign.starts_with('=') || quoted || behind.starts_with([' ', '"', '\'']);
        shown.push_str(before);
        shown.push_str(&sign[..1]);
        rest = behind;
        if !is_assignment || !is_secret_name(&name[start..]) {
            continue;
        }
        // The first of an argument owns the argument to its end: a secret may hold blanks.
        let owns_all =
            sign.starts_with('=') && shown.len() == name.len() + 1 && start == 0 && !behind.starts_with(['"', '\'']);
        let is_header = sign.starts_with(':');
        let (lead, value, tail) = split_value(behind, owns_all, is_header);
        shown.push_str(lead);
        if !value.is_empty() {
            shown.push_str(REDACTED);
        }
        rest = tail;
        if owns_all {
            break;
        }
    }
    shown.push_str(rest);
    shown
}

/// What stands before a value (blanks, an opening quote, an authorization scheme), the value, and what follows.
fn split_value(text: &str, to_the_end: bool, is_header: bool) -> (&str, &str, &str) {
    if to_the_end {
        return ("", text, "");
    }
    let mut start = text.len() - text.trim_start_matches(' ').len();
    let mut quote = None;
    if let Some(mark @ ('"' | '\'')) = text[start..].chars().next() {
        quote = Some(mark);
        start += 1;
    }
    for scheme in ["Bearer ", "Basic ", "Token ", "Digest ", "Negotiate "] {
        if text[start..].get(..scheme.len()).is_some_and(|lead| lead.eq_ignore_ascii_case(scheme)) {
            start += scheme.len();
            break;
        }
    }
    let value = &text[start..];
    let end = match quote {
        Some(mark) => value.find(mark),
        None if is_header => value.find(['"', '\'', '\n']),
        None => value.find(|c: char| c.is_whitespace() || matches!(c, '&' | ';' | '"' | '\'')),
    };
    let (value, tail) = value.split_at(end.unwrap_or(value.len()));
    (&text[..start], value, tail)
}

/// Beginnings of tokens that services give out, so that leaked ones can be found.
const TOKEN_BEGINNINGS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "sk-",
    "sk_live_",
    "AKIA",
    "ASIA",
    "eyJ",
    "npm_",
    "pypi-",
    "hf_",
    "AIza",
];

fn mask_tokens(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let is_token = word.len() >= 20 && TOKEN_BEGINNINGS.iter().any(|beginning| word.starts_with(beginning));
        shown.push_str(if is_token { REDACTED } else { word });
        let next = behind.chars().next();
        shown.extend(next);
        rest = &behind[next.map_or(0, char::len_utf8)..];
    }
    shown
}

/// `scheme://user:password@host` keeps the user.
fn mask_urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        shown.push_str(before);
        let authority = &behind[..behind
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''))
            .unwrap_or(behind.len())];
        rest = behind;
        // A password may hold an `@`: the last one parts it from the host.
        if let Some((login, _)) = authority.rsplit_once('@')
            && let Some((user, password)) = login.split_once(':')
            && !password.is_empty()
        {
            shown.push_str(user);
            shown.push(':');
            shown.push_str(REDACTED);
            rest = &behind[login.len()..];
        }
    }
    shown.push_str(rest);
    shown
}
