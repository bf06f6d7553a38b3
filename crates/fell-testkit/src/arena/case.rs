//! One game of the suite.

use super::mode::Mode;
use fell_testkit::Trick;
use serde::{Deserialize, Serialize};

/// A victim, a mode and a contestant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Case {
    /// The victim's name.
    pub(crate) victim: String,
    /// How its end is brought about.
    pub(crate) mode: Mode,
    /// Who is to end it.
    pub(crate) contestant: String,
    /// Under which user.
    pub(crate) user: String,
    /// How often this was played before.
    pub(crate) round: u32,
    /// In a PID namespace of its own.
    pub(crate) isolated: bool,
    /// Whether a death after the contestant's return is a loss.
    pub(crate) strict: bool,
}

impl Case {
    /// The victim's trick.
    pub(crate) fn trick(&self) -> Trick {
        // The names come from the command line, where they were checked, or from the table itself.
        self.victim.parse().unwrap_or(Trick::Plain)
    }
}

/// Whether a trick may load the machine if nobody ends it.
pub(crate) fn is_dangerous(trick: Trick) -> bool {
    matches!(
        trick,
        Trick::BoundedBomb
            | Trick::Rabbit
            | Trick::RabbitHerd
            | Trick::RabbitOnTerm
            | Trick::RabbitSessions
            | Trick::LateDaemons
            | Trick::Churn
            | Trick::MutualRespawners
            | Trick::Respawner
    )
}
