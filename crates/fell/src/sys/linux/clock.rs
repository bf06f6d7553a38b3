//! The clocks, in the kernel's own units.

use rustix::event::Timespec;
use std::sync::OnceLock;
use std::time::Duration;

/// The clock since boot, times of suspension included: `CLOCK_BOOTTIME`, which start times are read from.
/// Async-signal-safe.
pub fn since_boot() -> Duration {
    read(libc::CLOCK_BOOTTIME)
}

/// The clock since boot without times of suspension: `CLOCK_MONOTONIC`.
pub(super) fn awake() -> Duration {
    read(libc::CLOCK_MONOTONIC)
}

/// The whole ticks in this time. The kernel rounds start times down as well (`nsec_to_clock_t`).
pub(super) fn ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos() * u128::from(ticks_a_second()) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// The time that so many ticks take.
pub(super) fn from_ticks(ticks: u64) -> Duration {
    let nanoseconds = u128::from(ticks) * 1_000_000_000 / u128::from(ticks_a_second());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// `USER_HZ`: 100, but for Alpha.
fn ticks_a_second() -> u64 {
    static TICKS: OnceLock<u64> = OnceLock::new();
    // SAFETY: sysconf has no preconditions.
    *TICKS.get_or_init(|| u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1))
}

/// The clock since boot at the birth of a process, which the table tells in ticks of 10 ms, whatever the kernel's own clock
/// does.
pub(crate) fn since_boot_at(start: u64) -> Duration {
    Duration::from_millis(start.saturating_mul(10))
}

/// Does nothing for this time, or until a signal arrives.
pub fn pause(time: Duration) {
    // Interrupted or not, the caller looks again.
    rustix::event::poll(&mut [], Some(&timespec(time))).ok();
}

/// Bytes of a page of memory.
pub(super) fn page_size() -> u64 {
    static SIZE: OnceLock<u64> = OnceLock::new();
    // SAFETY: sysconf has no preconditions.
    *SIZE.get_or_init(|| u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096))
}

/// The shape in which system calls take it; a time beyond their reach becomes the longest that they take.
pub(crate) fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: time.subsec_nanos().into() }
}

/// What a clock shows. By the C library, which finds the kernel's page for it without a call, also below valgrind.
fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for a write of its type. Both clocks are older than pidfds; of one that is missing, the
    // time would stay 0.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    // A clock that never runs backwards from 0 fits.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_rounded_down() {
        let hz = ticks_a_second();
        assert_eq!(ticks(Duration::from_nanos(1_000_000_000 / hz - 1)), 0);
        assert_eq!(ticks(Duration::from_secs(3)), 3 * hz);
        assert_eq!(from_ticks(3 * hz), Duration::from_secs(3));
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }
}
