//! How a tree is to be ended.

use crate::signal::Signal;
use std::time::Duration;

/// Which part of a tree is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The process and all its descendants.
    Tree,
    /// The descendants alone; the process itself is never signalled.
    Descendants,
}

/// How a tree is to be ended: grace first, then force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillPolicy {
    /// The first signal, sent to every member. Default: TERM.
    pub signal: Signal,
    /// How long members may take to end after the first signal. Zero goes straight to force. Default: 5 s.
    pub grace: Duration,
    /// How long to go on with force before what is still alive is reported as unkillable. Default: 10 s.
    pub force_limit: Duration,
    /// Which part of the tree. Default: all of it.
    pub extent: Extent,
    /// Lifts the refusal to end the caller's own ancestors. Default: no.
    pub ancestors: bool,
    /// Also ends what seems to have [escaped](crate::escaped) from the tree and does not carry a run's mark, which is
    /// proof enough. Default: no.
    pub escaped: bool,
}

impl Default for KillPolicy {
    fn default() -> KillPolicy {
        KillPolicy {
            signal: Signal::TERM,
            grace: Duration::from_secs(5),
            force_limit: Duration::from_secs(10),
            extent: Extent::Tree,
            ancestors: false,
            escaped: false,
        }
    }
}
