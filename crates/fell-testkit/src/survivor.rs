//! A process of a victim tree that is alive.

/// A process that still holds its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// Its slot in the ledger; the root has 0.
    pub slot: u32,
    /// Its PID as this process sees it; 0 if it is not visible here.
    pub pid: i32,
    /// What it is in its tree.
    pub role: String,
}
