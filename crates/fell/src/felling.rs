//! Ending a tree that already runs, in steps: for a caller who has other things to watch meanwhile.

use crate::error::Error;
use crate::escaped::{Escaped, escaped, marked_escapes};
use crate::id::ProcessId;
use crate::info::ProcessInfo;
use crate::kill::{Aids, Escalation, gone_or_failed};
use crate::look::{look_at, protected};
use crate::pin::{PinError, Pinned};
use crate::policy::{Extent, KillPolicy};
use crate::report::Report;
use crate::sys::{Host, Machine};
use crate::tree::Tree;
use std::time::Duration;
use tracing::debug;

/// How often escapes are looked for after the tree has ended: each round is of those that the last one has forked.
const AFTER_LOOKS: usize = 8;

/// [`kill_tree`](crate::kill_tree) in steps.
///
/// Dropped before it gave its report, it leaves the tree as it is then: signalled, and perhaps alive.
pub struct Felling {
    machine: Host,
    policy: KillPolicy,
    /// What is being ended now; `None` once nothing is.
    escalation: Option<Box<Escalation<<Host as Machine>::Handle>>>,
    /// What the rounds so far have given.
    report: Option<Report>,
    rounds: usize,
}

impl Felling {
    /// Pins the target, looks, and sends the first signal to all members.
    ///
    /// # Errors
    ///
    /// As [`kill_tree`](crate::kill_tree). Nothing was signalled then.
    pub fn begin(target: ProcessId, policy: &KillPolicy) -> Result<Felling, Error> {
        let machine = Host::new();
        let policy = policy.clone();
        // Before the root is pinned, so that nothing of it is missed.
        let lives = machine.follow_lives();
        let root = match Pinned::on(&machine, &target) {
            Ok(root) => root,
            Err(error) => {
                let report = Some(gone_or_failed(target, error)?);
                return Ok(Felling { machine, policy, escalation: None, report, rounds: AFTER_LOOKS });
            }
        };
        // What has escaped is known by what ties it to living members: look before they are signalled.
        let escapes = if policy.escaped {
            let tree = Tree::rooted(&root.id(), &look_at(&root.id()));
            escaped(&tree.nodes.into_iter().map(|node| node.info).collect::<Vec<_>>())
        } else {
            marked_escapes(&machine, root.info(), &[])
        };
        let aids = Aids { lives, ..Aids::default() };
        let mut escalation = Escalation::below(&machine, root, policy.clone(), protected(&machine), aids)?;
        for Escaped { info, evidence } in escapes {
            debug!(pid = info.pid().get(), %evidence, "escaped");
            match Pinned::on(&machine, &info.id) {
                Ok(pinned) => escalation.include(&machine, pinned),
                Err(PinError::Gone) => {}
                Err(error) => escalation.note(info.pid(), error.to_string()),
            }
        }
        Ok(Felling { machine, policy, escalation: Some(Box::new(escalation)), report: None, rounds: 0 })
    }

    /// Goes on until the tree is gone, or force has used up its limit, which gives the report; or until
    /// this moment of the clock since boot, which gives `None`. The report is given once.
    ///
    /// # Errors
    ///
    /// As [`kill_tree`](crate::kill_tree).
    pub fn advance(&mut self, until: Duration) -> Result<Option<Report>, Error> {
        loop {
            if let Some(escalation) = &mut self.escalation {
                let Some(report) = escalation.advance(&self.machine, until) else { return Ok(None) };
                self.escalation = None;
                match &mut self.report {
                    Some(former) => former.extend(report),
                    None => self.report = Some(report),
                }
            }
            if !self.begin_round()? {
                return Ok(self.report.take());
            }
        }
    }

    /// Goes to force at once, whatever is left of the grace.
    pub fn force(&mut self) {
        self.policy.grace = Duration::ZERO;
        if let Some(escalation) = &mut self.escalation {
            escalation.force(&self.machine);
        }
    }

    /// Who was forked by a member on its way out is found by what the members led, and is ended next. `false` if there
    /// is nobody.
    fn begin_round(&mut self) -> Result<bool, Error> {
        let Some(report) = self.report.as_ref().filter(|_| self.rounds < AFTER_LOOKS) else { return Ok(false) };
        let members: Vec<ProcessInfo> = report.processes.iter().map(|process| process.info.clone()).collect();
        let Some(root) = members.first() else { return Ok(false) };
        let escapes = match self.policy.escaped {
            true => escaped(&members),
            false => marked_escapes(&self.machine, root, &members),
        };
        let mut held = escapes.iter().filter_map(|escaped| Pinned::on(&self.machine, &escaped.info.id).ok());
        let Some(first) = held.next() else { return Ok(false) };
        // One that answers the first signal with a fork each time would go on for ever.
        let grace = if self.rounds == 0 { self.policy.grace } else { Duration::ZERO };
        let policy = KillPolicy { extent: Extent::Tree, grace, ..self.policy.clone() };
        let protected = protected(&self.machine);
        let mut escalation = Escalation::below(&self.machine, first, policy, protected, Aids::default())?;
        held.for_each(|pinned| escalation.include(&self.machine, pinned));
        self.rounds += 1;
        self.escalation = Some(Box::new(escalation));
        Ok(true)
    }
}
