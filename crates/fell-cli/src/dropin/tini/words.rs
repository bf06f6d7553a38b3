//! Values of `tini`'s options.

use fell::Signal;

/// A number as `strtol(3)` takes it when nothing may follow; no digits at all are 0.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let start = text.iter().position(|byte| !matches!(byte, b'\t'..=b'\r' | b' '))?;
    std::str::from_utf8(&text[start..]).ok()?.parse().ok()
}

/// A signal by its full name, in capitals: those that every Unix has, and no other.
pub(super) fn signal(text: &[u8]) -> Option<Signal> {
    let name = std::str::from_utf8(text).ok()?.strip_prefix("SIG")?;
    let signal: Signal = name.parse().ok()?;
    // One spelling each: no `SIGiot`, no `SIGCLD`, no number. 16 (STKFLT), 29 (IO) and 30 (PWR) are Linux's own.
    let is_known = signal.number() <= 31 && !matches!(signal.number(), 16 | 29 | 30);
    (is_known && signal.to_string() == name).then_some(signal)
}

/// A signal in the C library's words.
pub(super) fn described(signal: Signal) -> String {
    const WORDS: [&str; 31] = [
        "Hangup",
        "Interrupt",
        "Quit",
        "Illegal instruction",
        "Trace/breakpoint trap",
        "Aborted",
        "Bus error",
        "Floating point exception",
        "Killed",
        "User defined signal 1",
        "Segmentation fault",
        "User defined signal 2",
        "Broken pipe",
        "Alarm clock",
        "Terminated",
        "Stack fault",
        "Child exited",
        "Continued",
        "Stopped (signal)",
        "Stopped",
        "Stopped (tty input)",
        "Stopped (tty output)",
        "Urgent I/O condition",
        "CPU time limit exceeded",
        "File size limit exceeded",
        "Virtual timer expired",
        "Profiling timer expired",
        "Window changed",
        "I/O possible",
        "Power failure",
        "Bad system call",
    ];
    match signal.number() {
        number @ 1..=31 => String::from(WORDS[usize::from(number) - 1]),
        number @ 34..=64 => format!("Real-time signal {}", number - 34),
        number => format!("Unknown signal {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_written_in_full() {
        assert_eq!(signal(b"SIGTERM"), Some(Signal::TERM));
        assert_eq!(signal(b"SIGXCPU"), Signal::from_number(24));
        for text in ["TERM", "sigterm", "SIGterm", "15", "SIG15", "SIGRTMIN", "SIG", ""] {
            assert_eq!(signal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_whole() {
        for (text, value) in [("143", Some(143)), (" +7", Some(7)), ("", Some(0)), ("-1", Some(-1))] {
            assert_eq!(number(text.as_bytes()), value, "{text:?}");
        }
        for text in ["abc", "1x", "0x10", "1 ", " "] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }
}
