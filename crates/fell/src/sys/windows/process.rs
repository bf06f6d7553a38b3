//! What the system tells of one process.

use super::handle::{self, has_ended, is_denied, is_gone};
use super::{check, clock, raw, table};
use crate::id::{Birth, ProcessId};
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::sys::ReadError;
use std::ffi::{OsString, c_void};
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::OwnedHandle;
use std::path::Path;
use std::time::Duration;
use windows_sys::Wdk::System::Threading::{
    NtQueryInformationProcess, PROCESSINFOCLASS, ProcessBasicInformation, ProcessBreakOnTermination,
};
use windows_sys::Win32::Foundation::{FILETIME, LocalFree, UNICODE_STRING};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{
    GetExitCodeProcess, GetProcessTimes, PROCESS_BASIC_INFORMATION, PROCESS_QUERY_LIMITED_INFORMATION,
    PROCESS_SYNCHRONIZE, QueryFullProcessImageNameW,
};
use windows_sys::Win32::UI::Shell::CommandLineToArgvW;

/// `ProcessCommandLineInformation`, from Windows 8.1 on.
const COMMAND_LINE: PROCESSINFOCLASS = 60;
/// The longest path and command line: `UNICODE_STRING_MAX_CHARS`.
const LONGEST: usize = 32 * 1024;

/// When a process has lived, and how much it has worked.
pub(super) struct Times {
    pub(super) start: u64,
    end: u64,
    cpu: Duration,
}

/// The times of a process; `None` if the system does not tell.
pub(super) fn times(process: &OwnedHandle) -> Option<Times> {
    let mut times = [FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 }; 4];
    let [start, end, kernel, user] = &mut times;
    // SAFETY: an open handle, and four times to write to.
    check(unsafe { GetProcessTimes(raw(process), start, end, kernel, user) }).ok()?;
    let [start, end, kernel, user] = times.map(clock::ticks);
    Some(Times { start, end, cpu: clock::span(kernel.saturating_add(user)) })
}

/// The row of a process that lives.
pub(super) fn read(pid: Pid) -> Result<ProcessInfo, ReadError> {
    let process = match handle::open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE) {
        Ok(process) => process,
        Err(error) if is_gone(&error) => return Err(ReadError::Gone),
        // The table tells of it all the same.
        Err(error) if is_denied(&error) => return table::row(pid),
        Err(error) => return Err(ReadError::Failed(error)),
    };
    if has_ended(&process) {
        return Err(ReadError::Gone);
    }
    let times = times(&process);
    let (threads, state) = (None, State::Unknown);
    Ok(ProcessInfo {
        name: name(&process).unwrap_or_else(|| String::from("?")),
        state,
        kernel_thread: is_critical(&process),
        cpu: times.as_ref().map(|times| times.cpu),
        memory: memory(&process),
        threads,
        ..ProcessInfo::bare(
            ProcessId { pid, birth: Birth { start: times.map(|times| times.start), inode: None } },
            parent(&process),
        )
    })
}

/// The row of a process that has ended and is kept by a handle; `None` if it lives or is not to be had.
pub(super) fn read_dead(pid: Pid) -> Option<ProcessInfo> {
    let process = handle::open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE).ok()?;
    if !has_ended(&process) {
        return None;
    }
    let times = times(&process);
    let mut code = 0;
    // SAFETY: an open handle, and a number to write to.
    let code = check(unsafe { GetExitCodeProcess(raw(&process), &raw mut code) }).ok().map(|()| code.cast_signed());
    Some(ProcessInfo {
        name: name(&process).unwrap_or_else(|| String::from("?")),
        state: State::Zombie,
        cpu: times.as_ref().map(|times| times.cpu),
        exit_status: code,
        threads: Some(0),
        ..ProcessInfo::bare(
            ProcessId { pid, birth: Birth { start: times.map(|times| times.start), inode: None } },
            parent(&process),
        )
    })
}

/// For how long a process has been dead.
pub(super) fn dead_for(pid: Pid) -> Option<Duration> {
    let process = handle::open(pid, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE).ok()?;
    let end = times(&process)?.end;
    (has_ended(&process) && end > 0).then(|| clock::span(clock::calendar_ticks().saturating_sub(end)))
}

