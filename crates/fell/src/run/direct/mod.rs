//! A run that a vessel of the system's own holds, such as a Windows job: no guardian stands between supervisor and command.

mod begin;
mod ending;

use super::report::{Cause, Leftovers, Progress, RunReport};
use crate::dump::{Dump, DumpOptions, dump};
use crate::error::Error;
use crate::id::ProcessId;
use crate::kill::Escalation;
use crate::pid::Pid;
use crate::policy::KillPolicy;
use crate::report::Report;
use crate::scope::Containment;
use crate::signal::Signal;
use crate::snapshot::{Coverage, Gap, Snapshot};
use crate::sys::{BorrowedDescriptor, Host, Machine, Pump, SignalError, Vessel};
use std::collections::HashSet;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// How long a tree that is being ended may keep its supervisor from looking at other things.
const SLICE: Duration = Duration::from_millis(20);
/// How long a wait is at most when the end of the last process is waited for: no handle tells of it.
const EMPTY_WAIT: Duration = Duration::from_millis(5);
/// How long a wait is at most while silence is limited.
const IDLE_WAIT: Duration = Duration::from_millis(500);
/// How long the vessel may take to be empty after the last process that was held has ended.
const CLOSING_LIMIT: Duration = Duration::from_secs(2);

type HostHandle = <Host as Machine>::Handle;

/// How far a run is.
enum Stage {
    /// The command runs.
    Running,
    /// The command has ended; its descendants may do so by themselves until this moment.
    Settling { until: Duration },
    /// The tree is being ended.
    Ending(Box<Escalation<HostHandle>>),
    /// Whoever was held is gone, or can't be ended; the vessel may be empty until this moment.
    Closing { until: Duration },
    /// The report was given.
    Over,
}

/// A run that has begun.
///
/// Dropped before its report was given, it ends the tree at once, by force.
pub struct Running {
    machine: Host,
    program: String,
    run: String,
    vessel: Vessel,
    command: ProcessId,
    status: Option<ExitStatus>,
    stage: Stage,
    cause: Option<Cause>,
    policy: KillPolicy,
    leftovers: Leftovers,
    settle: Duration,
    allow: Vec<String>,
    idle_timeout: Option<Duration>,
    last_output: Duration,
    pumps: Vec<Pump>,
    containment: Containment,
    began: Duration,
    deadline: Option<Duration>,
    /// Until when what is left is ended by further rounds.
    limit: Option<Duration>,
    had_leftovers: bool,
    announces_end: bool,
    /// Why the tree is to be ended with the next step: the caller knows.
    due: Option<Cause>,
    kill: Option<Report>,
    at_limit: Option<Snapshot>,
}

impl Running {
    /// The run's name.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The PID of the caller's own child: the command.
    pub fn child(&self) -> Option<Pid> {
        Some(self.command.pid)
    }

    /// The command's PID. It may have ended since.
    pub fn command(&self) -> Option<Pid> {
        Some(self.command.pid)
    }

    /// Whether it is known by now that the command could not be executed: [`spawn`](crate::Supervisor::spawn) has said so
    /// already.
    pub fn has_failed(&self) -> bool {
        false
    }

    /// Waits until the run is over.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if no hold on the tree can be had.
    pub fn wait(mut self) -> Result<RunReport, Error> {
        loop {
            if let Progress::Finished(report) = self.wait_until(None, None)? {
                return Ok(*report);
            }
        }
    }

    /// Waits until the run is over; or this moment of the clock since boot has come; or `wake` is signalled.
    ///
    /// # Errors
    ///
    /// As [`Running::wait`].
    pub fn wait_until(
        &mut self,
        until: Option<Duration>,
        wake: Option<BorrowedDescriptor<'_>>,
    ) -> Result<Progress, Error> {
        loop {
            if let Some(progress) = self.advance()? {
                return Ok(progress);
            }
            let now = self.machine.now();
            if until.is_some_and(|until| now >= until) {
                return Ok(Progress::Elapsed);
            }
            let timeout = match self.stage {
                // The kill loop has waited on the processes themselves.
                Stage::Ending(_) => Some(Duration::ZERO),
                _ => self.next_moment(until).map(|moment| moment.saturating_sub(now)),
            };
            let most = match self.stage {
                Stage::Settling { .. } | Stage::Closing { .. } => Some(EMPTY_WAIT),
                _ => self.idle_timeout.map(|_| IDLE_WAIT),
            };
            let timeout = match (timeout, most) {
                (Some(timeout), Some(most)) => Some(timeout.min(most)),
                (timeout, most) => timeout.or(most),
            };
            let is_woken = self.vessel.wait(timeout, wake, &self.pumps, self.status.is_none());
            self.pump()?;
            // Who comes back late was stopped, and heard nothing.
            let late = self.machine.now().saturating_sub(now.saturating_add(timeout.unwrap_or(Duration::MAX)));
            if late > IDLE_WAIT {
                self.last_output = self.last_output.saturating_add(late).min(self.machine.now());
            }
            if is_woken {
                return Ok(Progress::Woken);
            }
        }
    }

