//! What macOS tells of processes: `proc_listallpids` and `proc_pidinfo`.

use crate::id::{Birth, ProcessId};
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::sys::ReadError;
use std::io;

/// How often the list may grow while it is read.
const TRIES: usize = 8;

fn facts(pid: Pid) -> Result<libc::proc_bsdinfo, ReadError> {
    // SAFETY: all zeroes are a valid value of this structure of numbers.
    let mut facts: libc::proc_bsdinfo = unsafe { std::mem::zeroed() };
    let size = libc::c_int::try_from(size_of::<libc::proc_bsdinfo>()).unwrap_or(0);
    // SAFETY: a structure of the kind and size that are told.
    let read = unsafe { libc::proc_pidinfo(pid.as_raw(), libc::PROC_PIDTBSDINFO, 0, (&raw mut facts).cast(), size) };
    if read == size {
        return Ok(facts);
    }
    let error = io::Error::last_os_error();
    Err(if error.raw_os_error() == Some(libc::ESRCH) { ReadError::Gone } else { ReadError::Failed(error) })
}

/// The row of one process. One of another user has none that this caller may read, unless it is root.
pub(super) fn row(pid: Pid) -> Result<ProcessInfo, ReadError> {
    let facts = facts(pid)?;
    let start = facts.pbi_start_tvsec.saturating_mul(1_000_000).saturating_add(facts.pbi_start_tvusec);
    let name = facts.pbi_name.iter().chain(&[0]).map(|letter| letter.cast_unsigned()).take_while(|byte| *byte != 0);
    let name: Vec<u8> = name.collect();
    let id = ProcessId { pid, birth: Birth { start: Some(start), inode: None } };
    Ok(ProcessInfo {
        name: String::from_utf8_lossy(&name).into_owned(),
        state: match facts.pbi_status {
            libc::SRUN => State::Running,
            libc::SSTOP => State::Stopped,
            libc::SZOMB => State::Zombie,
            libc::SIDL => State::Idle,
            _ => State::Sleeping,
        },
        group: Pid::new(facts.pbi_pgid),
        ..ProcessInfo::bare(id, Pid::new(facts.pbi_ppid))
    })
}

/// The user of a process.
pub(super) fn user(pid: Pid) -> Result<u32, ReadError> {
    Ok(facts(pid)?.pbi_uid)
}

/// The rows of all processes that may be read.
pub(super) fn rows() -> io::Result<Vec<ProcessInfo>> {
    let mut room = 1024;
    for _ in 0..TRIES {
        let mut pids: Vec<libc::pid_t> = vec![0; room];
        let size = libc::c_int::try_from(size_of_val(pids.as_slice())).unwrap_or(libc::c_int::MAX);
        // SAFETY: a buffer of the size that is told.
        let count = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), size) };
        let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
        if count < room {
            let pids = pids.into_iter().take(count).filter_map(Pid::from_raw);
            return Ok(pids.filter_map(|pid| row(pid).ok()).collect());
        }
        room *= 2;
    }
    Err(io::Error::other("the process table grows faster than it can be read"))
}
