//! Signals by name and number, as GNU tools take them.

use fell::Signal;

/// `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+1`, an exit status such as `143`; `Some(None)` for 0 and `EXIT`, which ask
/// whether the command is there.
pub(super) fn parse(text: &[u8]) -> Option<Option<Signal>> {
    let text = std::str::from_utf8(text).ok()?;
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        let number: i32 = text.parse().ok()?;
        // Statuses: a shell's are 128 and the signal, those of ksh 256 and the signal.
        let number = u8::try_from(if number >= 0xff { number & 0xff } else { number & 0x7f }).ok()?;
        return numbered(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if name == "EXIT" {
        return Some(None);
    }
    // `SIG15`, but not the status `SIG143`.
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return numbered(name.parse().ok()?);
    }
    name.parse().ok().map(Some)
}

fn numbered(number: u8) -> Option<Option<Signal>> {
    match number {
        0 => Some(None),
        number => Signal::from_number(number).map(Some),
    }
}

/// The name that GNU tools have for a signal; 0 for none.
pub(super) fn name(signal: Option<Signal>) -> String {
    match signal {
        None => String::from("0"),
        Some(signal) if signal.number() == 29 => String::from("POLL"),
        Some(signal) => signal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_statuses() {
        for text in ["TERM", "SIGTERM", "sigterm", "Term", "15", "143", "271", "SIG15"] {
            assert_eq!(parse(text.as_bytes()), Some(Some(Signal::TERM)), "{text}");
        }
        assert_eq!(parse(b"RTMIN+1"), Some(Signal::from_number(35)));
        assert_eq!(name(parse(b"IO").flatten()), "POLL");
        assert_eq!(parse(b"RTMAX"), Some(Signal::from_number(64)));
        for text in ["0", "EXIT", "SIGEXIT", "SIG0", "128"] {
            assert_eq!(parse(text.as_bytes()), Some(None), "{text}");
        }
        for text in ["", "SIG", "NONE", "-1", "65", "15x", "SIG143", "RTMIN+99"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