    /// Asks the command itself to end, or ends it.
    ///
    /// # Errors
    ///
    /// The command has ended, or can't be asked.
    pub fn forward(&self, signal: Signal) -> io::Result<()> {
        if signal != Signal::KILL && self.vessel.ask() {
            return Ok(());
        }
        let command = crate::pin::Pinned::on(&self.machine, &self.command).map_err(|_| io::ErrorKind::NotFound)?;
        command.signal(signal).map_err(|error| match error {
            SignalError::Gone => io::ErrorKind::NotFound.into(),
            SignalError::Denied => io::ErrorKind::PermissionDenied.into(),
            SignalError::Unsupported => io::ErrorKind::Unsupported.into(),
            SignalError::Failed(error) => error,
        })
    }

    /// Begins to end the tree, in grace, because of this signal. Does nothing if that has begun already.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if no hold on the tree can be had.
    pub fn terminate(&mut self, signal: Signal) -> Result<(), Error> {
        match self.stage {
            Stage::Running | Stage::Settling { .. } => self.end(Cause::Cancelled(signal)),
            Stage::Ending(_) | Stage::Closing { .. } | Stage::Over => Ok(()),
        }
    }

    /// Uses force now.
    ///
    /// # Errors
    ///
    /// As [`Running::terminate`].
    pub fn force(&mut self) -> Result<(), Error> {
        self.terminate(Signal::KILL)?;
        if let Stage::Ending(escalation) = &mut self.stage {
            escalation.force(&self.machine);
        }
        Ok(())
    }

    /// The tree as it stands: the command and all that descends from it.
    pub fn look(&self) -> Snapshot {
        let mut snapshot = self.machine.table();
        snapshot.coverage = Coverage::Descendants(vec![self.command.pid]);
        match self.vessel.members() {
            Ok(members) => {
                let members: HashSet<Pid> = members.into_iter().collect();
                snapshot.rows.retain(|row| members.contains(&row.pid()));
            }
            Err(error) => {
                snapshot.rows.clear();
                snapshot.gaps.push(Gap { pid: None, what: format!("members of the run: {error}") });
            }
        }
        snapshot
    }

    /// The tree as it stands, from the inside.
    pub fn dump(&self, options: DumpOptions) -> Dump {
        dump(&self.look(), &options.rooted(Some(self.command.pid)))
    }

    /// Orphans come home to nobody here.
    pub fn collect_orphans(&mut self) {}

    /// Goes on with the stage that the run is in.
    fn advance(&mut self) -> Result<Option<Progress>, Error> {
        if self.status.is_none() {
            self.status = self.vessel.status();
        }
        let now = self.machine.now();
        match &mut self.stage {
            Stage::Running | Stage::Settling { .. } if self.due.is_some() => {
                self.end(self.due.unwrap_or(Cause::Exited))?;
                Ok(None)
            }
            Stage::Running if self.status.is_some() => {
                self.cause.get_or_insert(Cause::Exited);
                self.stage = Stage::Settling { until: now.saturating_add(self.settle) };
                self.advance()
            }
            Stage::Running => {
                if self.deadline.is_some_and(|deadline| now >= deadline) {
                    self.announce_or_end(Cause::TimedOut)
                } else if self.idle_timeout.is_some_and(|limit| now >= self.last_output.saturating_add(limit)) {
                    self.announce_or_end(Cause::Idle)
                } else {
                    Ok(None)
                }
            }
            Stage::Settling { until } => {
                let is_over = now >= *until;
                if self.is_empty()? {
                    return self.finish().map(Some);
                }
                if !is_over {
                    return Ok(None);
                }
                if self.leftovers == Leftovers::Allow {
                    self.release()?;
                    return self.finish().map(Some);
                }
                self.had_leftovers = true;
                self.announce_or_end(Cause::Exited)
            }
            Stage::Ending(escalation) => match escalation.advance(&self.machine, now.saturating_add(SLICE)) {
                Some(report) => self.conclude(report),
                None => Ok(None),
            },
            Stage::Closing { until } => {
                let is_over = now >= *until;
                self.close(is_over)
            }
            Stage::Over => Ok(None),
        }
    }

    /// When something has to be done though nothing happens.
    fn next_moment(&self, until: Option<Duration>) -> Option<Duration> {
        let own = match &self.stage {
            Stage::Running => {
                let idle = self.idle_timeout.map(|limit| self.last_output.saturating_add(limit));
                [self.deadline, idle].into_iter().flatten().min()
            }
            Stage::Settling { until } | Stage::Closing { until } => Some(*until),
            Stage::Ending(_) | Stage::Over => None,
        };
        [own, until].into_iter().flatten().min()
    }

    fn is_empty(&self) -> Result<bool, Error> {
        self.vessel.is_empty().map_err(|source| Error::Setup { step: "asking the vessel of the run", source })
    }

    fn pump(&mut self) -> Result<(), Error> {
        let mut moved = false;
        for pump in &mut self.pumps {
            moved |= pump.step().map_err(|source| Error::Setup { step: "passing output on", source })?;
        }
        if moved {
            self.last_output = self.machine.now();
        }
        Ok(())
    }
}
