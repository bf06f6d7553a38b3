//! The end of a run that a vessel holds, and the report.

use super::{CLOSING_LIMIT, Running, Stage};
use crate::error::Error;
use crate::id::ProcessId;
use crate::info::{ProcessInfo, State};
use crate::kill::{Aids, Escalation};
use crate::look::protected;
use crate::outcome::{Outcome, ProcessReport};
use crate::pin::{PinError, Pinned};
use crate::report::Report;
use crate::run::report::{Cause, Progress, RunReport};
use crate::snapshot::Gap;
use crate::sys::Machine;
use std::time::Duration;
use tracing::{debug, warn};

impl Running {
    /// Begins to end the tree, unless the caller is to know first: then with its next wait.
    pub(super) fn announce_or_end(&mut self, cause: Cause) -> Result<Option<Progress>, Error> {
        if !std::mem::take(&mut self.announces_end) {
            return self.end(cause).map(|()| None);
        }
        if cause != Cause::Exited {
            self.at_limit = Some(self.look());
        }
        self.due = Some(cause);
        // A command that ends while the caller looks has reached its limit nevertheless.
        self.cause.get_or_insert(cause);
        Ok(Some(Progress::EndDue(cause)))
    }

    /// Begins to end the tree.
    pub(super) fn end(&mut self, cause: Cause) -> Result<(), Error> {
        self.due = None;
        if matches!(cause, Cause::TimedOut | Cause::Idle) && self.at_limit.is_none() {
            self.at_limit = Some(self.look());
        }
        self.cause = match self.cause {
            // The command had ended by itself; what is ended now are leftovers.
            Some(Cause::Exited) if cause == Cause::Exited => Some(Cause::Exited),
            _ => Some(cause),
        };
        let patience = self.policy.grace.saturating_add(self.policy.force_limit);
        self.limit = Some(self.machine.now().saturating_add(patience));
        self.escalate()
    }

    /// Takes hold of all that is alive in the vessel, and ends it.
    fn escalate(&mut self) -> Result<(), Error> {
        let asking = |source| Error::Setup { step: "asking the vessel of the run", source };
        let mut held = Vec::new();
        let mut gaps = Vec::new();
        for pid in self.vessel.members().map_err(asking)? {
            match Pinned::on(&self.machine, &ProcessId::unborn(pid)) {
                // Held, and still inside: its PID was not given to another one in between.
                Ok(pinned) if self.vessel.holds(pinned.handle()) => held.push(pinned),
                Ok(_) | Err(PinError::Gone) => {}
                Err(error) => gaps.push(Gap { pid: Some(pid), what: format!("can't be held: {error}") }),
            }
        }
        // Parents first, as they were born.
        held.sort_by_key(|pinned| (pinned.info().id.birth.start, pinned.pid()));
        let mut held = held.into_iter();
        let Some(root) = held.next() else {
            // Nobody who can be held: the vessel ends what there is.
            self.end_unheld(gaps);
            return Ok(());
        };
        // Ending the vessel would end those who may stay as well.
        let spared = if self.had_leftovers { self.allow.clone() } else { Vec::new() };
        let enclosure = match spared.is_empty() {
            true => self.vessel.enclosure().inspect_err(|error| warn!(%error, "no hold on the vessel")).ok().flatten(),
            false => None,
        };
        let is_asked = !self.policy.grace.is_zero() && self.vessel.ask();
        debug!(is_asked, members = held.len() + 1, "ending the run");
        let aids = Aids { enclosure, spared, is_asked, ..Aids::default() };
        let protected = protected(&self.machine);
        let mut escalation = Escalation::below(&self.machine, root, self.policy.clone(), protected, aids)?;
        held.for_each(|pinned| escalation.include(&self.machine, pinned));
        for Gap { pid, what } in gaps {
            if let Some(pid) = pid {
                escalation.note(pid, what);
            }
        }
        self.stage = Stage::Ending(Box::new(escalation));
        Ok(())
    }

