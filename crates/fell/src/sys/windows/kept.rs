//! Processes that have ended and that somebody's handle keeps: what comes closest to a zombie here.
//!
//! No table lists them. But their PIDs are still taken, and can be opened: so all PIDs are tried that nobody living has.

use super::process;
use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::snapshot::Snapshot;
use std::collections::HashSet;

/// PIDs are handles of a table of the system's, and so multiples of 4, given out from below.
const STEP: usize = 4;
/// How far beyond the largest living PID to look.
const BEYOND: u32 = 4096;
/// Where to stop anyway.
const LARGEST: u32 = 1 << 20;

pub(super) fn list(table: &Snapshot) -> Vec<ProcessInfo> {
    let living: HashSet<Pid> = table.rows.iter().map(ProcessInfo::pid).collect();
    let largest = living.iter().map(|pid| pid.get()).max().unwrap_or(0);
    let last = largest.saturating_add(BEYOND).min(LARGEST);
    (STEP as u32..last)
        .step_by(STEP)
        .filter_map(Pid::new)
        .filter(|pid| !living.contains(pid))
        .filter_map(process::read_dead)
        .collect()
}
