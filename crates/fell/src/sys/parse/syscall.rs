//! `/proc/PID/task/TID/syscall`: the system call that a thread is in.

use super::{ended_words, number};

/// What a thread is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InCall {
    /// It is on a processor, or waits for one.
    Running,
    /// It is blocked, but in no system call.
    None,
    /// In the system call with this number and these arguments.
    Call {
        /// The number, which depends on the processor's architecture.
        number: i64,
        /// The arguments as the registers hold them.
        arguments: [u64; 6],
        /// Where its stack is.
        stack: u64,
    },
}

/// Reads the file; `None` if it is not of this kind.
pub fn syscall(bytes: &[u8]) -> Option<InCall> {
    if bytes == b"running\n" {
        return Some(InCall::Running);
    }
    let mut words = ended_words(bytes);
    let number: i64 = number(words.next()?)?;
    if number < 0 {
        return Some(InCall::None);
    }
    let mut register = || {
        let digits = words.next()?.strip_prefix(b"0x")?;
        u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut arguments = [0_u64; 6];
    for argument in &mut arguments {
        *argument = register()?;
    }
    Some(InCall::Call { number, arguments, stack: register()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let file = b"0 0x3 0x7fdb4a37f000 0x20000 0x22 0xffffffff 0x0 0x7ffe3e76d1e8 0x7fdb4a4fb2ad\n";
        let arguments = [3, 0x7fdb_4a37_f000, 0x20000, 0x22, 0xffff_ffff, 0];
        assert_eq!(syscall(file), Some(InCall::Call { number: 0, arguments, stack: 0x7ffe_3e76_d1e8 }));
        assert_eq!(syscall(b"running\n"), Some(InCall::Running));
        assert_eq!(syscall(b"-1 0x7ffe 0x7fdb\n"), Some(InCall::None));
    }

    #[test]
    fn anything_else_is_unknown() {
        for bytes in [&b""[..], b"running", b"0 0x3\n", b"x\n", b"0 3 0x1 0x1 0x1 0x1 0x1 0x1 0x1\n"] {
            assert_eq!(syscall(bytes), None, "{bytes:?}");
        }
    }
}
