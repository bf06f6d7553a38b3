//! Silence: how long nothing was written to the step's output.

use crate::output::OutputFile;
use std::time::{Duration, SystemTime};

/// How long a step has been silent, by the file that its output goes to.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Duration,
    length: u64,
    checked: Duration,
    since: Duration,
}

impl Silence {
    /// Counts from now on.
    pub(super) fn new(limit: Duration, now: Duration) -> Silence {
        Silence { limit, length: 0, checked: now, since: now }
    }

    /// The limit.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// When the limit is reached if nothing is written.
    pub(super) fn due(&self) -> Duration {
        self.since.saturating_add(self.limit)
    }

    /// Whether the limit is reached now.
    pub(super) fn is_reached(&mut self, output: &OutputFile, now: Duration) -> bool {
        if now < self.due() {
            return false;
        }
        if let Ok((length, written)) = output.state() {
            let age = SystemTime::now().duration_since(written).unwrap_or_default();
            self.update(length, age, now);
        }
        now >= self.due()
    }

    /// The calendar may have been set meanwhile: a change since the last check was made after that.
    fn update(&mut self, length: u64, age: Duration, now: Duration) {
        if length != self.length {
            self.since = now.saturating_sub(age).max(self.checked);
            self.length = length;
        }
        self.checked = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_counts_from_when_it_was() {
        let seconds = Duration::from_secs;
        let mut silence = Silence::new(seconds(10), seconds(100));
        silence.update(5, seconds(3), seconds(110));
        assert_eq!(silence.due(), seconds(117));
        silence.update(5, seconds(10), seconds(117));
        assert_eq!(silence.due(), seconds(117), "nothing more was written");
        silence.update(9, seconds(1000), seconds(127));
        assert_eq!(silence.due(), seconds(127), "not before the last check");
    }
}
