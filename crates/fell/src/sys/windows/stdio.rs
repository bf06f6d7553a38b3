//! Standard streams.

use super::{check, last_error, raw};
use std::fs::File;
use std::io;
use std::os::windows::io::{FromRawHandle, OwnedHandle, RawHandle};
use windows_sys::Win32::Foundation::{DUPLICATE_SAME_ACCESS, DuplicateHandle, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Console::{
    GetStdHandle, STD_ERROR_HANDLE, STD_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

/// A stream of this process to write to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnStream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// The three standard streams, input first.
pub(super) const STREAMS: [STD_HANDLE; 3] = [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE];

/// Nothing comes from it, and what goes there is lost.
pub(crate) fn null_device() -> io::Result<OwnedHandle> {
    Ok(File::options().read(true).write(true).open("NUL")?.into())
}

/// One of this process's own standard streams, for standard output and error.
pub(crate) fn duplicate(own: OwnStream) -> io::Result<OwnedHandle> {
    let which = match own {
        OwnStream::Output => STD_OUTPUT_HANDLE,
        OwnStream::Error => STD_ERROR_HANDLE,
    };
    match standard(which) {
        Some(handle) => duplicate_raw(handle, false),
        None => null_device(),
    }
}

/// A standard stream of this process, if it has one.
pub(super) fn standard(which: STD_HANDLE) -> Option<HANDLE> {
    // SAFETY: a number that names a stream.
    let handle = unsafe { GetStdHandle(which) };
    (!handle.is_null() && handle != INVALID_HANDLE_VALUE).then_some(handle)
}

/// A duplicate of the handle with this number.
pub(crate) fn duplicate_number(number: RawHandle) -> io::Result<OwnedHandle> {
    duplicate_raw(number, false)
}

/// A duplicate for a child to inherit.
pub(super) fn inheritable(handle: HANDLE) -> io::Result<OwnedHandle> {
    duplicate_raw(handle, true)
}

fn duplicate_raw(handle: HANDLE, inherit: bool) -> io::Result<OwnedHandle> {
    let mut duplicate: HANDLE = std::ptr::null_mut();
    // SAFETY: the handle of this process alone; a number that is no handle makes the call fail.
    check(unsafe {
        DuplicateHandle(
            GetCurrentProcess(),
            handle,
            GetCurrentProcess(),
            &raw mut duplicate,
            0,
            inherit.into(),
            DUPLICATE_SAME_ACCESS,
        )
    })?;
    if duplicate.is_null() {
        return Err(last_error());
    }
    // SAFETY: the system has just given us this handle, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(duplicate) })
}

/// What a handle is called in a call.
pub(super) fn number(handle: &OwnedHandle) -> HANDLE {
    raw(handle)
}
