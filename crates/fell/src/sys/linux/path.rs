//! Paths for a process that must not allocate.

/// A path, built on the stack.
pub(super) struct PathBuffer {
    bytes: [u8; 320],
    length: usize,
}

impl PathBuffer {
    pub(super) fn new() -> PathBuffer {
        PathBuffer { bytes: [0; 320], length: 0 }
    }

    /// Appends; what would not fit is left out, and the path then names nothing.
    pub(super) fn push(&mut self, text: &[u8]) -> &mut PathBuffer {
        // The last byte stays zero.
        let space = self.bytes.len() - 1 - self.length;
        let text = &text[..text.len().min(space)];
        self.bytes[self.length..self.length + text.len()].copy_from_slice(text);
        self.length += text.len();
        self
    }

    pub(super) fn number(&mut self, number: i32) -> &mut PathBuffer {
        let mut digits = [0_u8; 10];
        let mut at = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            at -= 1;
            // A remainder of ten is one digit.
            digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                return self.push(&digits[at..]);
            }
        }
    }

    pub(super) fn as_c_str(&self) -> &std::ffi::CStr {
        std::ffi::CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}
