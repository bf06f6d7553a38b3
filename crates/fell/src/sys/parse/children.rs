//! `/proc/PID/task/TID/children`: the PIDs that one thread forked, each followed by a blank.

use super::{ParseError, number};
use crate::pid::Pid;

/// The PIDs in the list, in the kernel's order: the oldest child first.
///
/// A word that is no PID, or that was cut off at the end, is given as an error that names it.
pub fn children(bytes: &[u8]) -> impl Iterator<Item = Result<Pid, ParseError>> {
    bytes.split_inclusive(|byte| byte.is_ascii_whitespace()).filter_map(|word| match word.split_last() {
        Some((last, [])) if last.is_ascii_whitespace() => None,
        Some((last, digits)) if last.is_ascii_whitespace() => {
            Some(number(digits).and_then(Pid::from_raw).ok_or_else(|| ParseError::new("children: pid", digits)))
        }
        _ => Some(Err(ParseError::new("children: end of a pid", word))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8]) -> Vec<Result<u32, Vec<u8>>> {
        children(bytes).map(|pid| pid.map(Pid::get).map_err(|error| error.found().to_vec())).collect()
    }

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(numbers(b""), []);
        assert_eq!(numbers(b"5 4194304 2147483647 "), [Ok(5), Ok(4_194_304), Ok(2_147_483_647)]);
        assert_eq!(numbers(b"5\n6\n"), [Ok(5), Ok(6)]);
    }

    #[test]
    fn a_word_that_is_no_pid_is_named() {
        let bad = |word: &[u8]| Err(word.to_vec());
        assert_eq!(numbers(b"0 7 -3 x 2147483648 "), [bad(b"0"), Ok(7), bad(b"-3"), bad(b"x"), bad(b"2147483648")]);
        assert_eq!(numbers(b"7 \xff "), [Ok(7), bad(b"\xff")]);
    }

    #[test]
    fn a_cut_number_is_no_pid() {
        let whole = b"123 4567 89 ";
        for end in 0..whole.len() {
            for pid in children(&whole[..end]).flatten() {
                assert!([123, 4567, 89].contains(&pid.get()), "cut at {end}: {pid}");
            }
        }
        assert_eq!(numbers(b"123 45"), [Ok(123), Err(b"45".to_vec())]);
    }
}
