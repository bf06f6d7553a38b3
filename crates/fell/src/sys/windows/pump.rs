//! Output that is passed on, so that its silence is seen.
//!
//! A pipe with a name that nobody guesses, since those without one can't be read without blocking.

use super::stdio::{OwnStream, duplicate};
use super::{check, command::terminated, last_error, raw};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::sync::atomic::{AtomicU32, Ordering};
use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_IO_INCOMPLETE, ERROR_IO_PENDING, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, PIPE_ACCESS_INBOUND, ReadFile,
};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_READMODE_BYTE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE, PIPE_WAIT,
};
use windows_sys::Win32::System::Threading::CreateEventW;

/// How much is read at once.
const PORTION: usize = 4096;
/// How much the pipe is to hold, and how much is moved at most at the end.
const PIPE_MAX: usize = 64 * 1024;

/// Passes a command's output on, and so sees when it is silent.
#[derive(Debug)]
pub(crate) struct Pump {
    source: Option<Source>,
    target: File,
}

/// The end that is read. A read that waits writes into the two boxes, which therefore outlive it.
struct Source {
    pipe: OwnedHandle,
    event: OwnedHandle,
    buffer: Box<[u8; PORTION]>,
    overlapped: Box<OVERLAPPED>,
    is_waiting: bool,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("pipe", &self.pipe).finish_non_exhaustive()
    }
}

impl Pump {
    /// A pump to this handle, or to the caller's own stream; and the end for the command to write to.
    ///
    /// # Errors
    ///
    /// No handle is left.
    pub(crate) fn new(target: Option<OwnedHandle>, own: OwnStream) -> io::Result<(Pump, OwnedHandle)> {
        let target = match target {
            Some(target) => target,
            None => duplicate(own)?,
        };
        let (pipe, end) = pipe()?;
        // SAFETY: no attributes and no name; it has to be reset by hand.
        let event = unsafe { CreateEventW(std::ptr::null(), 1, 0, std::ptr::null()) };
        if event.is_null() {
            return Err(last_error());
        }
        // SAFETY: the system has just given us this handle, and nobody else has it.
        let event = unsafe { OwnedHandle::from_raw_handle(event) };
        let mut source =
            Source { pipe, event, buffer: Box::new([0; PORTION]), overlapped: Box::default(), is_waiting: false };
        source.begin()?;
        Ok((Pump { source: Some(source), target: File::from(target) }, end))
    }

    /// What to wait for.
    pub(super) fn event(&self) -> Option<HANDLE> {
        self.source.as_ref().map(|source| raw(&source.event))
    }

    /// Moves one portion, if there is one. `true` if the command has written something. May block on the target.
    ///
    /// # Errors
    ///
    /// Reading or writing failed. A reader of the target that is gone is no error: the command then finds its pipe
    /// broken, as it would without the pump.
    pub(crate) fn step(&mut self) -> io::Result<bool> {
        let Some(source) = &mut self.source else { return Ok(false) };
        match source.take()? {
            Taken::Nothing => Ok(false),
            Taken::End => {
                self.source = None;
                Ok(false)
            }
            Taken::Bytes(length) => {
                let written = self.target.write_all(&source.buffer[..length]);
                match written {
                    Ok(()) => source.begin()?,
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.source = None,
                    Err(error) => return Err(error),
                }
                Ok(true)
            }
        }
    }

    /// Moves what is in the pipe. One who may stay and goes on writing is not waited for.
    ///
    /// # Errors
    ///
    /// As [`Pump::step`].
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        for _ in 0..PIPE_MAX / PORTION {
            if !self.step()? {
                break;
            }
        }
        Ok(())
    }
}

enum Taken {
    Nothing,
    End,
    Bytes(usize),
}

impl Source {
    /// Begins to read.
    fn begin(&mut self) -> io::Result<()> {
        *self.overlapped = OVERLAPPED { hEvent: raw(&self.event), ..OVERLAPPED::default() };
        // SAFETY: the buffer and the structure live in boxes until the read has ended: `drop` cancels it and waits.
        let done = check(unsafe {
            ReadFile(
                raw(&self.pipe),
                self.buffer.as_mut_ptr(),
                u32::try_from(PORTION).unwrap_or(0),
                std::ptr::null_mut(),
                &raw mut *self.overlapped,
            )
        });
        match done {
            Ok(()) => self.is_waiting = true,
            Err(error) if error.raw_os_error() == Some(ERROR_IO_PENDING.cast_signed()) => self.is_waiting = true,
            // The next `take` tells of the end.
            Err(error) if error.raw_os_error() == Some(ERROR_BROKEN_PIPE.cast_signed()) => self.is_waiting = false,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What the read that was begun has given.
    fn take(&mut self) -> io::Result<Taken> {
        if !self.is_waiting {
            return Ok(Taken::End);
        }
        match self.result(false) {
            Ok(length) => {
                self.is_waiting = false;
                Ok(Taken::Bytes(length))
            }
            Err(error) if error.raw_os_error() == Some(ERROR_IO_INCOMPLETE.cast_signed()) => Ok(Taken::Nothing),
            Err(error) if error.raw_os_error() == Some(ERROR_BROKEN_PIPE.cast_signed()) => {
                self.is_waiting = false;
                Ok(Taken::End)
            }
            Err(error) => {
                self.is_waiting = false;
                Err(error)
            }
        }
    }

    fn result(&self, wait: bool) -> io::Result<usize> {
        let mut length = 0;
        // SAFETY: the structure of the read that was begun on this pipe.
        check(unsafe {
            GetOverlappedResult(raw(&self.pipe), &raw const *self.overlapped, &raw mut length, wait.into())
        })?;
        Ok(usize::try_from(length).unwrap_or(0))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if self.is_waiting {
            // SAFETY: the structure of the read that was begun on this pipe.
            let cancelled = check(unsafe { CancelIoEx(raw(&self.pipe), &raw const *self.overlapped) });
            // Until it has ended, it may write into the boxes.
            if cancelled.is_ok() {
                self.result(true).ok();
            }
        }
    }
}

/// Both ends of a pipe: one to read without blocking, one to write.
fn pipe() -> io::Result<(OwnedHandle, OwnedHandle)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let moment = super::clock::calendar_ticks();
    let name = format!(r"\\.\pipe\fell-{}-{moment:x}-{number}", std::process::id());
    let name = terminated(OsStr::new(&name));
    let size = u32::try_from(PIPE_MAX).unwrap_or(0);
    // SAFETY: a name that ends with 0, and no attributes.
    let read = unsafe {
        CreateNamedPipeW(
            name.as_ptr(),
            PIPE_ACCESS_INBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE | FILE_FLAG_OVERLAPPED,
            PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
            1,
            size,
            size,
            0,
            std::ptr::null(),
        )
    };
    let read = owned(read)?;
    // SAFETY: a name that ends with 0, and no attributes. There is no second instance for anybody else to open.
    let write = unsafe {
        CreateFileW(name.as_ptr(), GENERIC_WRITE, 0, std::ptr::null(), OPEN_EXISTING, 0, std::ptr::null_mut())
    };
    Ok((read, owned(write)?))
}

fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle == INVALID_HANDLE_VALUE {
        return Err(last_error());
    }
    // SAFETY: the system has just given us this handle, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}
