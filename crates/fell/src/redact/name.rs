//! Names under which secrets go.

/// Stems of names of secrets.
const STEMS: &[&str] = &["pass", "token", "secret", "key", "credential", "auth", "pwd", "cookie", "bearer", "jwt"];
/// Words that hold a stem and name no secret.
const HARMLESS: &[&str] = &[
    "author",
    "authors",
    "authority",
    "authoritative",
    "keyboard",
    "keymap",
    "keypad",
    "keyword",
    "keywords",
    "keyframe",
    "keyframes",
    "keyring",
    "keyserver",
    "keystroke",
    "monkey",
    "turkey",
    "donkey",
    "hotkey",
    "hotkeys",
    "passive",
    "passes",
    "passed",
    "bypass",
    "compass",
    "passthrough",
    "passthru",
    "passenger",
    "tokenizer",
    "tokenizers",
    "tokenize",
    "secretary",
    "oldpwd",
    "keyout",
];
/// Words that make the whole name harmless: it is about a place, a kind or an amount.
const ABOUT: &[&str] = &[
    "file",
    "files",
    "path",
    "dir",
    "directory",
    "sock",
    "socket",
    "stdin",
    "fd",
    "type",
    "mode",
    "method",
    "algorithm",
    "max",
    "min",
    "num",
    "limit",
    "count",
    "ttl",
    "lifetime",
    "length",
    "size",
    "sort",
    "no",
    "ask",
    "prompt",
];

/// Whether a value under this name is a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    // `PWD` is where a shell stands.
    if name == "PWD" {
        return false;
    }
    let words: Vec<String> = words(name);
    words.iter().any(|word| !HARMLESS.contains(&word.as_str()) && STEMS.iter().any(|stem| word.contains(stem)))
        && !words.iter().any(|word| ABOUT.contains(&word.as_str()))
}

/// The words of a name such as `--api-key`, `API_KEY`, `spring.apiKey`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for letter in name.chars() {
        let starts_word = letter.is_uppercase() && was_lower;
        if starts_word || !letter.is_alphanumeric() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase();
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}
