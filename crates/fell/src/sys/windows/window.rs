//! The polite way to end a program with windows: its windows are asked to close.

use super::probe;
use crate::pid::Pid;
use windows_sys::Win32::Foundation::{HWND, LPARAM};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    EnumWindows, GW_OWNER, GetWindow, GetWindowThreadProcessId, IsWindowVisible, PostMessageW, WM_CLOSE,
};
use windows_sys::core::BOOL;

/// What the enumeration carries along.
struct Search {
    pid: u32,
    asked: usize,
}

/// Asks every window of a process that a user can see to close, and gives how many were asked.
pub(super) fn close_all(pid: Pid) -> usize {
    // Wine without a display has no windows, and takes ten seconds to find that out.
    if probe::is_wine() {
        return 0;
    }
    let mut search = Search { pid: pid.get(), asked: 0 };
    let context: LPARAM = (&raw mut search).expose_provenance().cast_signed();
    // SAFETY: the system calls `visit` with this context before it comes back, and not afterwards. That it fails means
    // that there are no windows to be seen from here.
    unsafe { EnumWindows(Some(visit), context) };
    search.asked
}

unsafe extern "system" fn visit(window: HWND, context: LPARAM) -> BOOL {
    // SAFETY: the context is that of `close_all`, whose value lives during the enumeration and is used by nobody else.
    let search = unsafe { &mut *std::ptr::with_exposed_provenance_mut::<Search>(context.cast_unsigned()) };
    let mut owner = 0;
    // SAFETY: a window of the enumeration; one that is gone by now makes the calls fail, and they change nothing then.
    unsafe {
        GetWindowThreadProcessId(window, &raw mut owner);
        let is_main = IsWindowVisible(window) != 0 && GetWindow(window, GW_OWNER).is_null();
        if owner == search.pid && is_main && PostMessageW(window, WM_CLOSE, 0, 0) != 0 {
            search.asked += 1;
        }
    }
    1
}
