//! The clocks: since boot, and the calendar's, in which births are told.

use std::time::Duration;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
use windows_sys::Win32::System::SystemInformation::GetSystemTimePreciseAsFileTime;

/// How many of the calendar's ticks make a second: 100 ns each.
const TICKS_A_SECOND: u64 = 10_000_000;

/// The clock since boot, times of suspension included.
pub fn since_boot() -> Duration {
    let (mut count, mut frequency) = (0_i64, 0_i64);
    // SAFETY: both write one number; from Windows XP on they can't fail.
    unsafe {
        QueryPerformanceCounter(&raw mut count);
        QueryPerformanceFrequency(&raw mut frequency);
    }
    let count = u64::try_from(count).unwrap_or(0);
    let frequency = u64::try_from(frequency).unwrap_or(1).max(1);
    let rest = u128::from(count % frequency) * 1_000_000_000 / u128::from(frequency);
    Duration::new(count / frequency, u32::try_from(rest).unwrap_or(0))
}

/// The calendar's clock, in the ticks in which births are told: 100 ns since 1601. Whoever sets the clock back makes
/// children look older than their parents.
pub(super) fn calendar_ticks() -> u64 {
    let mut time = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    // SAFETY: writes one time.
    unsafe { GetSystemTimePreciseAsFileTime(&raw mut time) };
    ticks(time)
}

/// The ticks of a time.
pub(super) fn ticks(time: FILETIME) -> u64 {
    (u64::from(time.dwHighDateTime) << 32) | u64::from(time.dwLowDateTime)
}

/// So many ticks as a time span.
pub(super) fn span(ticks: u64) -> Duration {
    let rest = (ticks % TICKS_A_SECOND) * 100;
    Duration::new(ticks / TICKS_A_SECOND, u32::try_from(rest).unwrap_or(0))
}

/// The clock since boot at a moment of the calendar.
pub(crate) fn since_boot_at(start: u64) -> Duration {
    since_boot().saturating_sub(span(calendar_ticks().saturating_sub(start)))
}

/// Does nothing for this time.
pub fn pause(time: Duration) {
    super::wait_any(&[], Some(time));
}
