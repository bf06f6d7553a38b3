//! What this host allows, found out by doing it.

use super::job::Job;
use super::{Windows, check, table};
use crate::sys::{Machine, Probed};
use std::ffi::CStr;
use windows_sys::Win32::System::Console::{GetConsoleMode, GetConsoleWindow};
use windows_sys::Win32::System::JobObjects::IsProcessInJob;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

impl Windows {
    /// Probes the host. Makes one job and closes it.
    pub fn probe(&self) -> Vec<Probed> {
        let kind = if is_wine() { "Wine" } else { "Windows" };
        let handle = self.open(self.own());
        let rows = table::rows();
        let job = Job::create();
        vec![
            Probed {
                name: "system",
                available: true,
                detail: match wine_version() {
                    Some(version) => format!("Wine {version}"),
                    None => kind.to_owned(),
                },
                meaning: "what the rest follows from",
            },
            Probed {
                name: "handle",
                available: handle.is_ok(),
                detail: match handle {
                    Ok(_) => String::from("this process opens itself"),
                    Err(error) => format!("{error:?}"),
                },
                meaning: "a process that is held keeps its PID, so that force can't hit a later owner",
            },
            Probed {
                name: "process-table",
                available: rows.is_ok(),
                detail: match rows {
                    Ok(rows) => format!("{} processes in one question", rows.len()),
                    Err(error) => error.to_string(),
                },
                meaning: "names, parents and births of all processes; without it, no tree is found",
            },
            Probed {
                name: "job",
                available: job.is_ok(),
                detail: match &job {
                    Ok(_) if is_in_job() => String::from("this process is in a job itself: its own are nested in it"),
                    Ok(_) => String::from("a job that ends its processes with its last handle"),
                    Err(error) => error.to_string(),
                },
                meaning: "the kernel ends all of a run at once, also when fell is killed; without it, a walk does",
            },
            Probed {
                name: "console",
                available: has_console(),
                detail: String::from(if has_console() { "this process has one" } else { "this process has none" }),
                meaning: "programs without a window can be asked to end, by Ctrl-Break; without it, they have no grace",
            },
        ]
    }
}

/// Whether a console is there to send events through.
fn has_console() -> bool {
    // SAFETY: no preconditions.
    let has_window = !unsafe { GetConsoleWindow() }.is_null();
    has_window
        || super::stdio::STREAMS.into_iter().filter_map(super::stdio::standard).any(|handle| {
            let mut mode = 0;
            // SAFETY: a handle of this process, and a number to write to.
            check(unsafe { GetConsoleMode(handle, &raw mut mode) }).is_ok()
        })
}

fn is_in_job() -> bool {
    let mut inside = 0;
    // SAFETY: this process, and no job, which stands for any.
    check(unsafe { IsProcessInJob(GetCurrentProcess(), std::ptr::null_mut(), &raw mut inside) }).is_ok() && inside != 0
}

/// Whether this is Wine, which accepts some things without doing them.
pub(super) fn is_wine() -> bool {
    wine_version().is_some()
}

fn wine_version() -> Option<String> {
    type Version = unsafe extern "C" fn() -> *const std::ffi::c_char;
    // SAFETY: both names end with 0. Wine exports this function, of this type, and nobody else does.
    unsafe {
        let module = GetModuleHandleA(c"ntdll.dll".as_ptr().cast());
        if module.is_null() {
            return None;
        }
        let function = GetProcAddress(module, c"wine_get_version".as_ptr().cast())?;
        let version: Version = std::mem::transmute(function);
        Some(CStr::from_ptr(version()).to_string_lossy().into_owned())
    }
}
