//! What a drop-in says: whole lines, byte for byte, since a path need not be text.

use std::ffi::CStr;

/// The parts, one after the other.
pub(super) fn text(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Writes a line to standard error.
pub(super) fn complain(parts: &[&[u8]]) {
    let mut line = text(parts);
    line.push(b'\n');
    put(rustix::stdio::stderr(), &line);
}

/// Writes a line to standard output.
pub(super) fn tell(parts: &[&[u8]]) {
    let mut line = text(parts);
    line.push(b'\n');
    put(rustix::stdio::stdout(), &line);
}

fn put(stream: rustix::fd::BorrowedFd<'_>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(stream, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            // A reader that has gone is no reason to leave the command alone.
            Err(_) => return,
        }
    }
}

/// A number in digits.
pub(super) fn digits(number: impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// An error in the system's words, without the number that Rust adds.
pub(super) fn why(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// A word in quotes as GNU tools show it in the C locale.
pub(super) fn quoted(word: &CStr) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in word.to_bytes() {
        match byte {
            b'\'' | b'\\' => quoted.extend([b'\\', *byte]),
            b' '..=b'~' => quoted.push(*byte),
            0x07 => quoted.extend(b"\\a"),
            0x08 => quoted.extend(b"\\b"),
            0x09 => quoted.extend(b"\\t"),
            0x0a => quoted.extend(b"\\n"),
            0x0b => quoted.extend(b"\\v"),
            0x0c => quoted.extend(b"\\f"),
            0x0d => quoted.extend(b"\\r"),
            _ => quoted.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_does_not_print() {
        assert_eq!(quoted(c"it's\n\\\x01\xff"), br"'it\'s\n\\\001\377'");
        assert_eq!(quoted(c""), b"''");
    }
}
