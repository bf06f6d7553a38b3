//! Giving way, where there is no event to wait for.

use rustix::event::Timespec;
use std::io;

/// How closely is looked, in nanoseconds.
pub(crate) const GLANCE: i64 = 2_000_000;

/// Gives way for a moment: whose death it will be that is waited for is not known, or not one's own to wait for.
pub(crate) fn pause() -> io::Result<()> {
    match rustix::event::poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: GLANCE })) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
