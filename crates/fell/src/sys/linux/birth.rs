//! Whether a child has ever run: a word that is shared with it across the fork.

use super::clock::timespec;
use super::raw::has_child_ended;
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use rustix::thread::futex;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How often it is looked whether a child that does not say anything has ended.
const GLANCE: Duration = Duration::from_millis(1);

/// Told by a child as the first thing that it does, and awaited by its parent.
#[derive(Debug)]
pub(super) struct Birth(NonNull<AtomicU32>);

// SAFETY: an atomic, in memory that lives as long as this.
unsafe impl Send for Birth {}

impl Birth {
    /// Not told.
    ///
    /// # Errors
    ///
    /// No memory is to be had.
    pub(super) fn new() -> Result<Birth, Errno> {
        // SAFETY: a fresh mapping, in nobody's place.
        let page = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                size_of::<AtomicU32>(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
            )
        }?;
        NonNull::new(page.cast()).map(Birth).ok_or(Errno::NOMEM)
    }

    /// Says that this process runs. Async-signal-safe.
    pub(super) fn tell(&self) {
        self.word().store(1, Ordering::Release);
        // A parent that is not woken looks by itself.
        futex::wake(self.word(), futex::Flags::empty(), 1).ok();
    }

    /// Waits until this child has told, or has ended without. Gives whether it has told. Async-signal-safe.
    pub(super) fn wait(&self, child: i32) -> bool {
        while !self.is_told() {
            // Awake for whatever reason, it looks.
            futex::wait(self.word(), futex::Flags::empty(), 0, Some(&timespec(GLANCE))).ok();
            if has_child_ended(child) {
                return self.is_told();
            }
        }
        true
    }

    fn is_told(&self) -> bool {
        self.word().load(Ordering::Acquire) != 0
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: mapped, aligned to a page, and zeroed by the kernel, until this is dropped.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Birth {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, which nothing refers to any more.
        unsafe { munmap(self.0.as_ptr().cast(), size_of::<AtomicU32>()) }.ok();
    }
}
