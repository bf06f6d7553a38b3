//! Waiting without the interpreter, in slices.

use fell::detail::Calendar;
use std::time::Duration;

/// The longest time without a look for signals.
pub(crate) const SLICE: Duration = Duration::from_millis(50);

/// The moment on the clock since boot that lies so far ahead.
pub(crate) fn after(time: Duration) -> Duration {
    Calendar::now().now.saturating_add(time)
}
