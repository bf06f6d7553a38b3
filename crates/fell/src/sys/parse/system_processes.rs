//! Windows' process table: what `NtQuerySystemInformation(SystemProcessInformation)` writes on a 64-bit system.
//!
//! One entry a process, each followed by one a thread. The entries are chained by offsets, and not always aligned (Wine).

use super::ParseError;
use crate::id::{Birth, ProcessId};
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use std::time::Duration;

// Offsets in `SYSTEM_PROCESS_INFORMATION`.
const NEXT: usize = 0;
const THREADS: usize = 4;
const CREATED: usize = 32;
const USER: usize = 40;
const KERNEL: usize = 48;
const NAME_LENGTH: usize = 56;
const NAME: usize = 64;
const PROCESS_ID: usize = 80;
const PARENT_ID: usize = 88;
const WORKING_SET: usize = 144;
const SIZE: usize = 256;

// And in `SYSTEM_THREAD_INFORMATION`.
const THREAD_STATE: usize = 68;
const WAIT_REASON: usize = 72;
const THREAD_SIZE: usize = 80;

/// `KTHREAD_STATE`: ready, running, standby; waiting.
const ACTIVE: [u32; 3] = [1, 2, 3];
const WAITING: u32 = 5;
/// `KWAIT_REASON`: the thread was suspended.
const SUSPENDED: u32 = 5;

/// The process that stands for the system's kernel.
const SYSTEM: u32 = 4;

/// The processes in the table, but for the idle one, which has PID 0. `base` is where the bytes lay when the system wrote
/// them: names are told as places in memory.
pub fn system_processes(bytes: &[u8], base: u64) -> impl Iterator<Item = Result<ProcessInfo, ParseError>> {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        loop {
            let here = at?;
            let entry = bytes.get(here..).unwrap_or_default();
            if entry.len() < SIZE {
                at = None;
                return Some(Err(ParseError::new("process table: entry", entry)));
            }
            at = match number(entry, NEXT) {
                0 => None,
                next => usize::try_from(next).ok().and_then(|next| here.checked_add(next)),
            };
            if let Some(row) = row(entry, bytes, base) {
                return Some(Ok(row));
            }
        }
    })
}

fn row(entry: &[u8], bytes: &[u8], base: u64) -> Option<ProcessInfo> {
    let pid = Pid::new(u32::try_from(long(entry, PROCESS_ID)).ok()?)?;
    let parent = u32::try_from(long(entry, PARENT_ID)).ok().and_then(Pid::new);
    let start = Some(long(entry, CREATED)).filter(|start| *start > 0);
    let threads = number(entry, THREADS);
    let worked = long(entry, USER).saturating_add(long(entry, KERNEL));
    Some(ProcessInfo {
        name: name(entry, bytes, base).unwrap_or_else(|| String::from("?")),
        state: state(entry, threads),
        kernel_thread: pid.get() == SYSTEM,
        cpu: Some(Duration::from_micros(worked / 10)),
        memory: Some(long(entry, WORKING_SET)),
        threads: Some(threads),
        ..ProcessInfo::bare(ProcessId { pid, birth: Birth { start, inode: None } }, parent)
    })
}