/// Who has started it. That one may have ended, and its PID may be somebody else's by now.
fn parent(process: &OwnedHandle) -> Option<Pid> {
    let mut facts = PROCESS_BASIC_INFORMATION::default();
    let size = u32::try_from(size_of::<PROCESS_BASIC_INFORMATION>()).ok()?;
    // SAFETY: an open handle, and a structure of the size that is told.
    let status = unsafe {
        NtQueryInformationProcess(
            raw(process),
            ProcessBasicInformation,
            (&raw mut facts).cast::<c_void>(),
            size,
            std::ptr::null_mut(),
        )
    };
    (status >= 0).then(|| Pid::new(u32::try_from(facts.InheritedFromUniqueProcessId).ok()?))?
}

/// The name of its program, without directories.
fn name(process: &OwnedHandle) -> Option<String> {
    let mut path = vec![0_u16; LONGEST];
    let mut length = u32::try_from(path.len()).ok()?;
    // SAFETY: an open handle, and a buffer of the length that is told.
    check(unsafe { QueryFullProcessImageNameW(raw(process), 0, path.as_mut_ptr(), &raw mut length) }).ok()?;
    let path = OsString::from_wide(path.get(..usize::try_from(length).ok()?)?);
    Some(Path::new(&path).file_name()?.to_string_lossy().into_owned())
}

fn memory(process: &OwnedHandle) -> Option<u64> {
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let size = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS>()).ok()?;
    // SAFETY: an open handle, and a structure of the size that is told.
    check(unsafe { K32GetProcessMemoryInfo(raw(process), &raw mut counters, size) }).ok()?;
    u64::try_from(counters.WorkingSetSize).ok()
}

/// Whether the system stops when this process ends.
fn is_critical(process: &OwnedHandle) -> bool {
    let mut critical = 0_u32;
    // SAFETY: an open handle, and a number to write to.
    let status = unsafe {
        NtQueryInformationProcess(
            raw(process),
            ProcessBreakOnTermination,
            (&raw mut critical).cast::<c_void>(),
            u32::BITS / 8,
            std::ptr::null_mut(),
        )
    };
    status >= 0 && critical != 0
}

/// The words of its command line.
pub(super) fn command_line(pid: Pid) -> Result<Vec<OsString>, ReadError> {
    let process = handle::open(pid, PROCESS_QUERY_LIMITED_INFORMATION).map_err(|error| match error {
        error if is_gone(&error) => ReadError::Gone,
        error => ReadError::Failed(error),
    })?;
    // A header, and behind it the text that it points to.
    let mut buffer = vec![0_u64; (2 * LONGEST + size_of::<UNICODE_STRING>()).div_ceil(8)];
    let size = u32::try_from(buffer.len() * 8).unwrap_or(0);
    // SAFETY: an open handle, and a buffer of the size that is told.
    let status = unsafe {
        NtQueryInformationProcess(
            raw(&process),
            COMMAND_LINE,
            buffer.as_mut_ptr().cast::<c_void>(),
            size,
            std::ptr::null_mut(),
        )
    };
    if status < 0 {
        return Err(ReadError::Unsupported);
    }
    // SAFETY: the call has written a header there, aligned as it must be.
    let text = unsafe { buffer.as_ptr().cast::<UNICODE_STRING>().read() };
    if text.Buffer.is_null() || text.Length == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the header tells how many bytes of text the call has written behind it.
    let line = unsafe { std::slice::from_raw_parts(text.Buffer, usize::from(text.Length) / 2) };
    split(line).map_err(ReadError::Failed)
}

/// Takes a command line apart as the C runtime does.
fn split(line: &[u16]) -> io::Result<Vec<OsString>> {
    let line: Vec<u16> = line.iter().copied().chain([0]).collect();
    let mut count = 0;
    // SAFETY: the line ends with 0.
    let words = unsafe { CommandLineToArgvW(line.as_ptr(), &raw mut count) };
    if words.is_null() {
        return Err(super::last_error());
    }
    let texts = (0..usize::try_from(count).unwrap_or(0)).map(|index| {
        // SAFETY: there are `count` pointers, each to a text that ends with 0.
        unsafe {
            let word = *words.add(index);
            let length = (0..).take_while(|&at| *word.add(at) != 0).count();
            OsString::from_wide(std::slice::from_raw_parts(word, length))
        }
    });
    let texts = texts.collect();
    // SAFETY: the system wants it back that way, and nothing points into it any more.
    unsafe { LocalFree(words.cast()) };
    Ok(texts)
}
