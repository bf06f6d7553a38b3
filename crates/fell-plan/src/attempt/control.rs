//! How a running attempt is told to end, from another thread.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::io;

/// What an attempt is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Its work is done.
    Retire,
    /// The plan is cancelled.
    Cancel,
    /// End at once.
    Force,
}

/// The end that speaks.
#[derive(Debug)]
pub(crate) struct Voice(OwnedFd);

/// The end that hears.
#[derive(Debug)]
pub(crate) struct Ears(OwnedFd);

/// Both ends.
///
/// # Errors
///
/// No descriptor is to be had.
pub(crate) fn line() -> io::Result<(Voice, Ears)> {
    use rustix::pipe::{PipeFlags, pipe_with};
    let (ears, voice) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    Ok((Voice(voice), Ears(ears)))
}

impl Voice {
    /// Says this word. Who has ended does not hear it.
    pub(crate) fn say(&self, word: Word) {
        let byte = match word {
            Word::Retire => b'r',
            Word::Cancel => b'c',
            Word::Force => b'f',
        };
        if let Err(error) = rustix::io::write(&self.0, &[byte]) {
            tracing::debug!(%error, ?word, "not heard");
        }
    }
}

impl Ears {
    /// The next word, if there is one.
    pub(crate) fn hear(&self) -> Option<Word> {
        let mut byte = [0_u8];
        loop {
            match rustix::io::read(&self.0, &mut byte) {
                Ok(1) => {}
                Err(Errno::INTR) => continue,
                _ => return None,
            }
            match byte[0] {
                b'r' => return Some(Word::Retire),
                b'c' => return Some(Word::Cancel),
                b'f' => return Some(Word::Force),
                _ => {}
            }
        }
    }
}

impl AsFd for Ears {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
