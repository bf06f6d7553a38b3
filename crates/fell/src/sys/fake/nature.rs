//! How a made-up process behaves.

use super::random::Random;
use std::time::Duration;

/// What a process does when it is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTerm {
    /// It ends at once.
    Obey,
    /// Nothing.
    Ignore,
    /// It ends after this time.
    Later(Duration),
    /// It forks a child and lives on.
    Fork,
    /// It forks a child and ends, which leaves the child to `init` or a subreaper.
    Daemonise,
}

/// When a process collects its ended children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collects {
    /// As soon as it runs.
    Promptly,
    /// When the schedule gets round to it.
    Lazily,
    /// Never, while it lives.
    Never,
}

/// How a process behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nature {
    /// What it does when asked to end.
    pub on_term: OnTerm,
    /// What its children do when asked to end, unless the world draws natures at random.
    pub brood: OnTerm,
    /// When it collects its children.
    pub collects: Collects,
    /// It forks a child whenever one ends.
    pub respawns: bool,
    /// Orphans below it come to it instead of `init`.
    pub subreaper: bool,
    /// The caller may not signal it.
    pub denied: bool,
    /// In an uninterruptible wait: no signal has any effect before it is released.
    pub uninterruptible: bool,
    /// The process table does not show it to the caller.
    pub hidden: bool,
    /// Its leader thread has ended and other threads live: its row reads like a zombie's.
    pub headless: bool,
    /// A thread of the kernel.
    pub kernel_thread: bool,
    /// It forks, ends and daemonises by itself.
    pub lively: bool,
}

impl Nature {
    /// Ends when asked, collects its children, does nothing else.
    pub const PLAIN: Nature = Nature {
        on_term: OnTerm::Obey,
        brood: OnTerm::Obey,
        collects: Collects::Promptly,
        respawns: false,
        subreaper: false,
        denied: false,
        uninterruptible: false,
        hidden: false,
        headless: false,
        kernel_thread: false,
        lively: false,
    };

    /// Plain, but for what it does when asked to end.
    pub fn on_term(on_term: OnTerm) -> Nature {
        Nature { on_term, ..Nature::PLAIN }
    }

    /// A nature drawn at random, no odder than `odds` allows.
    pub fn draw(random: &mut Random, odds: &Odds) -> Nature {
        let on_term = |random: &mut Random| match random.below(20) {
            0..=9 => OnTerm::Obey,
            10..=12 => OnTerm::Ignore,
            13..=15 => OnTerm::Later(Duration::from_micros(500 + random.below(60_000))),
            16..=17 => OnTerm::Fork,
            _ => OnTerm::Daemonise,
        };
        Nature {
            on_term: on_term(random),
            brood: on_term(random),
            collects: match random.below(10) {
                0..=5 => Collects::Promptly,
                6..=8 => Collects::Lazily,
                _ => Collects::Never,
            },
            respawns: random.chance(100),
            subreaper: random.chance(60),
            denied: random.chance(odds.denied),
            uninterruptible: random.chance(odds.uninterruptible),
            hidden: random.chance(odds.hidden),
            headless: random.chance(odds.headless),
            kernel_thread: false,
            lively: random.chance(odds.lively),
        }
    }
}

/// How often, of a thousand processes, each oddity is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Odds {
    /// [`Nature::denied`].
    pub denied: u64,
    /// [`Nature::uninterruptible`].
    pub uninterruptible: u64,
    /// [`Nature::hidden`].
    pub hidden: u64,
    /// [`Nature::headless`].
    pub headless: u64,
    /// [`Nature::lively`].
    pub lively: u64,
}
