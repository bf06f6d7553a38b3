//! What a step may be tried again for.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// One thing that a step may be tried again for: a kind of failure by its word, or an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It ended with this code.
    Code(i32),
    /// It ended with any code but 0, or by a signal.
    Exit,
    /// Its time limit or the plan's, or its limit on silence.
    Timeout,
    /// Its limit on silence.
    IdleTimeout,
    /// It left something behind.
    Leftovers,
}

const WORDS: [&str; 4] = ["exit", "timeout", "idle-timeout", "leftovers"];

struct ConditionVisitor;

impl Visitor<'_> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an exit code, or one of \"exit\", \"timeout\", \"idle-timeout\", \"leftovers\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Condition, E> {
        match i32::try_from(number) {
            Ok(code @ 1..=255) => Ok(Condition::Code(code)),
            _ => Err(E::custom(format!("{number} is no exit code of a failure: expected 1 to 255"))),
        }
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Condition, E> {
        match word {
            "exit" => Ok(Condition::Exit),
            "timeout" => Ok(Condition::Timeout),
            "idle-timeout" => Ok(Condition::IdleTimeout),
            "leftovers" => Ok(Condition::Leftovers),
            _ => Err(E::unknown_variant(word, &WORDS)),
        }
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Condition, D::Error> {
        deserializer.deserialize_any(ConditionVisitor)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Condition {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An exit code, or a kind of failure. `timeout` includes `idle-timeout`.",
            "oneOf": [
                { "type": "integer", "minimum": 1, "maximum": 255 },
                { "enum": WORDS }
            ]
        })
    }
}
