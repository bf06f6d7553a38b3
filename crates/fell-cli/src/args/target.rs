//! What `fell kill` is pointed at.

use fell::ProcessId;
use std::fmt;
use std::str::FromStr;

/// `PID`, `PID:INODE`, or `:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// This process.
    Process(ProcessId),
    /// Whatever listens on this TCP or UDP port.
    Port(u16),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Process(id) => id.fmt(f),
            Target::Port(port) => write!(f, ":{port}"),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let Some(port) = text.strip_prefix(':') else {
            return text.parse().map(Target::Process).map_err(|error: fell::id::ParseIdError| error.to_string());
        };
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse() {
            Ok(port) if digits && port > 0 => Ok(Target::Port(port)),
            _ => Err(String::from("not a port: expected :PORT with 1 to 65535, such as :8080")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parses() {
        for text in ["4711", "4711:5032", ":8080"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["", ":", ":0", ":65536", ":x", ":+80", "8080:", "-1", "0", "sshd"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
