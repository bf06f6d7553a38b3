//! `/proc/PID/stat`: one line of 52 fields.

use super::{ParseError, ended_words, number};
use crate::info::State;
use crate::pid::Pid;
use std::str::FromStr;

/// A thread of the kernel (`PF_KTHREAD` of the kernel's `include/linux/sched.h`).
const KERNEL_THREAD: u32 = 0x0020_0000;

/// The fields of a process that the engine uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Field 1.
    pub pid: Pid,
    /// Field 2: the command name, which may hold any byte but NUL.
    pub comm: &'a [u8],
    /// Field 3.
    pub state: State,
    /// Field 4; `None` for 0: no parent, or one outside of the PID namespace.
    pub parent: Option<Pid>,
    /// Field 5; `None` for 0 or -1.
    pub group: Option<Pid>,
    /// Field 6; `None` for 0 or -1.
    pub session: Option<Pid>,
    /// Field 9.
    pub flags: u32,
    /// Field 14: time in user mode, in clock ticks.
    pub user_ticks: u64,
    /// Field 15: time in kernel mode, in clock ticks.
    pub system_ticks: u64,
    /// Field 20: threads of the process; 0 once it has been collected.
    pub threads: u32,
    /// Field 22: start, in clock ticks since boot.
    pub start: u64,
    /// Field 24: resident set, in pages; `None` where the kernel's sum is below 0 or missing.
    pub resident_pages: Option<u64>,
    /// Field 35: 0, or something else for a sleeping or dead process that the caller may trace.
    pub wait_channel: Option<u64>,
    /// Field 39: the processor that it ran on last.
    pub processor: Option<u32>,
    /// Field 52: the exit status in `wait(2)`'s encoding; 0 as well when the caller may not see it.
    /// `None` where the kernel (before 3.5) has no such field.
    pub exit_code: Option<i32>,
}

impl Stat<'_> {
    /// Whether it is a thread of the kernel.
    pub fn is_kernel_thread(&self) -> bool {
        self.flags & KERNEL_THREAD != 0
    }
}

/// Reads the line of `/proc/PID/stat`, or of a thread's `stat`.
///
/// The name stands in parentheses, unescaped, and may itself hold blanks, parentheses and newlines.
/// No field behind it holds a parenthesis, so it ends at the *last* one.
///
/// # Errors
///
/// Names the first field of 1 to 22 that is missing or makes no sense.
pub fn stat(bytes: &[u8]) -> Result<Stat<'_>, ParseError> {
    let missing = |what| ParseError::new(what, bytes);
    let open = bytes.iter().position(|byte| *byte == b'(').ok_or_else(|| missing("stat: name"))?;
    let close = bytes.iter().rposition(|byte| *byte == b')').ok_or_else(|| missing("stat: end of the name"))?;
    let comm = bytes.get(open + 1..close).ok_or_else(|| missing("stat: name"))?;
    let head = bytes.get(..open).unwrap_or_default();
    let tail = bytes.get(close + 1..).unwrap_or_default();

    let mut fields = Fields { rest: tail, next: 3 };
    let pid = ended_words(head).next().unwrap_or_default();
    Ok(Stat {
        pid: number(pid).and_then(Pid::from_raw).ok_or_else(|| ParseError::new("stat: pid", pid))?,
        comm,
        state: match fields.word(3) {
            [letter] => State::from_letter(*letter),
            other => return Err(ParseError::new("stat: state", other)),
        },
        parent: fields.pid(4, "stat: parent")?,
        group: fields.pid(5, "stat: process group")?,
        session: fields.pid(6, "stat: session")?,
        flags: fields.required(9, "stat: flags")?,
        user_ticks: fields.required(14, "stat: user time")?,
        system_ticks: fields.required(15, "stat: system time")?,
        threads: fields.required(20, "stat: number of threads")?,
        start: fields.required(22, "stat: start time")?,
        resident_pages: fields.optional(24),
        wait_channel: fields.optional(35),
        processor: fields.optional(39),
        exit_code: fields.optional(52),
    })
}

/// The fields behind the name, asked for in ascending order by their numbers in proc(5).
///
/// As [`ended_words`] gives them, without looking at what is passed over: this is read for every process.
struct Fields<'a> {
    rest: &'a [u8],
    next: usize,
}

impl<'a> Fields<'a> {
    fn word(&mut self, field: usize) -> &'a [u8] {
        let mut word = &[][..];
        while self.next <= field {
            word = self.next_word();
            self.next += 1;
        }
        word
    }

    /// The next word that is followed by a blank or a line end; empty if there is none.
    fn next_word(&mut self) -> &'a [u8] {
        let is_blank = u8::is_ascii_whitespace;
        let begin = self.rest.iter().position(|byte| !is_blank(byte)).unwrap_or(self.rest.len());
        let rest = self.rest.get(begin..).unwrap_or_default();
        let Some(end) = rest.iter().position(is_blank) else {
            self.rest = &[];
            return &[];
        };
        self.rest = rest.get(end..).unwrap_or_default();
        rest.get(..end).unwrap_or_default()
    }

    fn required<T: FromStr + TryFrom<u64>>(&mut self, field: usize, what: &'static str) -> Result<T, ParseError> {
        let word = self.word(field);
        quick_number(word).ok_or_else(|| ParseError::new(what, word))
    }

    fn optional<T: FromStr + TryFrom<u64>>(&mut self, field: usize) -> Option<T> {
        quick_number(self.word(field))
    }

    fn pid(&mut self, field: usize, what: &'static str) -> Result<Option<Pid>, ParseError> {
        self.required(field, what).map(Pid::from_raw)
    }
}