fn name(entry: &[u8], bytes: &[u8], base: u64) -> Option<String> {
    let length = usize::from(u16::from_le_bytes(take(entry, NAME_LENGTH)?));
    let from = usize::try_from(long(entry, NAME).checked_sub(base)?).ok()?;
    let text = bytes.get(from..from.checked_add(length)?)?;
    let units = text.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// Running if any thread does, stopped if all are suspended, unknown if no thread is told of.
fn state(entry: &[u8], threads: u32) -> State {
    let threads = entry.get(SIZE..).unwrap_or_default().chunks_exact(THREAD_SIZE).take(threads as usize);
    let mut state = State::Unknown;
    let mut suspended = true;
    for thread in threads {
        let (doing, why) = (number(thread, THREAD_STATE), number(thread, WAIT_REASON));
        suspended &= doing == WAITING && why == SUSPENDED;
        match doing {
            _ if ACTIVE.contains(&doing) => return State::Running,
            WAITING => state = State::Sleeping,
            _ => {}
        }
    }
    if suspended && state == State::Sleeping { State::Stopped } else { state }
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A 32-bit number of an entry that is long enough for it.
fn number(entry: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(take(entry, at).unwrap_or_default())
}

fn long(entry: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(take(entry, at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0x7000;

    fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
        bytes[at..at + what.len()].copy_from_slice(what);
    }

    /// An entry with these threads, each as state and wait reason, and its name behind them.
    fn entry(at: usize, pid: u64, parent: u64, start: u64, name: &str, threads: &[(u32, u32)]) -> Vec<u8> {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let text = SIZE + threads.len() * THREAD_SIZE;
        let mut bytes = vec![0; text + name.len()];
        put(&mut bytes, THREADS, &(threads.len() as u32).to_le_bytes());
        put(&mut bytes, CREATED, &start.to_le_bytes());
        put(&mut bytes, USER, &15_u64.to_le_bytes());
        put(&mut bytes, KERNEL, &25_u64.to_le_bytes());
        put(&mut bytes, NAME_LENGTH, &(name.len() as u16).to_le_bytes());
        put(&mut bytes, NAME, &(BASE + (at + text) as u64).to_le_bytes());
        put(&mut bytes, PROCESS_ID, &pid.to_le_bytes());
        put(&mut bytes, PARENT_ID, &parent.to_le_bytes());
        put(&mut bytes, WORKING_SET, &4096_u64.to_le_bytes());
        for (index, (state, why)) in threads.iter().enumerate() {
            put(&mut bytes, SIZE + index * THREAD_SIZE + THREAD_STATE, &state.to_le_bytes());
            put(&mut bytes, SIZE + index * THREAD_SIZE + WAIT_REASON, &why.to_le_bytes());
        }
        put(&mut bytes, text, &name);
        bytes
    }

    /// The fields of one entry that the tests vary.
    type Fields<'a> = (u64, u64, u64, &'a str, &'a [(u32, u32)]);

    fn table(entries: &[Fields<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, &(pid, parent, start, name, threads)) in entries.iter().enumerate() {
            let mut next = entry(bytes.len(), pid, parent, start, name, threads);
            if index + 1 < entries.len() {
                let length = next.len() as u32;
                put(&mut next, NEXT, &length.to_le_bytes());
            }
            bytes.extend(next);
        }
        bytes
    }

    #[test]
    fn reads_names_parents_and_births() {
        let bytes = table(&[
            (0, 0, 0, "", &[]),
            (4, 0, 0, "System", &[]),
            (32, 4, 77, "cmd.exe", &[(5, 6), (2, 0)]),
            (36, 32, 78, "ping.exe", &[(5, 5), (5, 5)]),
            (40, 32, 79, "x.exe", &[(5, 5), (5, 6)]),
        ]);
        let rows: Vec<_> = system_processes(&bytes, BASE).map(Result::unwrap).collect();
        let pids: Vec<_> = rows.iter().map(|row| row.pid().get()).collect();
        assert_eq!(pids, [4, 32, 36, 40]);
        assert!(rows[0].kernel_thread && rows[0].id.birth.start.is_none());
        assert_eq!((rows[1].name.as_str(), rows[1].parent, rows[1].id.birth.start), ("cmd.exe", Pid::new(4), Some(77)));
        assert_eq!((rows[1].cpu, rows[1].memory), (Some(Duration::from_micros(4)), Some(4096)));
        let states: Vec<_> = rows.iter().map(|row| row.state).collect();
        assert_eq!(states, [State::Unknown, State::Running, State::Stopped, State::Sleeping]);
    }

    #[test]
    fn a_cut_or_damaged_table_ends_in_an_error_and_never_in_a_panic() {
        let bytes = table(&[(32, 4, 77, "cmd.exe", &[(5, 6)]), (36, 32, 78, "ping.exe", &[])]);
        for length in 0..bytes.len() {
            for row in system_processes(&bytes[..length], BASE) {
                drop(row);
            }
        }
        assert!(system_processes(&bytes[..100], BASE).next().is_some_and(|row| row.is_err()));
        // A chain that points beyond the end, and a name that lies elsewhere.
        let mut damaged = bytes;
        put(&mut damaged, NEXT, &u32::MAX.to_le_bytes());
        put(&mut damaged, NAME, &u64::MAX.to_le_bytes());
        let rows: Vec<_> = system_processes(&damaged, BASE).collect();
        assert_eq!(rows[0].as_ref().unwrap().name, "?");
        assert!(rows.len() == 2 && rows[1].is_err());
    }
}
