//! A command as the system takes it: the path of a program, one line of text, one block of environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the system can start, in the order in which a name without an extension is tried.
const EXTENSIONS: [&str; 4] = ["exe", "com", "bat", "cmd"];
/// Those that a command interpreter has to read.
const SCRIPTS: [&str; 2] = ["bat", "cmd"];

/// The file that a program's name stands for: a path is taken as it is, a bare name is searched in PATH, and never in the
/// current directory. `None` if there is none.
pub(super) fn find(program: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let is_path = program.to_string_lossy().contains(['/', '\\', ':']);
    if is_path {
        return file(Path::new(program));
    }
    env::split_paths(path?).filter(|folder| folder.is_absolute()).find_map(|folder| file(&folder.join(program)))
}

/// This file, or the one with an extension behind it.
fn file(path: &Path) -> Option<PathBuf> {
    let extended = EXTENSIONS.iter().map(|extension| {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        PathBuf::from(name)
    });
    let exact = std::iter::once(path.to_owned());
    // A name with an extension is mostly whole.
    let mut candidates: Vec<PathBuf> =
        if path.extension().is_some() { exact.chain(extended).collect() } else { extended.chain(exact).collect() };
    candidates.retain(|candidate| candidate.is_file());
    candidates.into_iter().next()
}

/// The program to start, and its command line, which ends with 0.
///
/// # Errors
///
/// A word holds what no command line can, or what the command interpreter would read as more than a word.
pub(super) fn line(program: &Path, args: &[OsString]) -> io::Result<(Vec<u16>, Vec<u16>)> {
    let is_script = program
        .extension()
        .is_some_and(|extension| SCRIPTS.iter().any(|script| extension.eq_ignore_ascii_case(script)));
    if args.iter().chain([&program.as_os_str().to_owned()]).any(|word| word.encode_wide().any(|unit| unit == 0)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a word of the command holds a NUL"));
    }
    if is_script { script(program, args) } else { Ok((terminated(program.as_os_str()), plain(program, args))) }
}

fn plain(program: &Path, args: &[OsString]) -> Vec<u16> {
    let mut line = Vec::new();
    // The first word is read by a rule without backslashes.
    line.push(QUOTE);
    line.extend(program.as_os_str().encode_wide());
    line.push(QUOTE);
    for arg in args {
        line.push(BLANK);
        append(&mut line, arg);
    }
    line.push(0);
    line
}

const BLANK: u16 = b' ' as u16;
const QUOTE: u16 = b'"' as u16;
const BACKSLASH: u16 = b'\\' as u16;

/// Appends a word as the C runtime reads it: backslashes count double before a quote, and only there.
fn append(line: &mut Vec<u16>, word: &OsStr) {
    let units: Vec<u16> = word.encode_wide().collect();
    let is_bare = !units.is_empty() && !units.iter().any(|unit| [BLANK, b'\t'.into(), QUOTE].contains(unit));
    if is_bare {
        line.extend(units);
        return;
    }
    line.push(QUOTE);
    let mut backslashes = 0;
    for unit in units {
        match unit {
            BACKSLASH => backslashes += 1,
            QUOTE => {
                line.extend(std::iter::repeat_n(BACKSLASH, backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        line.push(unit);
    }
    line.extend(std::iter::repeat_n(BACKSLASH, backslashes));
    line.push(QUOTE);
}

/// A script's command line, for the command interpreter. Words that it can't be kept from reading are refused.
fn script(program: &Path, args: &[OsString]) -> io::Result<(Vec<u16>, Vec<u16>)> {
    let mut line: Vec<u16> = OsStr::new("cmd.exe /e:ON /v:OFF /d /c \"").encode_wide().collect();
    for (index, word) in std::iter::once(program.as_os_str()).chain(args.iter().map(OsString::as_os_str)).enumerate() {
        if word.encode_wide().any(|unit| [QUOTE, b'%'.into(), b'\r'.into(), b'\n'.into()].contains(&unit)) {
            let what = "a batch file can't be given a word with a quote, a per cent sign or a line break";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        if index > 0 {
            line.push(BLANK);
        }
        line.push(QUOTE);
        line.extend(word.encode_wide());
        line.push(QUOTE);
    }
    line.extend([QUOTE, 0]);
    let interpreter = env::var_os("ComSpec").unwrap_or_else(|| OsString::from(r"C:\Windows\System32\cmd.exe"));
    Ok((terminated(&interpreter), line))
}

/// The block of an environment: `NAME=VALUE` each, sorted by name, and an empty one at the end.
pub(super) fn block(environment: &[(OsString, OsString)]) -> Vec<u16> {
    let mut entries: Vec<&(OsString, OsString)> = environment.iter().collect();
    entries.sort_by_key(|(name, _)| name.to_ascii_uppercase());
    let mut block = Vec::new();
    for (name, value) in entries {
        block.extend(name.encode_wide());
        block.push(b'='.into());
        block.extend(value.encode_wide());
        block.push(0);
    }
    if block.is_empty() {
        block.push(0);
    }
    block.push(0);
    block
}

/// A text with the 0 that ends it.
pub(super) fn terminated(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::windows::ffi::OsStringExt;

    fn text(line: &[u16]) -> String {
        OsString::from_wide(line.strip_suffix(&[0]).unwrap()).into_string().unwrap()
    }

    #[test]
    fn words_are_quoted_as_the_runtime_reads_them() {
        for (word, quoted) in [
            ("plain", "plain"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("say \"hi\"", "\"say \\\"hi\\\"\""),
            (r"C:\a b\", r#""C:\a b\\""#),
            (r#"a\\"b"#, r#""a\\\\\"b""#),
            (r"C:\plain\", r"C:\plain\"),
        ] {
            let mut line = Vec::new();
            append(&mut line, OsStr::new(word));
            line.push(0);
            assert_eq!(text(&line), quoted, "{word}");
        }
    }

    #[test]
    fn a_batch_file_gets_no_word_that_could_be_a_command() {
        let script = Path::new(r"C:\x\run.cmd");
        let (program, line) = line(script, &["a&b".into(), "c d".into()]).unwrap();
        assert!(text(&program).to_lowercase().ends_with("cmd.exe"));
        assert_eq!(text(&line), r#"cmd.exe /e:ON /v:OFF /d /c ""C:\x\run.cmd" "a&b" "c d"""#);
        for word in ["%PATH%", "a\"b", "a\nb"] {
            assert!(super::line(script, &[word.into()]).is_err(), "{word}");
        }
    }

    #[test]
    fn an_environment_is_sorted_whatever_the_case() {
        let block = block(&[("b".into(), "2".into()), ("A".into(), "1".into()), ("C".into(), "".into())]);
        assert_eq!(String::from_utf16(&block).unwrap(), "A=1\0b=2\0C=\0\0");
        assert_eq!(super::block(&[]), [0, 0]);
    }
}
