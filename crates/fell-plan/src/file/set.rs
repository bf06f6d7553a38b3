//! `--set KEY=VALUE`: changes to a plan before it is read.

use crate::error::PlanError;
use std::str::FromStr;
use toml_edit::{DocumentMut, Item, Key, Table, Value};

/// One change: a dotted key, and a value in TOML, or a text if it is not TOML.
#[derive(Debug, Clone)]
pub struct Setting {
    text: String,
    keys: Vec<Key>,
    value: Value,
}

impl PartialEq for Setting {
    fn eq(&self, other: &Setting) -> bool {
        self.text == other.text
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Setting, String> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as step.e2e.timeout=20m or jobs=4")?;
        let keys = Key::parse(key).map_err(|_| format!("{key:?} is no key; expected one such as step.e2e.timeout"))?;
        let value = value.trim();
        let value = Value::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Setting { text: String::from(text), keys, value })
    }
}

/// The text of a plan with these changes.
///
/// # Errors
///
/// The text is no TOML, or a key leads through something that is no table.
pub fn apply(text: &str, settings: &[Setting]) -> Result<String, PlanError> {
    if settings.is_empty() {
        return Ok(String::from(text));
    }
    let mut document: DocumentMut = match text.parse() {
        Ok(document) => document,
        // Reading the unchanged text says where and why.
        Err(_) => return Ok(String::from(text)),
    };
    for setting in settings {
        set(document.as_table_mut(), setting)?;
    }
    Ok(document.to_string())
}

fn set(table: &mut Table, setting: &Setting) -> Result<(), PlanError> {
    let Some((last, way)) = setting.keys.split_last() else { return Ok(()) };
    let mut table: &mut dyn toml_edit::TableLike = table;
    for key in way {
        let next = table.entry(key.get()).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        table = next
            .as_table_like_mut()
            .ok_or_else(|| PlanError::new(format!("--set {}: {} is no table", setting.text, key.get())))?;
    }
    table.insert(last.get(), Item::Value(setting.value.clone()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, settings: &[&str]) -> String {
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        apply(text, &settings).unwrap()
    }

    #[test]
    fn values_are_toml_or_text() {
        assert_eq!(changed("jobs = 1\n", &["jobs=4"]), "jobs = 4\n");
        assert_eq!(
            changed("[step.a]\nrun = [\"x\"]\n", &["step.a.timeout=20m", "step.a.run=[\"y\", \"z\"]"]),
            "[step.a]\nrun = [\"y\", \"z\"]\ntimeout = \"20m\"\n"
        );
        assert!(changed("schema = 1\n", &["step.a.env.HOME=/tmp"]).contains("HOME = \"/tmp\""));
        assert!(changed("[defaults]\nenv = { A = \"1\" }\n", &["defaults.env.B=2"]).contains("B = 2"));
    }

    #[test]
    fn a_setting_that_makes_no_sense_says_what_would() {
        assert!("jobs".parse::<Setting>().unwrap_err().contains("expected KEY=VALUE"));
        assert!("a b=1".parse::<Setting>().is_err());
        let setting = "jobs.x=1".parse().unwrap();
        assert_eq!(apply("jobs = 1", &[setting]).unwrap_err().to_string(), "--set jobs.x=1: jobs is no table");
    }
}
