//! The end of a run: its tree's, its guardian's, and the report.

use super::report::{Cause, Progress, RunReport};
use super::running::{CLOSING_LIMIT, HostHandle, Running, SLICE, Stage};
use crate::error::Error;
use crate::id::ProcessId;
use crate::info::{ProcessInfo, State};
use crate::kill::{Aids, Escalation};
use crate::look::protected;
use crate::outcome::{Outcome, ProcessReport};
use crate::pid::Pid;
use crate::pin::{PinError, Pinned};
use crate::report::Report;
use crate::scope::Layer;
use crate::signal::Signal;
use crate::snapshot::Gap;
use crate::sys::{self, Machine, ReadError, Step};
use rustix::fd::AsFd;
use std::io;
use std::os::unix::process::ExitStatusExt;
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
            Some(Cause::GuardianLost) => Some(Cause::GuardianLost),
            _ => Some(cause),
        };
        let root = match self.pin_guardian() {
            Ok(root) => root,
            // It has not told its PID yet, or it is gone and the closed link says so next.
            Err(PinError::Gone) => {
                self.is_end_due = true;
                return Ok(());
            }
            Err(PinError::Failed(source)) => return Err(Error::Setup { step: "opening the guardian", source }),
        };
        self.is_end_due = false;
        match self.machine.children(root.pid()) {
            Ok(_) => self.escalate(root),
            Err(error) => self.delegate(&error),
        }
    }

    pub(super) fn escalate(&mut self, root: Pinned<HostHandle>) -> Result<(), Error> {
        let enclosure = match self.launch.cgroup().filter(|_| self.containment.has(Layer::Cgroup)) {
            Some(cgroup) => cgroup.enclosure().inspect_err(|error| warn!(%error, "no hold on the cgroup")).ok(),
            None => None,
        };
        let spared = if self.had_leftovers { self.allow.clone() } else { Vec::new() };
        let protected = protected(&self.machine);
        let aids = Aids { enclosure, spared, ..Aids::default() };
        let escalation = Escalation::below(&self.machine, root, self.policy.clone(), protected, aids)?;
        self.stage = Stage::Ending(Box::new(escalation));
        Ok(())
    }

    /// The kill loop has given its report.
    pub(super) fn conclude(&mut self, mut report: Report) -> Result<(), Error> {
        // The root was the guardian, or this process, and is no member of the tree.
        if !report.processes.is_empty() {
            report.processes.remove(0);
        }
        report.target = ProcessId::unborn(self.command.unwrap_or(report.target.pid));
        let has_survivors = !report.is_clean();
        let has_spared = report.count(|outcome| outcome == Outcome::Spared) > 0;
        match &mut self.kill {
            Some(former) => former.extend(report),
            None => self.kill = Some(report),
        }
        let rest = if has_survivors { Duration::ZERO } else { CLOSING_LIMIT };
        self.stage = Stage::Closing { until: self.machine.now().saturating_add(rest) };
        if has_spared {
            self.release()?;
        }
        Ok(())
    }

    /// Leaves what lives alone.
    pub(super) fn release(&mut self) -> Result<(), Error> {
        if let Some(cgroup) = self.launch.cgroup() {
            cgroup.disband().map_err(|source| Error::Setup { step: "disbanding the run's cgroup", source })?;
        }
        match sys::release(self.link.as_fd()) {
            Ok(()) => {}
            // It is gone already: the closed link says so next.
            Err(error) => debug!(%error, "release"),
        }
        self.stage = Stage::Released;
        Ok(())
    }

    /// The link is closed: the guardian has ended, or was killed.
    pub(super) fn close(&mut self) -> Result<Progress, Error> {
        let was_killed = self.collect_child().is_some_and(|status| status.signal().is_some());
        if was_killed && !self.is_dismissed {
            self.lose_guardian();
        }
        if was_killed && self.exclusive {
            self.end_strays()?;
        }
        self.finish()
    }

    /// Ends the orphans of a killed guardian, the command among them, which are children of this process now: until
    /// there is no child, since an empty look proves less.
    pub(super) fn end_strays(&mut self) -> Result<(), Error> {
        let limit = self.machine.now().saturating_add(self.policy.grace).saturating_add(self.policy.force_limit);
        loop {
            self.collect_strays();
            if !sys::has_children() {
                return Ok(());
            }
            let is_seen = self.machine.children(self.machine.own()).is_ok();
            if !is_seen || self.machine.now() >= limit {
                if !self.has_survivors() {
                    self.admit_survivors();
                }
                return Ok(());
            }
            let own = ProcessId::unborn(self.machine.own());
            let root = Pinned::on(&self.machine, &own)
                .map_err(|error| Error::Setup { step: "opening this process", source: io::Error::other(error) })?;
            self.escalate(root)?;
            while let Stage::Ending(escalation) = &mut self.stage {
                let slice = self.machine.now().saturating_add(SLICE);
                if let Some(report) = escalation.advance(&self.machine, slice) {
                    self.conclude(report)?;
                }
                self.collect_strays();
            }
        }
    }

    /// The kill loop found nothing more, and the guardian, which ends when it has no child, has not ended: by force, if
    /// it has any that is alive.
    pub(super) fn end_rest(&mut self) -> Result<(), Error> {
        let Ok(guardian) = self.pin_guardian() else { return self.dismiss() };
        let lives = |pid: &Pid| self.machine.read(*pid).is_ok_and(|row| row.state != State::Zombie);
        match self.machine.children(guardian.pid()) {
            Ok(children) if children.iter().any(lives) => {
                self.policy.grace = Duration::ZERO;
                self.escalate(guardian)
            }
            Ok(_) => self.dismiss(),
            Err(error) => self.delegate(&error),
        }
    }

    /// Leaves it to the guardian to end the tree, which finds its own children without any list.
    fn delegate(&mut self, error: &ReadError) -> Result<(), Error> {
        warn!(run = self.run, %error, "the tree can't be seen; the guardian ends it");
        self.credit_guardian(format!("the tree could not be seen ({error}); the guardian has ended it"));
        if let Err(error) = sys::delegate(self.link.as_fd()) {
            // It is gone already: the closed link says so next.
            debug!(%error, "delegate");
        }
        let patience = self.policy.grace.saturating_add(self.policy.force_limit);
        self.stage = Stage::Delegated { until: self.machine.now().saturating_add(patience) };
        Ok(())
    }

    /// The guardian ends the tree: who was in it, and what became of each, this process can't say.
    pub(super) fn credit_guardian(&mut self, what: String) {
        let command = ProcessId::unborn(self.command.unwrap_or(Pid::INIT));
        let report = self.kill.get_or_insert_with(|| Report::already_gone(command));
        report.gaps.push(Gap { pid: None, what });
    }

    /// Something of the run is alive, and nobody can say what: the command stands for it.
    pub(super) fn admit_survivors(&mut self) {
        let command = ProcessId::unborn(self.command.unwrap_or(Pid::INIT));
        let report = self.kill.get_or_insert_with(|| Report::already_gone(command));
        report.processes.push(ProcessReport {
            info: ProcessInfo::bare(command, None),
            outcome: Outcome::Unkillable { state: State::Unknown },
            mechanism: None,
            after: None,
            uncollected_by: None,
        });
        let what = "something of the run is alive and could not be seen; the command stands for it";
        report.gaps.push(Gap { pid: None, what: what.to_owned() });
    }

    /// Ends a guardian that does not end though its tree has: it was stopped.
    pub(super) fn dismiss(&mut self) -> Result<(), Error> {
        self.is_dismissed = true;
        let child = Pid::from_raw(self.child).filter(|_| !self.is_collected);
        let held =
            [self.pin_guardian().ok(), child.and_then(|pid| Pinned::on(&self.machine, &ProcessId::unborn(pid)).ok())];
        for pinned in held.into_iter().flatten() {
            if let Err(error) = pinned.signal(Signal::KILL) {
                debug!(?error, pid = pinned.pid().get(), "the guardian could not be ended");
            }
        }
        self.stage = Stage::Closing { until: self.machine.now().saturating_add(CLOSING_LIMIT) };
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<Progress, Error> {
        let is_abandoned = self.has_survivors();
        if !is_abandoned && !self.is_collected {
            self.collect_child();
        }
        if self.exclusive {
            self.collect_strays();
        }
        self.pump_rest()?;
        if is_abandoned {
            self.launch.leave();
        } else {
            self.launch.tidy_up();
        }
        self.stage = Stage::Over;
        if let Some((step, errno)) = self.failure {
            return Err(self.failed(step, io::Error::from_raw_os_error(errno)));
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
        let command = self.command.or_else(|| Pid::from_raw(self.child)).unwrap_or(Pid::INIT);
        Ok(Progress::Finished(Box::new(RunReport {
            run: self.run.clone(),
            program: self.program.clone(),
            command: ProcessId::unborn(command),
            status: self.status,
            cause: self.cause.unwrap_or(Cause::GuardianLost),
            leftovers,
            kill: self.kill.take(),
            at_limit: self.at_limit.take(),
            dump: None,
            released: None,
            containment: self.containment.clone(),
            elapsed: self.machine.now().saturating_sub(self.began),
        })))
    }

    pub(super) fn has_survivors(&self) -> bool {
        self.kill.as_ref().is_some_and(|report| !report.is_clean())
    }

    pub(super) fn failed(&self, step: Step, source: io::Error) -> Error {
        let program = self.program.clone();
        match (step, source.kind()) {
            (Step::Exec, io::ErrorKind::NotFound) => Error::NotFound { program },
            (Step::Exec, _) => Error::NotExecutable { program, source },
            (Step::Namespace, _) => Error::NoContainment { layer: "PID namespace", why: source.to_string() },
            (Step::JoinCgroup, _) => Error::NoContainment { layer: "cgroup", why: source.to_string() },
            (step, _) => Error::Setup { step: step.name(), source },
        }
    }
}
