//! Command lines: the arguments stay as many, and a secret in a known place is never shown, whatever follows it.

#![no_main]

use fell::redact::redact;
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "q7Zk-9secret";

fuzz_target!(|bytes: &[u8]| {
    let words: Vec<String> =
        bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    assert_eq!(redact(&words).len(), words.len());

    let mut line: Vec<String> = [
        "tool",
        "--password",
        SECRET,
        &format!("--token={SECRET}"),
        &format!("API_KEY={SECRET}"),
        &format!("https://user:{SECRET}@example.com/"),
    ]
    .map(str::to_owned)
    .into();
    line.extend(words);
    let shown = redact(&line);
    for word in shown.iter().take(6) {
        assert!(!word.contains(SECRET), "{word:?}");
    }
});
