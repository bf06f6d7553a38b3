//! Texts as the reports hold them.

use std::borrow::Cow;
use std::time::Duration;

/// The text without what XML 1.0 forbids and without what steers a terminal.
///
/// quick-junit strips escape sequences and most control characters, but not U+FFFE and U+FFFF:
/// <https://www.w3.org/TR/xml/#charsets>.
pub fn xml_text(text: &str) -> Cow<'_, str> {
    let is_forbidden = |letter: char| matches!(letter, '\u{fffe}' | '\u{ffff}');
    if text.contains(is_forbidden) { Cow::Owned(text.replace(is_forbidden, "")) } else { Cow::Borrowed(text) }
}

/// A time in few letters: `850ms`, `12.3s`, `5m12s`, `3h07m`.
pub fn duration(milliseconds: u64) -> String {
    let time = Duration::from_millis(milliseconds);
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{milliseconds}ms"),
        1..60 => format!("{:.1}s", time.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// The first so many letters.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (milliseconds, text) in [
            (0, "0ms"),
            (850, "850ms"),
            (12_345, "12.3s"),
            (59_999, "60.0s"),
            (312_000, "5m12s"),
            (11_220_000, "3h07m"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
    }
}
