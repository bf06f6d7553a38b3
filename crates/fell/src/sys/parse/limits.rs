//! How many processes there may be, and how many there are.

use super::{ended_words, number, split_once};

/// Reads a file with one number: `pid_max` and `threads-max` below `/proc/sys/kernel`, `pids.current` of a cgroup.
pub fn one_number(bytes: &[u8]) -> Option<u64> {
    let mut words = ended_words(bytes);
    let word = words.next()?;
    words.next().is_none().then(|| number(word)).flatten()
}

/// Reads `pids.max` of a cgroup: a number, or `max` for none, which is `Some(None)`.
pub fn pids_max(bytes: &[u8]) -> Option<Option<u64>> {
    match bytes {
        b"max\n" => Some(None),
        bytes => one_number(bytes).map(Some),
    }
}

/// How many threads the whole system has, from `/proc/loadavg`: `0.20 0.18 0.12 RUNNING/ALL LAST_PID`. Zombies count.
pub fn loadavg_threads(bytes: &[u8]) -> Option<u64> {
    let (_, all) = split_once(ended_words(bytes).nth(3)?, b'/')?;
    number(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(one_number(b"4194304\n"), Some(4_194_304));
        assert_eq!(pids_max(b"max\n"), Some(None));
        assert_eq!(pids_max(b"512\n"), Some(Some(512)));
        assert_eq!(loadavg_threads(b"0.20 0.18 0.12 1/80 11206\n"), Some(80));
    }

    #[test]
    fn anything_else_is_unknown() {
        for bytes in [&b""[..], b"5", b"-5\n", b"5 6\n", b"x\n", b"+5\n", b"18446744073709551616\n", b"\xff\n"] {
            assert_eq!(one_number(bytes), None, "{bytes:?}");
            assert_eq!(pids_max(bytes), None, "{bytes:?}");
        }
        for bytes in [&b""[..], b"0.2 0.1 0.1 1/8", b"0.2 0.1 0.1 18 5\n", b"0.2 0.1 0.1 1/x 5\n", b"1/8 \n"] {
            assert_eq!(loadavg_threads(bytes), None, "{bytes:?}");
        }
    }
}
