//! Command lines as `getopt_long(3)` of the GNU C library reads them, with its messages: clusters of short options,
//! unambiguous beginnings of long ones, and operands among the options where a tool allows that.

use super::say::text;
use std::ffi::CStr;

/// Whether an option has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Value,
}

/// An option by its letter.
pub(super) type Short = (u8, Takes);

/// An option by its name; it means the same as the letter does, which need not be a short option.
pub(super) type Long = (&'static str, Takes, u8);

/// The options of a tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) short: &'static [Short],
    /// Empty for a tool that has no long options: then `--name` is the option `-`.
    pub(super) long: &'static [Long],
}

/// A command line that is being read.
pub(super) struct Reader<'w> {
    options: Options,
    /// Options may follow operands.
    permutes: bool,
    rest: &'w [&'w CStr],
    /// What is left of a cluster of short options.
    cluster: &'w [u8],
    operands: Vec<&'w CStr>,
}

/// An option of the command line, with its value if it takes one.
pub(super) type Given<'w> = (u8, &'w [u8]);

impl<'w> Reader<'w> {
    /// Reads these words, without the name of the program.
    pub(super) fn new(options: Options, words: &'w [&'w CStr], permutes: bool) -> Reader<'w> {
        Reader { options, permutes, rest: words, cluster: b"", operands: Vec::new() }
    }

    /// What is no option, once all options are read.
    pub(super) fn into_operands(self) -> Vec<&'w CStr> {
        let mut operands = self.operands;
        operands.extend(self.rest);
        operands
    }

    /// The next option, or why there is none.
    pub(super) fn next_option(&mut self) -> Result<Option<Given<'w>>, Vec<u8>> {
        if let Some((letter, after)) = self.cluster.split_first() {
            self.cluster = after;
            return self.short(*letter).map(Some);
        }
        while let Some((word, after)) = self.rest.split_first() {
            let word = word.to_bytes();
            match word {
                b"--" => {
                    self.rest = after;
                    return Ok(None);
                }
                [b'-', b'-', name @ ..] if !self.options.long.is_empty() => {
                    self.rest = after;
                    return self.long(name).map(Some);
                }
                [b'-', letter, cluster @ ..] => {
                    self.rest = after;
                    self.cluster = cluster;
                    return self.short(*letter).map(Some);
                }
                _ if self.permutes => {
                    self.operands.push(self.rest[0]);
                    self.rest = after;
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn short(&mut self, letter: u8) -> Result<Given<'w>, Vec<u8>> {
        match self.options.short.iter().find(|(known, _)| *known == letter) {
            None => Err(text(&[b"invalid option -- '", &[letter], b"'"])),
            Some((_, Takes::Nothing)) => Ok((letter, b"")),
            Some((_, Takes::Value)) if !self.cluster.is_empty() => Ok((letter, std::mem::take(&mut self.cluster))),
            Some((_, Takes::Value)) => match self.next_word() {
                Some(value) => Ok((letter, value)),
                None => Err(text(&[b"option requires an argument -- '", &[letter], b"'"])),
            },
        }
    }

    fn long(&mut self, given: &'w [u8]) -> Result<Given<'w>, Vec<u8>> {
        let (name, value) = match given.iter().position(|byte| *byte == b'=') {
            Some(place) => (&given[..place], Some(&given[place + 1..])),
            None => (given, None),
        };
        let (known, takes, letter) = *self.find(name, given)?;
        match (takes, value) {
            (Takes::Nothing, None) => Ok((letter, b"")),
            (Takes::Nothing, Some(_)) => Err(text(&[b"option '--", known.as_bytes(), b"' doesn't allow an argument"])),
            (Takes::Value, Some(value)) => Ok((letter, value)),
            (Takes::Value, None) => match self.next_word() {
                Some(value) => Ok((letter, value)),
                None => Err(text(&[b"option '--", known.as_bytes(), b"' requires an argument"])),
            },
        }
    }

    fn find(&self, name: &[u8], given: &[u8]) -> Result<&'static Long, Vec<u8>> {
        let long = self.options.long;
        if let Some(exact) = long.iter().find(|(known, ..)| known.as_bytes() == name) {
            return Ok(exact);
        }
        let mut matching = long.iter().filter(|(known, ..)| known.as_bytes().starts_with(name));
        match (matching.next(), matching.next()) {
            (None, _) => Err(text(&[b"unrecognized option '--", given, b"'"])),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                let mut message = text(&[b"option '--", given, b"' is ambiguous; possibilities:"]);
                for (known, ..) in long.iter().filter(|(known, ..)| known.as_bytes().starts_with(name)) {
                    message.extend(text(&[b" '--", known.as_bytes(), b"'"]));
                }
                Err(message)
            }
        }
    }

    fn next_word(&mut self) -> Option<&'w [u8]> {
        let (word, after) = self.rest.split_first()?;
        self.rest = after;
        Some(word.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options {
        short: &[(b'k', Takes::Value), (b'v', Takes::Nothing)],
        long: &[
            ("kill-after", Takes::Value, b'k'),
            ("verbose", Takes::Nothing, b'v'),
            ("version", Takes::Nothing, b'V'),
        ],
    };

    fn read(words: &[&CStr], permutes: bool) -> (Vec<String>, Vec<String>) {
        let mut reader = Reader::new(OPTIONS, words, permutes);
        let mut options = Vec::new();
        loop {
            match reader.next_option() {
                Ok(None) => break,
                Ok(Some((letter, value))) => {
                    options.push(format!("{}{}", char::from(letter), String::from_utf8_lossy(value)));
                }
                Err(message) => {
                    options.push(String::from_utf8_lossy(&message).into_owned());
                    break;
                }
            }
        }
        let operands = reader.into_operands().iter().map(|word| word.to_string_lossy().into_owned()).collect();
        (options, operands)
    }

    #[test]
    fn clusters_values_and_operands() {
        let (options, operands) = read(&[c"-vk5", c"-k", c"-v", c"--kill=7", c"--verb", c"-", c"-v"], false);
        assert_eq!(options, ["v", "k5", "k-v", "k7", "v"]);
        assert_eq!(operands, ["-", "-v"]);
    }

    #[test]
    fn operands_among_options() {
        let (options, operands) = read(&[c"a", c"-v", c"b", c"--", c"-k", c"c"], true);
        assert_eq!((options, operands), (vec![String::from("v")], ["a", "b", "-k", "c"].map(String::from).to_vec()));
    }

    #[test]
    fn says_what_is_wrong() {
        for (word, message) in [
            (c"-x", "invalid option -- 'x'"),
            (c"-vx", "invalid option -- 'x'"),
            (c"-k", "option requires an argument -- 'k'"),
            (c"--kill-a", "option '--kill-after' requires an argument"),
            (c"--verbose=1", "option '--verbose' doesn't allow an argument"),
            (c"--ver=1", "option '--ver=1' is ambiguous; possibilities: '--verbose' '--version'"),
            (c"--foo=1", "unrecognized option '--foo=1'"),
        ] {
            assert_eq!(read(&[word], false).0.last().map(String::as_str), Some(message), "{word:?}");
        }
    }
}
