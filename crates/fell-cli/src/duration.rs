//! Durations on the command line: `500ms`, `30s`, `1h 30m`.

use std::time::Duration;

/// A duration with its unit, or 0.
///
/// # Errors
///
/// A line that says what would be right. A bare number is refused: some tools take it for seconds,
/// some for milliseconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(String::from("a duration can't be negative"));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(format!("a number without a unit; did you mean {text}s?"));
    }
    humantime::parse_duration(text)
        .map_err(|_| String::from("not a duration: expected one such as 500ms, 30s or 1h 30m"))
}

/// A limit: a duration that is longer than nothing.
///
/// # Errors
///
/// As [`parse`], and for zero.
pub(crate) fn parse_limit(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err(String::from("a limit must be longer than 0; for no limit, leave it out")),
        limit => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_durations_with_units() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("0", 0),
            ("0s", 0),
            (" 2s ", 2000),
            ("1.5s", 1500),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_hint() {
        assert_eq!(parse("30").unwrap_err(), "a number without a unit; did you mean 30s?");
        assert_eq!(parse("0.5").unwrap_err(), "a number without a unit; did you mean 0.5s?");
        assert_eq!(parse("-1s").unwrap_err(), "a duration can't be negative");
        for text in ["", "soon", "30x", "s", "99999999999999999999s"] {
            assert_eq!(parse(text).unwrap_err(), "not a duration: expected one such as 500ms, 30s or 1h 30m", "{text}");
        }
        assert!(parse_limit("0s").is_err());
        assert!(parse_limit("1ms").is_ok());
    }
}
