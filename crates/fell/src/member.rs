//! One process of a tree that is being ended, and what becomes of it.

use crate::id::Sameness;
use crate::info::State;
use crate::outcome::{Mechanism, Outcome, ProcessReport};
use crate::pid::Pid;
use crate::pin::Pinned;
use crate::plan::Action;
use crate::signal::Signal;
use crate::sys::{Handle, Machine, SignalError};
use std::time::Duration;
use tracing::warn;

/// A member of the tree, held until its end was seen.
pub(crate) struct Member<H> {
    pub(crate) pinned: Pinned<H>,
    pub(crate) action: Action,
    /// The first signal was sent, whatever came of it.
    pub(crate) is_told: bool,
    /// The member that forked this one after it was told itself: it may need it to clean up, so this one is told only
    /// when that one has ended.
    pub(crate) helps: Option<usize>,
    /// The first signal, or force, has reached it.
    pub(crate) signalled: bool,
    /// By which means KILL was sent.
    pub(crate) forced: Option<Mechanism>,
    pub(crate) denied: bool,
    /// It can't be asked to end: the system has no way.
    pub(crate) is_deaf: bool,
    /// When its end was observed, since the beginning.
    pub(crate) ended: Option<Duration>,
}

impl<H: Handle> Member<H> {
    /// To be ended, and not yet seen to have ended.
    pub(crate) fn is_due(&self) -> bool {
        self.ended.is_none() && matches!(self.action, Action::End | Action::Collected)
    }

    /// Not seen to have ended, now either.
    pub(crate) fn is_alive(&self) -> bool {
        self.ended.is_none() && !self.pinned.has_ended()
    }

    /// Gives whether the process has taken the signal.
    pub(crate) fn send(&mut self, signal: Signal) -> bool {
        let sent = self.pinned.signal(signal);
        match &sent {
            Ok(()) => {
                self.signalled = true;
                self.denied = false;
            }
            Err(SignalError::Gone) => {}
            Err(SignalError::Denied) => self.denied = true,
            Err(SignalError::Unsupported) => self.is_deaf = true,
            Err(SignalError::Failed(error)) => {
                warn!(pid = self.pinned.pid().get(), %signal, %error, "signal failed");
            }
        }
        sent.is_ok()
    }

    pub(crate) fn kill(&mut self) {
        if self.send(Signal::KILL) {
            self.forced = Some(self.pinned.mechanism());
        }
    }
}

/// What became of a member: exactly one outcome each.
pub(crate) fn judge<M: Machine>(machine: &M, member: Member<M::Handle>, tree: &[Pid]) -> ProcessReport {
    let row = match member.pinned.is_gone() {
        true => None,
        false => machine
            .read(member.pinned.pid())
            .ok()
            .filter(|row| row.id.compare(&member.pinned.id()) != Sameness::Different),
    };
    let zombie = row.as_ref().filter(|row| row.state == State::Zombie);
    let outcome = match (member.action, member.ended) {
        (Action::Refuse(refusal), None) => Outcome::Refused(refusal),
        (Action::Spare, None) => Outcome::Spared,
        (_, Some(_)) if member.forced.is_some() => Outcome::Killed,
        (_, Some(_)) if member.signalled => Outcome::Exited,
        (_, Some(_)) => match zombie {
            Some(row) => Outcome::Zombie { parent: row.parent },
            None => Outcome::AlreadyGone,
        },
        (_, None) if member.denied => Outcome::PermissionDenied,
        (_, None) => Outcome::Unkillable { state: row.as_ref().map_or(State::Unknown, |row| row.state) },
    };
    let uncollected_by =
        zombie.and_then(|row| row.parent).filter(|parent| outcome.is_felled() && !tree.contains(parent));
    ProcessReport {
        outcome,
        mechanism: member.forced.or(member.signalled.then(|| member.pinned.mechanism())),
        after: member.ended,
        uncollected_by,
        info: member.pinned.info().clone(),
    }
}
