//! Hides secrets in command lines that are shown: values of flags, variables, headers and URLs.
//!
//! Hiding too much costs a reader some detail, hiding too little costs a password. So a name that
//! looks like a secret's is taken for one, unless it is a well-known word that is not.

mod mask;
mod name;
mod tool;

use mask::mask;
use name::is_secret_name;
use tool::TOOLS;

/// What is shown in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The command line with every value hidden that looks like a secret. The arguments stay as many, and in order.
pub fn redact(argv: &[String]) -> Vec<String> {
    let mut reader = Reader::default();
    argv.iter().map(|argument| reader.argument(argument)).collect()
}

/// What an argument is to the one before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Nothing,
    /// Behind `--password`: the value is the secret.
    Secret,
    /// Behind curl's `-u`: `user:password`.
    Login,
}

/// Reads a command line from left to right.
#[derive(Default)]
struct Reader {
    tool: Option<&'static [&'static str]>,
    verbs: Vec<String>,
    expects: Expects,
}

impl Reader {
    fn argument(&mut self, argument: &str) -> String {
        if self.expects == Expects::Nothing && argument.contains(char::is_whitespace) {
            return self.text(&mask(argument));
        }
        self.word(argument)
    }

    /// An argument that is a text of its own, such as the script of `sh -c`: its words are read like arguments.
    fn text(&mut self, text: &str) -> String {
        let mut inner = Reader { tool: self.tool, ..Reader::default() };
        text.split_inclusive(char::is_whitespace)
            .map(|piece| {
                let word = piece.trim_end_matches(char::is_whitespace);
                let blank = &piece[word.len()..];
                let bare = word.trim_matches(['"', '\'']);
                if bare.is_empty() {
                    return String::from(piece);
                }
                // `trim_matches` cuts from both ends, so what it left lies where the opening quotes end.
                let start = word.len() - word.trim_start_matches(['"', '\'']).len();
                let (open, close) = (&word[..start], &word[start + bare.len()..]);
                format!("{open}{}{close}{blank}", inner.word(bare))
            })
            .collect()
    }

    fn word(&mut self, word: &str) -> String {
        match std::mem::take(&mut self.expects) {
            Expects::Secret if !looks_like_flag(word) => return String::from(REDACTED),
            Expects::Login if !looks_like_flag(word) => return hide_login(word),
            Expects::Secret | Expects::Login | Expects::Nothing => {}
        }
        if let Some(shown) = self.tool_flag(word) {
            return shown;
        }
        if word.starts_with('-') && !word.contains('=') {
            if is_secret_name(word.trim_start_matches('-')) && word.trim_start_matches('-').len() > 1 {
                self.expects = Expects::Secret;
            }
            return mask(word);
        }
        if !word.starts_with('-') {
            let name = word.rsplit('/').next().unwrap_or(word);
            match TOOLS.iter().find(|tool| tool.names.contains(&name)) {
                Some(tool) => self.tool = Some(tool.names),
                None => self.verbs.push(String::from(word)),
            }
        }
        mask(word)
    }

    /// The word with its secret hidden, if it is a flag by which the tool at hand takes one.
    fn tool_flag(&mut self, word: &str) -> Option<String> {
        let names = self.tool?;
        let tool = TOOLS.iter().find(|tool| tool.names == names)?;
        if tool.verb.is_some_and(|verb| !self.verbs.iter().any(|seen| seen == verb)) {
            return None;
        }
        let flag = tool.flags.iter().find(|flag| word.starts_with(**flag))?;
        let value = &word[flag.len()..];
        if value.is_empty() {
            if tool.apart {
                self.expects = tool.expects;
            }
            return Some(String::from(word));
        }
        let (sign, value) = match (flag.starts_with("--"), value.strip_prefix('=')) {
            (true, None) => return None,
            (_, Some(value)) => ("=", value),
            (false, None) => ("", value),
        };
        // `openssl -keyout`, `mysql -protocol`: a long name behind one dash is not a value glued to a short flag.
        if tool.names == ["openssl"] {
            return None;
        }
        let hidden = match tool.expects {
            Expects::Login => hide_login(value),
            Expects::Secret | Expects::Nothing => String::from(REDACTED),
        };
        Some(format!("{flag}{sign}{hidden}"))
    }
}

/// `--host` or `-h`: behind `--password`, it means that the password was not given there.
fn looks_like_flag(word: &str) -> bool {
    word.starts_with("--") || (word.starts_with('-') && word.chars().count() == 2)
}

