//! The clocks: since boot, and the calendar's, in which births are told.

use rustix::event::Timespec;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime};

/// The clock since boot.
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The calendar's clock in the ticks in which births are told: microseconds since 1970.
pub(super) fn calendar_ticks() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// The clock since boot at a moment of the calendar.
pub(crate) fn since_boot_at(start: u64) -> Duration {
    since_boot().saturating_sub(Duration::from_micros(calendar_ticks().saturating_sub(start)))
}

/// The shape in which system calls take it.
pub(crate) fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: time.subsec_nanos().into() }
}

/// Does nothing for this time, or until a signal arrives.
pub fn pause(time: Duration) {
    // Interrupted or not, the caller looks again.
    rustix::event::poll(&mut [], Some(&timespec(time))).ok();
}
