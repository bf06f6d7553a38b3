//! Durations as `strtod(3)` reads numbers in the C locale, with one suffix.

use std::time::Duration;

/// A duration such as `10`, `.5m`, `1e3`, `0x1p4` or `infinity`; zero means no limit.
///
/// What is too long becomes the longest; what is too short but not zero, a nanosecond.
pub(super) fn parse(text: &[u8]) -> Option<Duration> {
    let text = text.trim_ascii_start();
    // `trim_ascii_start` leaves the vertical tab.
    let start = text.iter().position(|byte| !matches!(byte, b'\t'..=b'\r' | b' ')).unwrap_or(0);
    let (is_negative, text) = match &text[start..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (number, suffix) = number(text)?;
    let unit = match suffix {
        b"" | b"s" => 1.0,
        b"m" => 60.0,
        b"h" => 3600.0,
        b"d" => 86_400.0,
        _ => return None,
    };
    match number {
        Number::Zero => Some(Duration::ZERO),
        Number::Tiny if !is_negative => Some(Duration::from_nanos(1)),
        Number::Some(seconds) if !is_negative => Some(rounded_up(seconds * unit)),
        Number::Tiny | Number::Some(_) => None,
    }
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Zero,
    /// Not zero, and too small to be held.
    Tiny,
    /// Above zero; perhaps infinite.
    Some(f64),
}

fn rounded_up(seconds: f64) -> Duration {
    let whole = seconds.floor();
    let Ok(whole_part) = Duration::try_from_secs_f64(whole) else { return Duration::MAX };
    // Between 0 and 1 by the floor above: at most 1e9 nanoseconds.
    let nanoseconds = ((seconds - whole) * 1e9).ceil() as u64;
    whole_part.saturating_add(Duration::from_nanos(nanoseconds))
}

/// The longest beginning that is a number, and the rest.
fn number(text: &[u8]) -> Option<(Number, &[u8])> {
    for word in [&b"infinity"[..], b"inf"] {
        if text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word) {
            return Some((Number::Some(f64::INFINITY), &text[word.len()..]));
        }
    }
    if let [b'0', b'x' | b'X', rest @ ..] = text
        && let Some(found) = hexadecimal(rest)
    {
        return Some(found);
    }
    let (mantissa, digits) = mantissa(text, |byte| byte.is_ascii_digit())?;
    let length = mantissa + exponent(&text[mantissa..], *b"eE");
    let value: f64 = std::str::from_utf8(&text[..length]).ok()?.parse().ok()?;
    Some((classified(value, digits), &text[length..]))
}

fn classified(value: f64, has_digits: bool) -> Number {
    match value {
        0.0 if has_digits => Number::Tiny,
        0.0 => Number::Zero,
        value => Number::Some(value),
    }
}

/// The length of digits with at most one point among them, and whether one of them is not 0.
fn mantissa(text: &[u8], is_digit: impl Fn(u8) -> bool) -> Option<(usize, bool)> {
    let (mut length, mut digits, mut is_some, mut has_point) = (0, 0_usize, false, false);
    for byte in text {
        match *byte {
            b'.' if !has_point => has_point = true,
            byte if is_digit(byte) => {
                digits += 1;
                is_some |= byte != b'0';
            }
            _ => break,
        }
        length += 1;
    }
    (digits > 0).then_some((length, is_some))
}

/// The length of an exponent; 0 if there is no digit in it.
fn exponent(text: &[u8], letters: [u8; 2]) -> usize {
    let sign = match text {
        [letter, b'+' | b'-', ..] if letters.contains(letter) => 2,
        [letter, ..] if letters.contains(letter) => 1,
        _ => return 0,
    };
    match text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 => 0,
        digits => sign + digits,
    }
}

/// What follows `0x`: digits, and a power of two.
fn hexadecimal(text: &[u8]) -> Option<(Number, &[u8])> {
    let (length, is_some) = mantissa(text, |byte| byte.is_ascii_hexdigit())?;
    let (mut value, mut scale, mut has_point) = (0.0_f64, 0.0_f64, false);
    for byte in &text[..length] {
        match char::from(*byte).to_digit(16) {
            None => has_point = true,
            Some(digit) => {
                value = value * 16.0 + f64::from(digit);
                scale -= if has_point { 4.0 } else { 0.0 };
            }
        }
    }
    let power = exponent(&text[length..], *b"pP");
    let digits = text[length..length + power].get(1..).unwrap_or_default();
    let exponent: f64 = std::str::from_utf8(digits).ok()?.parse().unwrap_or(0.0);
    let value = if is_some { value * (scale + exponent).exp2() } else { 0.0 };
    Some((classified(value, is_some), &text[length + power..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_strtod_takes() {
        for (text, nanoseconds) in [
            ("10", 10_000_000_000_u128),
            (" +10", 10_000_000_000),
            ("\x0b1", 1_000_000_000),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            ("1e1", 10_000_000_000),
            ("2.34e+1", 23_400_000_000),
            ("1m", 60_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("1d", 86_400_000_000_000),
            ("0x10", 16_000_000_000),
            ("0x1.8p1", 3_000_000_000),
            ("0x.8", 500_000_000),
            ("0x1p-1s", 500_000_000),
            ("0x1d", 29_000_000_000),
            ("1e-10000", 1),
            ("1e-12", 1),
            ("0", 0),
            ("0e5", 0),
            ("-0", 0),
            ("0x0", 0),
            ("9.999999999", 9_999_999_999),
        ] {
            assert_eq!(parse(text.as_bytes()).map(|time| time.as_nanos()), Some(nanoseconds), "{text:?}");
        }
    }

    #[test]
    fn clamps_what_is_too_long() {
        for text in ["inf", "INFINITY", "infd", "1e400", "99999999999999999999", "9223372036854775808d", "0x1p9999"] {
            assert_eq!(parse(text.as_bytes()), Some(Duration::MAX), "{text:?}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            " ",
            ".",
            "-1",
            "-.1",
            "-1e-10000",
            "-inf",
            "nan",
            "1D",
            "1ms",
            "1 s",
            "1s ",
            "e5",
            "0x",
            "1e",
            "1e+",
            "5x",
            "--5",
            "1_0",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
