//! Signals in a plan: `"TERM"`, `"SIGTERM"`, `"term"`.

use fell::Signal;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A signal by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalName(pub Signal);

impl<'de> Deserialize<'de> for SignalName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SignalName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(SignalName).map_err(|error| D::Error::custom(format!("{text:?} is {error}")))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for SignalName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SignalName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A signal by its name: TERM, SIGTERM, term, 15."
        })
    }
}