/// `user:password` or, as Samba has it, `user%password`.
fn hide_login(login: &str) -> String {
    match login.find([':', '%']) {
        Some(at) => format!("{}{REDACTED}", &login[..=at]),
        None => String::from(login),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(argv: &[&str]) -> Vec<String> {
        redact(&argv.iter().map(|word| String::from(*word)).collect::<Vec<_>>())
    }

    #[test]
    fn hides_secrets() {
        for (argv, expected) in [
            (&["x", "--password=hunter2"][..], &["x", "--password=[redacted]"][..]),
            (&["x", "--password", "hunter2", "y"], &["x", "--password", "[redacted]", "y"]),
            (&["x", "--password", "--host", "db"], &["x", "--password", "--host", "db"]),
            (&["x", "--token", "-abc"], &["x", "--token", "[redacted]"]),
            (&["x", "--secret=a b c"], &["x", "--secret=[redacted]"]),
            (&["x", "--api-key", "k"], &["x", "--api-key", "[redacted]"]),
            (&["x", "--apiKey=k"], &["x", "--apiKey=[redacted]"]),
            (&["x", "-token", "k"], &["x", "-token", "[redacted]"]),
            (
                &["java", "-Dspring.datasource.password=p", "-jar", "a"],
                &["java", "-Dspring.datasource.password=[redacted]", "-jar", "a"],
            ),
            (&["mysql", "-phunter2", "-u", "root"], &["mysql", "-p[redacted]", "-u", "root"]),
            (&["sudo", "/usr/bin/mysql", "-phunter2"], &["sudo", "/usr/bin/mysql", "-p[redacted]"]),
            (&["mysql", "-p", "shop"], &["mysql", "-p", "shop"]),
            (
                &["sshpass", "-p", "x", "ssh", "-p", "22", "h"],
                &["sshpass", "-p", "[redacted]", "ssh", "-p", "[redacted]", "h"],
            ),
            (&["sshpass", "-phunter2", "ssh", "h"], &["sshpass", "-p[redacted]", "ssh", "h"]),
            (&["curl", "-u", "ann:pw", "http://h/"], &["curl", "-u", "ann:[redacted]", "http://h/"]),
            (&["curl", "-uann:pw"], &["curl", "-uann:[redacted]"]),
            (&["curl", "--user=ann:pw"], &["curl", "--user=ann:[redacted]"]),
            (&["curl", "-H", "Authorization: Bearer abc.def"], &["curl", "-H", "Authorization: Bearer [redacted]"]),
            (&["curl", "-H", "X-Api-Key: abc"], &["curl", "-H", "X-Api-Key: [redacted]"]),
            (
                &["curl", "-d", "{\"user\":\"ann\",\"password\":\"pw\",\"n\":1}"],
                &["curl", "-d", "{\"user\":\"ann\",\"password\":\"[redacted]\",\"n\":1}"],
            ),
            (&["curl", "https://h/?token=abc&n=1"], &["curl", "https://h/?token=[redacted]&n=1"]),
            (&["docker", "login", "-u", "a", "-p", "pw"], &["docker", "login", "-u", "a", "-p", "[redacted]"]),
            (&["redis-cli", "-a", "pw", "get", "k"], &["redis-cli", "-a", "[redacted]", "get", "k"]),
            (&["env", "GITHUB_TOKEN=abc", "DEBUG=1"], &["env", "GITHUB_TOKEN=[redacted]", "DEBUG=1"]),
            (
                &["env", "PGPASSWORD=a b", "AWS_SECRET_ACCESS_KEY=x"],
                &["env", "PGPASSWORD=[redacted]", "AWS_SECRET_ACCESS_KEY=[redacted]"],
            ),
            (&["git", "clone", "https://ann:pw@h/r"], &["git", "clone", "https://ann:[redacted]@h/r"]),
            (&["psql", "postgres://ann:p@w@h:5432/db"], &["psql", "postgres://ann:[redacted]@h:5432/db"]),
            (&["git", "clone", "https://ghp_0123456789abcdef0123@h/r"], &["git", "clone", "https://[redacted]@h/r"]),
            (
                &["sh", "-c", "A=1 TOKEN=abc mysql -ppw --password x"],
                &["sh", "-c", "A=1 TOKEN=[redacted] mysql -p[redacted] --password [redacted]"],
            ),
            (
                &["sh", "-c", "curl -H 'Authorization: Basic eA==' h"],
                &["sh", "-c", "curl -H 'Authorization: Basic [redacted]' h"],
            ),
            (&["x", "Server=h;Password=pw;Port=1"], &["x", "Server=h;Password=[redacted];Port=1"]),
        ] {
            assert_eq!(shown(argv), expected, "{argv:?}");
        }
    }

    #[test]
    fn shows_the_rest() {
        for argv in [
            &["mkdir", "-p", "/srv/a"][..],
            &["ssh", "-p", "22", "host"],
            &["docker", "run", "-p", "80:80", "nginx"],
            &["git", "log", "--author=Ann", "--author", "Ann"],
            &["cargo", "test", "--", "--nocapture"],
            &["x", "--keyboard", "us", "--passive", "--bypass=1"],
            &["x", "--token-file", "/run/t", "--password-stdin", "reg"],
            &["x", "--max-tokens", "100"],
            &["x", "SSH_AUTH_SOCK=/run/s", "KEYMAP=us", "PWD=/srv", "MONKEY=1"],
            &["chown", "www-data:www-data", "auth:8080"],
            &["curl", "https://h:8443/a?n=1", "http://ann@h/"],
            &["sort", "-k", "2"],
            &["sh", "-c", "sleep 300 & setsid sleep 300"],
            &["psql", "--no-password", "db"],
            &[],
            &["", " ", "=", ":", "-", "--"],
        ] {
            assert_eq!(shown(argv), argv, "{argv:?}");
        }
    }

    proptest! {
        #[test]
        fn keeps_the_arguments_as_many(argv: Vec<String>) {
            prop_assert_eq!(redact(&argv).len(), argv.len());
        }

        #[test]
        fn never_panics_on_what_looks_like_secrets(argv in proptest::collection::vec("([-=:'\"@/%é ]|password|token|mysql|curl|-p|-u|://|Bearer ){0,9}", 0..6)) {
            prop_assert_eq!(redact(&argv).len(), argv.len());
        }

        #[test]
        fn a_password_is_never_shown(secret in "[a-zA-Z0-9]{12,30}", flag in "--[a-z]{0,5}-?(password|token|secret|api-key)") {
            let argv = [String::from("x"), flag.clone(), secret.clone(), format!("{flag}={secret}"), format!("A_SECRET={secret}")];
            prop_assert!(!redact(&argv).join(" ").contains(&secret));
        }
    }
}
