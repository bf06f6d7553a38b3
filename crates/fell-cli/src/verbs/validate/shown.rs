//! What is shown of the steps' own output.

use crate::output;
use fell_plan::document::AttemptDocument;
use std::io::{self, Write as _};
use std::path::Path;

/// How much is shown of an output of which only the end is: whole lines.
const TAIL_LINES: usize = 40;
const TAIL_BYTES: u64 = 16 * 1024;

/// The end of its output, and a title for it.
pub(super) fn tail(attempt: &AttemptDocument) -> (String, String) {
    let (text, is_cut) = fell_plan::report::tail(Path::new(&attempt.output), TAIL_LINES, TAIL_BYTES);
    let title = match (text.is_empty(), is_cut) {
        (true, _) => String::from("no output"),
        (false, true) => format!("the end of its output ({} bytes in {})", attempt.output_bytes, attempt.output),
        (false, false) => format!("its output ({})", attempt.output),
    };
    (text, title)
}

/// The lines as a reader of the log may see them.
pub(super) fn lines<'a>(text: &'a str) -> impl Iterator<Item = String> + 'a {
    text.lines().map(line)
}

/// A line without colours and without what a terminal would have written over. Tabs stay; nothing else steers.
fn line(line: &str) -> String {
    let line = anstream::adapter::strip_str(line).to_string();
    let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    let words: Vec<String> = last.split('\t').map(output::printable).collect();
    words.join("\t")
}

/// The output of a step between two lines of fell's own.
pub(super) fn print(step: &str, title: &str, text: &str) {
    output::say(format!("step {step}: {title}"));
    write(lines(text).map(|line| format!("  | {line}")));
}

/// What a step has just written: behind its name, where it is not the only one that may write.
pub(super) fn print_live(step: Option<&str>, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    match step {
        Some(step) => write(lines(&text).map(|line| format!("{step} | {line}"))),
        None => write(lines(&text)),
    }
}

fn write(lines: impl Iterator<Item = String>) {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    // Whoever closed stderr does not want to know.
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_words_and_steers_nothing() {
        for (written, shown) in [
            ("\u{1b}[1;32m  PASS\u{1b}[0m a\tb", "  PASS a\tb"),
            ("10%\r50%\r100%\r", "100%"),
            ("turned \u{202e} bell\u{7}", "turned \\u{202e} bell"),
        ] {
            assert_eq!(line(written), shown);
        }
    }
}
