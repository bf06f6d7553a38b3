//! The memory of another process, as `/proc/PID/mem` gives it to who may trace it.

use crate::pid::Pid;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// The longest text that is read.
const LONGEST: usize = 512;

/// The memory of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory(pub(super) Pid);

impl Memory {
    /// So many bytes from this address; `None` if they are not to be had.
    pub(super) fn bytes(self, address: u64, count: usize) -> Option<Vec<u8>> {
        let file = File::open(format!("/proc/{}/mem", self.0)).ok()?;
        let mut bytes = vec![0; count];
        file.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }

    /// The text that ends in a zero.
    pub(super) fn text(self, address: u64) -> Option<String> {
        let file = File::open(format!("/proc/{}/mem", self.0)).ok()?;
        let mut bytes = vec![0; LONGEST];
        // It may end before a page that is not there.
        let count = file.read_at(&mut bytes, address).ok()?;
        let end = bytes.get(..count)?.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
    }
}
