//! The process table, by one question.

use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::sys::{ReadError, parse};
use std::ffi::c_void;
use std::io;
use windows_sys::Wdk::System::SystemInformation::{NtQuerySystemInformation, SystemProcessInformation};
use windows_sys::Win32::Foundation::STATUS_INFO_LENGTH_MISMATCH;

/// Room for a few hundred processes, and how often it is doubled at most.
const ROOM: usize = 256 * 1024;
const DOUBLINGS: usize = 10;

/// The rows of all processes. Those of the system's own that no handle opens are in it, too.
pub(super) fn rows() -> io::Result<Vec<ProcessInfo>> {
    let mut room = ROOM;
    for _ in 0..DOUBLINGS {
        let mut buffer = vec![0_u64; room / 8];
        let mut length = 0_u32;
        let size = u32::try_from(room).unwrap_or(u32::MAX);
        // SAFETY: a buffer of the size that is told, aligned for every number in it.
        let status = unsafe {
            NtQuerySystemInformation(
                SystemProcessInformation,
                buffer.as_mut_ptr().cast::<c_void>(),
                size,
                &raw mut length,
            )
        };
        if status == STATUS_INFO_LENGTH_MISMATCH {
            room *= 2;
            continue;
        }
        if status < 0 {
            return Err(io::Error::other(format!("NTSTATUS {:#010x}", status.cast_unsigned())));
        }
        let base = buffer.as_ptr().addr();
        let length = usize::try_from(length).unwrap_or(0).min(room);
        // SAFETY: the call has written that many bytes of the buffer; each byte of it was initialised before.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), length) };
        return parse::system_processes::system_processes(bytes, base as u64)
            .collect::<Result<_, _>>()
            .map_err(io::Error::from);
    }
    Err(io::Error::other("the process table grows faster than it can be read"))
}

/// The row of one process.
pub(super) fn row(pid: Pid) -> Result<ProcessInfo, ReadError> {
    let mut rows = rows().map_err(ReadError::Failed)?.into_iter();
    rows.find(|row| row.pid() == pid).ok_or(ReadError::Gone)
}
