//! The shared page of a victim tree: counters and one record a process.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::SeqCst};

/// No tree forks more often than this in its whole life.
pub const MOST_FORKS: u32 = 2000;

/// The root has slot 0, the forks have 1 to [`MOST_FORKS`].
pub(crate) const SLOTS: usize = MOST_FORKS as usize + 1;

pub(crate) const MAGIC: u32 = 0xFE11_0001;

/// What all processes of one victim tree and its harness share.
///
/// All fields are atomics, and zero is valid for each: any file of the right length is a valid page.
#[repr(C)]
#[derive(Debug)]
pub struct Page {
    pub(crate) magic: AtomicU32,
    pub(crate) budget: AtomicU32,
    pub(crate) forks: AtomicU32,
    pub(crate) refused: AtomicU32,
    pub(crate) closed: AtomicU32,
    pub(crate) bell: AtomicU32,
    pub(crate) ready: AtomicU32,
    pub(crate) expected: AtomicU32,
    pub(crate) cleaned: AtomicU32,
    pub(crate) failed: AtomicU32,
    pub(crate) port: AtomicU32,
    pub(crate) spare: AtomicU32,
    pub(crate) records: [Record; SLOTS],
}

impl Page {
    /// How many forks have been granted.
    pub fn forks(&self) -> u32 {
        self.forks.load(SeqCst)
    }

    /// How many forks have been refused because the budget was spent or the ledger closed.
    pub fn refused(&self) -> u32 {
        self.refused.load(SeqCst)
    }

    /// How many processes have reported ready so far.
    pub fn ready(&self) -> u32 {
        self.ready.load(SeqCst)
    }

    /// How many reports of readiness make the tree ready.
    pub fn expected(&self) -> u32 {
        self.expected.load(SeqCst)
    }

    /// How many graceful processes got their signal and finished their clean-up.
    pub fn cleaned(&self) -> u32 {
        self.cleaned.load(SeqCst)
    }

    /// The `errno` with which a trick turned out to be impossible here, or 0.
    pub fn failed(&self) -> u32 {
        self.failed.load(SeqCst)
    }

    /// The TCP port on 127.0.0.1 that the tree listens at, or 0.
    pub fn port(&self) -> u32 {
        self.port.load(SeqCst)
    }

    /// Sets how many reports of readiness make the tree ready.
    pub fn set_expected(&self, count: u32) {
        self.expected.store(count, SeqCst);
    }

    /// Publishes the port that the tree listens at.
    pub fn set_port(&self, port: u16) {
        self.port.store(u32::from(port), SeqCst);
    }

    /// The record of one slot.
    ///
    /// # Panics
    ///
    /// When there is no such slot.
    pub fn record(&self, slot: u32) -> &Record {
        &self.records[slot as usize]
    }
}

/// What one process of the tree says of itself.
#[repr(C)]
#[derive(Debug)]
pub struct Record {
    pub(crate) signals: AtomicU32,
    pub(crate) parent: AtomicU32,
    pub(crate) set: AtomicU64,
    pub(crate) role: [AtomicU8; 48],
}

impl Record {
    /// Counts a signal; may be called in a signal handler.
    pub fn count_signal(&self, signal: i32) {
        self.set.fetch_or(1 << (signal & 63), SeqCst);
        self.signals.fetch_add(1, SeqCst);
    }

    /// How many signals the process caught.
    pub fn signals(&self) -> u32 {
        self.signals.load(SeqCst)
    }

    /// Which signals the process caught.
    pub fn caught(&self) -> Vec<i32> {
        let set = self.set.load(SeqCst);
        (1..64).filter(|signal| set & (1 << signal) != 0).collect()
    }

    /// Names the process and the slot that forked it.
    pub fn describe(&self, role: &str, parent: u32) {
        self.parent.store(parent, SeqCst);
        for (index, cell) in self.role.iter().enumerate() {
            cell.store(role.as_bytes().get(index).copied().unwrap_or(0), SeqCst);
        }
    }

    /// What the process is in its tree.
    pub fn role(&self) -> String {
        let bytes = self.role.iter().map(|cell| cell.load(SeqCst)).take_while(|byte| *byte != 0).collect::<Vec<_>>();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The slot of the process that forked this one.
    pub fn parent(&self) -> u32 {
        self.parent.load(SeqCst)
    }
}