    fn end_unheld(&mut self, gaps: Vec<Gap>) {
        match self.vessel.enclosure() {
            Ok(Some(enclosure)) => {
                if let Err(error) = enclosure.kill() {
                    warn!(%error, "the vessel of the run could not be ended");
                }
            }
            Ok(None) => {}
            Err(error) => warn!(%error, "no hold on the vessel of the run"),
        }
        if !gaps.is_empty() {
            let command = self.command;
            self.kill.get_or_insert_with(|| Report::already_gone(command)).gaps.extend(gaps);
        }
        self.stage = Stage::Closing { until: self.machine.now().saturating_add(CLOSING_LIMIT) };
    }

    /// The kill loop has given its report.
    pub(super) fn conclude(&mut self, mut report: Report) -> Result<Option<Progress>, Error> {
        report.target = self.command;
        let has_spared = report.count(|outcome| outcome == Outcome::Spared) > 0;
        match &mut self.kill {
            Some(former) => former.extend(report),
            None => self.kill = Some(report),
        }
        if self.has_survivors() {
            return self.finish().map(Some);
        }
        if has_spared {
            self.release()?;
            return self.finish().map(Some);
        }
        self.stage = Stage::Closing { until: self.machine.now().saturating_add(CLOSING_LIMIT) };
        self.close(false)
    }

    /// Whoever was held is gone: over when the vessel is empty, and another round, by force, when it is not in time.
    pub(super) fn close(&mut self, is_over: bool) -> Result<Option<Progress>, Error> {
        if self.is_empty()? {
            return self.finish().map(Some);
        }
        let now = self.machine.now();
        if self.limit.is_some_and(|limit| now >= limit.saturating_add(CLOSING_LIMIT)) {
            self.admit_survivors();
            return self.finish().map(Some);
        }
        let is_somebody_there = self.vessel.members().is_ok_and(|members| !members.is_empty());
        if is_over || is_somebody_there {
            self.policy.grace = Duration::ZERO;
            self.escalate()?;
        }
        Ok(None)
    }

    /// Something of the run is alive, and nobody can say what: the command stands for it.
    fn admit_survivors(&mut self) {
        let command = self.command;
        let report = self.kill.get_or_insert_with(|| Report::already_gone(command));
        report.processes.push(ProcessReport {
            info: ProcessInfo::bare(command, None),
            outcome: Outcome::Unkillable { state: State::Unknown },
            mechanism: None,
            after: None,
            uncollected_by: None,
        });
        let what = "something of the run is alive and could not be held; the command stands for it";
        report.gaps.push(Gap { pid: None, what: what.to_owned() });
    }

    /// Leaves what lives alone.
    pub(super) fn release(&mut self) -> Result<(), Error> {
        self.vessel.release().map_err(|source| Error::Setup { step: "releasing the run", source })
    }

    pub(super) fn finish(&mut self) -> Result<Progress, Error> {
        for pump in &mut self.pumps {
            pump.finish().map_err(|source| Error::Setup { step: "passing output on", source })?;
        }
        self.stage = Stage::Over;
        if self.status.is_none() {
            self.status = self.vessel.status();
        }
        let leftovers = match &self.kill {
            Some(report) if self.had_leftovers => {
                let lived = |process: &&ProcessReport| {
                    !matches!(process.outcome, Outcome::Zombie { .. } | Outcome::AlreadyGone)
                };
                report.processes.iter().filter(lived).cloned().collect()
            }
            Some(_) | None => Vec::new(),
        };
        Ok(Progress::Finished(Box::new(RunReport {
            run: self.run.clone(),
            program: self.program.clone(),
            command: self.command,
            status: self.status,
            cause: self.cause.unwrap_or(Cause::Exited),
            leftovers,
            kill: self.kill.take(),
            at_limit: self.at_limit.take(),
            dump: None,
            released: None,
            containment: self.containment.clone(),
            elapsed: self.machine.now().saturating_sub(self.began),
        })))
    }

    fn has_survivors(&self) -> bool {
        self.kill.as_ref().is_some_and(|report| !report.is_clean())
    }
}
