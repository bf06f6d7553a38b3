//! Durations in a plan: `"500ms"`, `"30s"`, `"1h 30m"`.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::time::Duration;

/// A duration with its unit, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A duration with its unit, or `0`.
///
/// # Errors
///
/// What would be right. A bare number is refused: some tools take it for seconds, some for milliseconds.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(format!("a duration needs its unit; did you mean \"{text}s\"?"));
    }
    humantime::parse_duration(text)
        .map_err(|_| format!("not a duration: {text:?}; expected one such as \"500ms\", \"30s\" or \"1h 30m\""))
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"30s\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        parse_span(text).map(Span).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Span, E> {
        match number {
            0 => Ok(Span(Duration::ZERO)),
            1.. => Err(E::custom(format!("a duration needs its unit; did you mean \"{number}s\"?"))),
            _ => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Span, E> {
        Err(E::custom(format!("a duration needs its unit; did you mean \"{number}s\"?")))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A duration with its unit: 500ms, 30s, 1h 30m.",
            "pattern": "^\\s*(0|([0-9]+(\\.[0-9]+)?\\s*[a-zA-Z]+\\s*)+)\\s*$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_asked_for() {
        assert_eq!(parse_span("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_span("0"), Ok(Duration::ZERO));
        assert_eq!(parse_span("30").unwrap_err(), "a duration needs its unit; did you mean \"30s\"?");
        assert!(parse_span("soon").unwrap_err().contains("not a duration"));
    }
}
