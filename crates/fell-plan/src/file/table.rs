//! The steps of a plan in the order in which they are written.

use super::StepFile;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use toml::Spanned;

/// A step with its name and the place of that name.
pub type NamedStep = (Spanned<String>, StepFile);

/// The steps in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepTable(pub Vec<NamedStep>);

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = StepTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of steps: [step.NAME]")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<StepTable, M::Error> {
        let mut steps = Vec::new();
        while let Some(entry) = map.next_entry::<Spanned<String>, StepFile>()? {
            steps.push(entry);
        }
        // The parser hands keys over by their names.
        steps.sort_by_key(|(name, _)| name.span().start);
        Ok(StepTable(steps))
    }
}

impl<'de> Deserialize<'de> for StepTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StepTable, D::Error> {
        deserializer.deserialize_map(TableVisitor)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for StepTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StepTable".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let step = generator.subschema_for::<StepFile>();
        schemars::json_schema!({
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]*$" },
            "additionalProperties": step
        })
    }
}
