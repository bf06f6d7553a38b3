//! The documents against the schemas that are published for them.

use serde_json::Value;
use std::fs;

/// Fails if this text is not what `docs/schemas/NAME.json` describes.
pub(crate) fn check(name: &str, text: &[u8]) {
    let path = format!("{}/../../docs/schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let document: Value = serde_json::from_slice(text).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "not as {name}.json has it: {wrong:#?}");
}
