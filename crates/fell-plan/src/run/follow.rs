//! The output of the running steps, told as it is written.

use crate::event::{Audience, Event};
use crate::plan::Plan;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;

/// How much is told at once; a longer line is told in parts.
const PORTION: usize = 64 * 1024;
/// How many portions of one step are told in a row: who writes without end must not keep the plan from going on.
const MOST_PORTIONS: usize = 64;

/// Whose output is told, by the position of the step.
#[derive(Debug)]
pub(super) struct Outputs(Vec<Option<Follower>>);

impl Outputs {
    /// Nobody's yet.
    pub(super) fn new(steps: usize) -> Outputs {
        Outputs((0..steps).map(|_| None).collect())
    }

    /// An attempt begins, and will write into the file at this path. One of an earlier plan must not be there.
    pub(super) fn begin(&mut self, step: usize, path: Option<PathBuf>) {
        self.0[step] = path.map(Follower::new);
    }

    /// Tells what was written since.
    pub(super) fn tell(&mut self, plan: &Plan, audience: &mut dyn Audience) {
        for (follower, step) in self.0.iter_mut().zip(&plan.steps) {
            let Some(follower) = follower else { continue };
            for _ in 0..MOST_PORTIONS {
                let Some(text) = follower.next() else { break };
                audience.tell(Event::Output { step: &step.name, text: &text });
            }
        }
    }

    /// The attempt has ended, with so much output: tells the rest of it. What a leftover writes that may stay is not
    /// waited for.
    pub(super) fn end(&mut self, step: usize, name: &str, length: u64, audience: &mut dyn Audience) {
        let Some(mut follower) = self.0[step].take() else { return };
        while follower.told < length {
            let Some(text) = follower.next().or_else(|| follower.begun()) else { break };
            audience.tell(Event::Output { step: name, text: &text });
        }
    }
}

/// Follows the file that the output of one attempt goes to.
#[derive(Debug)]
struct Follower {
    path: PathBuf,
    /// The file, once it is there.
    file: Option<File>,
    /// The beginning of a line that has not ended yet.
    begun: Vec<u8>,
    /// How many bytes have been handed on.
    told: u64,
}

impl Follower {
    fn new(path: PathBuf) -> Follower {
        Follower { path, file: None, begun: Vec::new(), told: 0 }
    }

    /// Whole lines that were written since; `None` if there are none.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let file = self.file.as_mut()?;
        loop {
            let old = self.begun.len();
            self.begun.resize(old + PORTION, 0);
            let read = file.read(&mut self.begun[old..]);
            self.begun.truncate(old + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::debug!(%error, path = %self.path.display(), "output can't be read");
                    return None;
                }
            }
            let whole = match self.begun[old..].iter().rposition(|byte| *byte == b'\n') {
                Some(at) => old + at + 1,
                None if self.begun.len() >= PORTION => self.begun.len(),
                None => continue,
            };
            let rest = self.begun.split_off(whole);
            return Some(self.hand_on(rest));
        }
    }

    /// The line that has begun, if its end will not come.
    fn begun(&mut self) -> Option<Vec<u8>> {
        (!self.begun.is_empty()).then(|| self.hand_on(Vec::new()))
    }

    fn hand_on(&mut self, rest: Vec<u8>) -> Vec<u8> {
        let text = std::mem::replace(&mut self.begun, rest);
        self.told = self.told.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn lines_are_handed_on_whole_and_only_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.1.log");
        let mut follower = Follower::new(path.clone());
        assert_eq!(follower.next(), None, "it is not there yet");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(follower.next().as_deref(), Some(&b"one\n"[..]));
        assert_eq!(follower.next(), None);
        file.write_all(b"o\nthree").unwrap();
        assert_eq!(follower.next().as_deref(), Some(&b"two\n"[..]));
        assert_eq!(follower.next(), None);
        assert_eq!(follower.begun().as_deref(), Some(&b"three"[..]));
        assert_eq!(follower.begun(), None);
    }

    #[derive(Default)]
    struct Listener(usize, usize);

    impl Audience for Listener {
        fn tell(&mut self, event: Event<'_>) {
            if let Event::Output { text, .. } = event {
                self.0 += text.len();
                self.1 = self.1.max(text.len());
            }
        }
    }

    #[test]
    fn a_line_without_end_is_told_in_parts_and_whole_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.1.log");
        std::fs::write(&path, vec![b'x'; PORTION * 2 + 5]).unwrap();
        let mut outputs = Outputs::new(1);
        outputs.begin(0, Some(path));
        let mut listener = Listener::default();
        outputs.end(0, "a", u64::try_from(PORTION * 2 + 5).unwrap(), &mut listener);
        assert_eq!((listener.0, listener.1), (PORTION * 2 + 5, PORTION));
    }
}
