//! What FreeBSD tells of processes: `sysctl(3)` with `KERN_PROC`.

use crate::id::{Birth, ProcessId};
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::sys::ReadError;
use std::io;
use std::time::Duration;

/// How often the table may grow while it is read.
const TRIES: usize = 8;

/// What `sysctl` tells under this name: an array of structures.
fn ask(name: &[libc::c_int]) -> io::Result<Vec<libc::kinfo_proc>> {
    let count = libc::c_uint::try_from(name.len()).unwrap_or(0);
    for _ in 0..TRIES {
        let mut size = 0;
        // SAFETY: without a place to write to, the size alone is told.
        let asked =
            unsafe { libc::sysctl(name.as_ptr(), count, std::ptr::null_mut(), &raw mut size, std::ptr::null(), 0) };
        if asked != 0 {
            return Err(io::Error::last_os_error());
        }
        let room = size / size_of::<libc::kinfo_proc>() + 16;
        let mut found: Vec<libc::kinfo_proc> = Vec::with_capacity(room);
        let mut size = room * size_of::<libc::kinfo_proc>();
        // SAFETY: room of the size that is told.
        let read = unsafe {
            libc::sysctl(name.as_ptr(), count, found.as_mut_ptr().cast(), &raw mut size, std::ptr::null(), 0)
        };
        if read == 0 {
            // SAFETY: the call has written that many bytes: whole structures.
            unsafe { found.set_len(size / size_of::<libc::kinfo_proc>()) };
            return Ok(found);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ENOMEM) {
            return Err(error);
        }
    }
    Err(io::Error::other("the process table grows faster than it can be read"))
}

fn one(pid: Pid) -> Result<libc::kinfo_proc, ReadError> {
    match ask(&[libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_PID, pid.as_raw()]) {
        Ok(found) => found.into_iter().next().ok_or(ReadError::Gone),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(ReadError::Gone),
        Err(error) => Err(ReadError::Failed(error)),
    }
}

fn info(facts: &libc::kinfo_proc) -> Option<ProcessInfo> {
    let pid = Pid::from_raw(facts.ki_pid)?;
    let (seconds, micros) = (u64::try_from(facts.ki_start.tv_sec).ok()?, u64::try_from(facts.ki_start.tv_usec).ok()?);
    let id = ProcessId { pid, birth: Birth { start: Some(seconds * 1_000_000 + micros), inode: None } };
    let name = facts.ki_comm.iter().map(|letter| letter.cast_unsigned()).take_while(|byte| *byte != 0);
    let name: Vec<u8> = name.collect();
    Some(ProcessInfo {
        name: String::from_utf8_lossy(&name).into_owned(),
        state: match facts.ki_stat {
            libc::SRUN => State::Running,
            libc::SSTOP => State::Stopped,
            libc::SZOMB => State::Zombie,
            libc::SIDL => State::Idle,
            _ => State::Sleeping,
        },
        group: Pid::from_raw(facts.ki_pgid),
        session: Pid::from_raw(facts.ki_sid),
        cpu: Some(Duration::from_micros(facts.ki_runtime)),
        ..ProcessInfo::bare(id, Pid::from_raw(facts.ki_ppid))
    })
}

/// The row of one process.
pub(super) fn row(pid: Pid) -> Result<ProcessInfo, ReadError> {
    info(&one(pid)?).ok_or(ReadError::Gone)
}

/// The user of a process.
pub(super) fn user(pid: Pid) -> Result<u32, ReadError> {
    Ok(one(pid)?.ki_uid)
}

/// The rows of all processes.
pub(super) fn rows() -> io::Result<Vec<ProcessInfo>> {
    Ok(ask(&[libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_PROC, 0])?.iter().filter_map(info).collect())
}
