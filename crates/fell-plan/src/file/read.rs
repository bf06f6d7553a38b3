//! From the text of a plan file to its types, or to the place of the mistake.

use super::{PlanFile, Setting, apply};
use crate::error::{PlanError, nearest};
use std::io;
use std::path::{Path, PathBuf};

/// The name that is looked for.
const NAME: &str = "fell.toml";

/// The plan file of this directory: `fell.toml` there, or in the nearest directory above.
pub fn find(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|directory| directory.join(NAME)).find(|path| path.is_file())
}

/// Reads a plan file: its types, and the text that they were read from.
///
/// # Errors
///
/// It can't be read, or something in it is wrong: where, what, and what would be right.
pub fn read(path: &Path, settings: &[Setting]) -> Result<(PlanFile, String), PlanError> {
    let in_file = |error: PlanError| error.file(Some(PathBuf::from(path)));
    let text = std::fs::read_to_string(path).map_err(|error| {
        in_file(match error.kind() {
            io::ErrorKind::NotFound => PlanError::new("no such plan"),
            io::ErrorKind::InvalidData => PlanError::new("not a plan: it is not UTF-8"),
            _ => PlanError::new(format!("the plan can't be read: {error}")),
        })
    })?;
    let text = apply(&text, settings).map_err(in_file)?;
    let file = parse(&text).map_err(in_file)?;
    Ok((file, text))
}

/// Reads the text of a plan file.
///
/// # Errors
///
/// What is wrong, and where.
pub fn parse(text: &str) -> Result<PlanFile, PlanError> {
    let file: PlanFile = toml::from_str(text).map_err(|error| mistake(&error, text))?;
    if *file.schema.get_ref() != 1 {
        let found = file.schema.get_ref();
        return Err(PlanError::new(format!("schema {found} is not known to this version of fell"))
            .help("expected schema = 1")
            .at(text, &file.schema.span()));
    }
    Ok(file)
}

fn mistake(error: &toml::de::Error, text: &str) -> PlanError {
    let message = error.message();
    let found = unknown_name(message).unwrap_or_else(|| missing_schema(message));
    match error.span() {
        Some(span) if !message.contains("missing field `schema`") => found.at(text, &span),
        _ => found,
    }
}

fn missing_schema(message: &str) -> PlanError {
    match message {
        _ if message.contains("missing field `schema`") => {
            PlanError::new("the plan does not say its format").help("begin it with schema = 1")
        }
        _ => PlanError::new(message.replace('`', "\"").replace('\n', " ")),
    }
}

/// serde names what it expected: "unknown field `x`, expected one of `a`, `b`".
fn unknown_name(message: &str) -> Option<PlanError> {
    let (what, rest) = match (message.strip_prefix("unknown field `"), message.strip_prefix("unknown variant `")) {
        (Some(rest), _) => ("key", rest),
        (_, Some(rest)) => ("value", rest),
        _ => return None,
    };
    let (word, rest) = rest.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let error = PlanError::new(format!("unknown {what} \"{word}\""));
    Some(match nearest(word, known.iter().copied()) {
        Some(name) => error.help(format!("did you mean \"{name}\"?")),
        None => error.help(format!("expected one of {}", known.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_has_its_place_and_its_cure() {
        assert_eq!(
            refused("schema = 1\n\n[step.a]\ntimout = \"3s\"\n"),
            "line 4, column 1: unknown key \"timout\"; did you mean \"timeout\"?"
        );
        assert_eq!(
            refused("schema = 1\n[step.a]\ntimeout = 30\n"),
            "line 3, column 11: a duration needs its unit; did you mean \"30s\"?"
        );
        assert_eq!(
            refused("schema = 1\n[defaults]\nleftovers = { result = \"fial\" }\n"),
            "line 3, column 24: unknown value \"fial\"; did you mean \"fail\"?"
        );
        assert_eq!(
            refused("schema = 2\n"),
            "line 1, column 10: schema 2 is not known to this version of fell; expected schema = 1"
        );
        assert_eq!(refused("name = \"x\"\n"), "the plan does not say its format; begin it with schema = 1");
        assert!(refused("schema = 1\n[step.a\n").starts_with("line 2, column"));
        assert!(refused("schema = 1\n[step.a]\nkill = { signal = \"FOO\" }\n").contains("not a signal"));
        assert!(refused("schema = 1\n[step.a]\nretries = { count = 1, on = [0] }\n").contains("no exit code"));
        assert!(refused("schema = 1\njobs = 0\n").starts_with("line 2"));
    }

    #[test]
    fn steps_keep_their_order() {
        let file = parse("schema = 1\n[step.z]\nrun = [\"a\"]\n[step.a]\nshell = \"b\"\nneeds = [\"z\"]\n").unwrap();
        let names: Vec<&str> = file.step.0.iter().map(|(name, _)| name.get_ref().as_str()).collect();
        assert_eq!(names, ["z", "a"]);
    }
}