/// [`number`], without its checks where there are only digits, and not so many that they overflow.
fn quick_number<T: FromStr + TryFrom<u64>>(word: &[u8]) -> Option<T> {
    let mut value = 0_u64;
    if matches!(word.len(), 1..=19) && word.iter().all(u8::is_ascii_digit) {
        for digit in word {
            value = value * 10 + u64::from(digit - b'0');
        }
        return T::try_from(value).ok();
    }
    number(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields 3 to 52 as the kernel wrote them for a zombie that had exited 7; start beyond 32 bits.
    const TAIL: &str = " Z 4711 4712 4713 0 -1 4227084 119 0 1 0 11 22 0 0 20 0 3 0 4294967297123 0 0 \
         18446744073709551615 0 0 0 0 0 0 0 0 0 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 1792\n";

    fn line(comm: &[u8]) -> Vec<u8> {
        [b"99 (", comm, b")", TAIL.as_bytes()].concat()
    }

    #[test]
    fn reads_every_field() {
        let line = line(b"make");
        let stat = stat(&line).unwrap();
        let pid = |number| Pid::new(number);
        assert_eq!(
            stat,
            Stat {
                pid: Pid::new(99).unwrap(),
                comm: b"make",
                state: State::Zombie,
                parent: pid(4711),
                group: pid(4712),
                session: pid(4713),
                flags: 4_227_084,
                user_ticks: 11,
                system_ticks: 22,
                threads: 3,
                start: 4_294_967_297_123,
                resident_pages: Some(0),
                wait_channel: Some(1),
                processor: Some(1),
                exit_code: Some(7 << 8),
            }
        );
        assert!(!stat.is_kernel_thread());
    }

    #[test]
    fn a_name_may_hold_anything() {
        let names: [&[u8]; 10] =
            [b"", b") (", b") R 1 (", b"a) S 1 1 1 0 -1", b")))", b"(((", b"a\nb", b"\n) Z 1", b"\xff\xfe\x80", b" "];
        for name in names {
            let line = line(name);
            let stat = stat(&line).unwrap_or_else(|error| panic!("{name:?}: {error}"));
            assert_eq!((stat.comm, stat.state, stat.parent), (name, State::Zombie, Pid::new(4711)));
        }
    }

    #[test]
    fn a_cut_line_never_yields_other_numbers() {
        let whole_line = line(b"x) (y");
        let whole = stat(&whole_line).unwrap();
        for end in 0..whole_line.len() {
            let cut_line = whole_line.get(..end).unwrap();
            let Ok(cut) = stat(cut_line) else { continue };
            assert_eq!((cut.comm, cut.start, cut.threads), (whole.comm, whole.start, whole.threads), "cut at {end}");
            assert!(cut.exit_code.is_none(), "cut at {end}");
        }
    }

    #[test]
    fn a_quick_number_is_the_same_number() {
        let words = [
            "0",
            "7",
            "007",
            "4294967295",
            "4294967296",
            "9999999999999999999",
            "18446744073709551615",
            "18446744073709551616",
        ];
        for word in words.into_iter().chain(["", "-1", "+1", "1x", " 1", "-2147483648", "2147483647", "2147483648"]) {
            let word = word.as_bytes();
            assert_eq!(quick_number::<u64>(word), number::<u64>(word), "{word:?}");
            assert_eq!(quick_number::<u32>(word), number::<u32>(word), "{word:?}");
            assert_eq!(quick_number::<i32>(word), number::<i32>(word), "{word:?}");
        }
    }

    #[test]
    fn an_old_kernel_has_no_exit_code() {
        let line = b"1 (init) S 0 1 1 0 -1 4194560 1 0 1 0 0 0 0 0 20 0 1 0 2 170000 300 1 ";
        let stat = stat(line).unwrap();
        assert_eq!((stat.exit_code, stat.resident_pages, stat.parent), (None, Some(300), None));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = |line: &[u8]| stat(line).unwrap_err().to_string();
        assert_eq!(error(b""), "stat: name: missing");
        assert_eq!(error(b"99 make S 1"), "stat: name: \"99 make S 1\" makes no sense");
        assert_eq!(error(b"0 (a) S 1 "), "stat: pid: \"0\" makes no sense");
        assert_eq!(error(b"9 (a) SS 1 "), "stat: state: \"SS\" makes no sense");
        assert_eq!(error(b"9 (a) S x 1 "), "stat: parent: \"x\" makes no sense");
        assert_eq!(error(b"9 )a( S 1 1 "), "stat: name: \"9 )a( S 1 1 \" makes no sense");
        let huge = "9 (a) S 1 1 1 0 -1 0 1 0 1 0 11 22 0 0 20 0 99999999999999999999 0 5 ";
        assert_eq!(error(huge.as_bytes()), "stat: number of threads: \"99999999999999999999\" makes no sense");
    }

    #[test]
    fn a_kernel_thread_is_told_by_its_flag() {
        let line = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 2 0 0 ";
        assert!(stat(line).unwrap().is_kernel_thread());
    }
}
