//! A command's standard streams.

use crate::sys::{self, OwnedDescriptor, RawDescriptor};
use std::io;

/// Where a standard stream of a command comes from or goes to.
#[derive(Debug, Default)]
pub enum Stream {
    /// The caller's own.
    #[default]
    Inherit,
    /// Nothing comes, and what goes is lost.
    Null,
    /// This descriptor, a file or one end of a pipe.
    Descriptor(OwnedDescriptor),
}

impl Stream {
    /// The descriptor, or `None` for the caller's own.
    ///
    /// # Errors
    ///
    /// The null device can't be opened.
    pub(crate) fn open(self) -> io::Result<Option<OwnedDescriptor>> {
        match self {
            Stream::Inherit => Ok(None),
            Stream::Null => sys::null_device().map(Some),
            Stream::Descriptor(descriptor) => Ok(Some(descriptor)),
        }
    }
}

/// A duplicate of the descriptor with this number: for a caller that has descriptors as numbers, as other languages do.
///
/// # Errors
///
/// The number is not open, or no descriptor is left.
pub fn duplicate(number: RawDescriptor) -> io::Result<OwnedDescriptor> {
    sys::duplicate_number(number)
}
