//! What a made-up world is like, and how restless.

use super::nature::Odds;
use std::time::Duration;

/// How the machine holds processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Like a pidfd whose inode is unique: the handle names its process.
    Inode,
    /// Like an older pidfd: bound to its process, but it tells no more than the PID.
    Bound,
    /// The PID and the start time, compared before each signal: it may hit a later owner.
    Checked,
}

/// How often, of a thousand calls, each call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Rows, also those of the table.
    pub read: u64,
    /// Lists of children.
    pub children: u64,
    /// Handles.
    pub open: u64,
    /// Signals.
    pub signal: u64,
}

/// What a world is like. All that happens in it follows from these rules and the calls made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// What everything random follows from.
    pub seed: u64,
    /// The largest PID; small, so that numbers come round soon.
    pub last_pid: u32,
    /// How handles hold.
    pub holds: Holds,
    /// How often, of a thousand steps, the world moves by itself.
    pub unrest: u64,
    /// How many such moves there are in all.
    pub moves: u32,
    /// From this time on the world moves no more by itself.
    pub calm_at: Duration,
    /// How many processes may be forked, other than unrelated newcomers.
    pub forks: u32,
    /// How often calls fail.
    pub faults: Faults,
    /// How many calls may fail in all.
    pub failures: u32,
    /// From this call on the machine knows no lists of children.
    pub childless_from: u64,
    /// What forked processes are like; `None`: like their parents.
    pub odds: Option<Odds>,
    /// `init` collects orphans when the schedule gets round to it.
    pub lazy_init: bool,
    /// The machine panics when asked more often.
    pub max_calls: u64,
}

impl Rules {
    /// A world in which nothing happens by itself and nothing fails.
    pub const CALM: Rules = Rules {
        seed: 0,
        last_pid: 40,
        holds: Holds::Inode,
        unrest: 0,
        moves: 0,
        calm_at: Duration::MAX,
        forks: 16,
        faults: Faults { read: 0, children: 0, open: 0, signal: 0 },
        failures: 0,
        childless_from: u64::MAX,
        odds: None,
        lazy_init: false,
        max_calls: 100_000,
    };
}
