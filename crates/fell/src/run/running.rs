//! A run that has begun: the loop that waits for it.

use super::report::{Cause, Leftovers, Progress, RunReport};
use crate::dump::{Dump, DumpOptions, dump};
use crate::error::Error;
use crate::id::ProcessId;
use crate::kill::Escalation;
use crate::look::look_at;
use crate::pid::Pid;
use crate::policy::KillPolicy;
use crate::report::Report;
use crate::scope::{Containment, Layer};
use crate::signal::Signal;
use crate::snapshot::{Coverage, Snapshot};
use crate::sys::{self, Host, Launch, Machine, Message, Pump, Step};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use tracing::{debug, warn};

/// How long a tree that is being ended may keep its supervisor from looking at other things.
pub(super) const SLICE: Duration = Duration::from_millis(20);
/// How long the guardian may take to end after the last process of the tree has.
pub(super) const CLOSING_LIMIT: Duration = Duration::from_secs(2);
/// How long a wait is at most while silence is limited.
const IDLE_WAIT: Duration = Duration::from_millis(500);

pub(super) type HostHandle = <Host as Machine>::Handle;

/// How far a run is.
pub(super) enum Stage {
    /// The command runs.
    Running,
    /// The command has ended; its descendants may do so by themselves until this moment.
    Settling { until: Duration },
    /// The tree is being ended.
    Ending(Box<Escalation<HostHandle>>),
    /// The tree is gone, or what is left of it can't be ended; the guardian may end until this moment.
    Closing { until: Duration },
    /// The guardian was told to end the tree, which this process can't see; it may take until this moment.
    Delegated { until: Duration },
    /// The guardian was told to leave what lives alone.
    Released,
    /// The report was given.
    Over,
}

/// A run that has begun.
///
/// Dropped before its report was given, it ends the tree in grace, and waits for that.
pub struct Running {
    pub(super) machine: Host,
    pub(super) program: String,
    pub(super) run: String,
    pub(super) launch: Launch,
    /// Our child: the guardian, or the second guardian above it.
    pub(super) child: i32,
    pub(super) is_collected: bool,
    pub(super) link: OwnedFd,
    pub(super) guardian: Option<Pid>,
    pub(super) command: Option<Pid>,
    pub(super) status: Option<ExitStatus>,
    pub(super) failure: Option<(Step, i32)>,
    pub(super) stage: Stage,
    pub(super) cause: Option<Cause>,
    pub(super) policy: KillPolicy,
    pub(super) leftovers: Leftovers,
    pub(super) settle: Duration,
    pub(super) allow: Vec<String>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) last_output: Duration,
    pub(super) pumps: Vec<Pump>,
    pub(super) containment: Containment,
    pub(super) began: Duration,
    pub(super) deadline: Option<Duration>,
    pub(super) exclusive: bool,
    pub(super) had_leftovers: bool,
    pub(super) is_dismissed: bool,
    /// The tree is to be ended as soon as the guardian is known.
    pub(super) is_end_due: bool,
    pub(super) kill: Option<Report>,
    pub(super) at_limit: Option<Snapshot>,
    /// The caller is to know before the tree is ended; it has been told that, and why, if the second is there.
    pub(super) announces_end: bool,
    pub(super) due: Option<Cause>,
    /// Whether the command's output goes where the caller's goes.
    pub(super) shares_output: bool,
}

impl Running {
    /// The run's name.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The PID of the caller's own child, which guards the run. It is collected when the run is over, or dropped.
    pub fn child(&self) -> Option<Pid> {
        Pid::from_raw(self.child)
    }

    /// The command's PID, once it was forked. It may have ended since.
    pub fn command(&self) -> Option<Pid> {
        self.command
    }

    /// Whether it is known by now that the command could not be executed: the error comes out by waiting.
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Waits until the run is over.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::NotExecutable`] or [`Error::Setup`] if the command was never executed.
    pub fn wait(mut self) -> Result<RunReport, Error> {
        loop {
            if let Progress::Finished(report) = self.wait_until(None, None)? {
                return Ok(*report);
            }
        }
    }

    /// Waits until the run is over; or this moment of the clock since boot has come; or `wake` has something to read.
    ///
    /// # Errors
    ///
    /// As [`Running::wait`].
    pub fn wait_until(&mut self, until: Option<Duration>, wake: Option<BorrowedFd<'_>>) -> Result<Progress, Error> {
        loop {
            let is_closed = self.receive()?;
            if let Some(progress) = self.advance(is_closed)? {
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
            // With a limit on silence, in short waits: who comes back from one late was stopped, and heard nothing.
            let timeout = match self.idle_timeout {
                Some(_) => Some(timeout.unwrap_or(IDLE_WAIT).min(IDLE_WAIT)),
                None => timeout,
            };
            let is_woken = self.poll(timeout, wake)?;
            let late = self.machine.now().saturating_sub(now.saturating_add(timeout.unwrap_or(Duration::MAX)));
            if late > IDLE_WAIT {
                self.last_output = self.last_output.saturating_add(late).min(self.machine.now());
            }
            if is_woken {
                return Ok(Progress::Woken);
            }
        }
    }

    /// Sends the command itself a signal.
    ///
    /// # Errors
    ///
    /// The command has ended, or may not be signalled.
    pub fn forward(&self, signal: Signal) -> io::Result<()> {
        let command = self.pin_command().ok_or(io::ErrorKind::NotFound)?;
        command.signal(signal).map_err(|error| match error {
            sys::SignalError::Gone => io::ErrorKind::NotFound.into(),
            sys::SignalError::Denied => io::ErrorKind::PermissionDenied.into(),
            sys::SignalError::Unsupported => io::ErrorKind::Unsupported.into(),
            sys::SignalError::Failed(error) => error,
        })
    }

    /// Begins to end the tree, in grace, because of this signal. Does nothing if that has begun already.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if no hold on the tree can be had; the guardian then ends it when this is dropped.
    pub fn terminate(&mut self, signal: Signal) -> Result<(), Error> {
        match self.stage {
            Stage::Running | Stage::Settling { .. } => self.end(Cause::Cancelled(signal)),
            Stage::Ending(_) | Stage::Closing { .. } | Stage::Delegated { .. } | Stage::Released | Stage::Over => {
                Ok(())
            }
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
        let Some(guardian) = self.guardian() else {
            return Snapshot::new(self.machine.now(), Coverage::Descendants(Vec::new()));
        };
        let mut snapshot = look_at(&ProcessId::unborn(guardian));
        snapshot.rows.retain(|row| row.pid() != guardian);
        snapshot
    }

    /// What the processes of the tree wait in, and hold: meant for the moment before it is ended.
    pub fn dump(&self, options: DumpOptions) -> Dump {
        let options = if self.shares_output { options.output_to_own_streams() } else { options };
        // Just forked, and not told of yet: then it is the guardian's only child.
        let only = || self.machine.children(self.guardian()?).ok()?.into_iter().min();
        dump(&self.look(), &options.rooted(self.command.or_else(only)))
    }

    /// Reads what the guardian has to say. `true` if it is gone.
    fn receive(&mut self) -> Result<bool, Error> {
        loop {
            match sys::receive(self.link.as_fd()) {
                Ok(None) => return Ok(false),
                Ok(Some(message)) => self.take_in(message),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(true),
                Err(source) => return Err(Error::Setup { step: "reading from the guardian", source }),
            }
        }
    }

    fn take_in(&mut self, message: Message) {
        debug!(said = ?message, "guardian");
        match message {
            Message::Started { pid, guardian, .. } => {
                self.command = Pid::from_raw(pid);
                self.guardian = Pid::from_raw(guardian);
            }
            Message::NotEnclosed { errno } => {
                self.containment.lose(Layer::Cgroup, io::Error::from_raw_os_error(errno).to_string());
            }
            Message::SetupFailed { step, errno } => self.failure = Some((step, errno)),
            Message::GuardianLost => self.lose_guardian(),
            Message::Overdue => {
                self.cause = Some(Cause::TimedOut);
                self.credit_guardian(String::from(
                    "this process was stopped beyond the time limit; the guardian has ended the tree",
                ));
            }
            Message::Ended { status, is_last } => {
                // From a PID namespace, the command's own comes before that of the namespace's first process.
                self.status.get_or_insert(ExitStatus::from_raw(status));
                self.cause.get_or_insert(Cause::Exited);
                if is_last {
                    self.await_guardian();
                } else if let Stage::Running = self.stage {
                    self.stage = Stage::Settling { until: self.machine.now().saturating_add(self.settle) };
                }
            }
            Message::Empty => self.await_guardian(),
        }
    }

    /// The tree is gone, and the guardian is on its way out.
    fn await_guardian(&mut self) {
        if let Stage::Settling { .. } | Stage::Running = self.stage {
            self.stage = Stage::Closing { until: self.machine.now().saturating_add(CLOSING_LIMIT) };
            // While the guardian ends, so that nobody waits for it afterwards.
            self.launch.tidy_up();
        }
    }

    pub(super) fn lose_guardian(&mut self) {
        warn!(run = self.run, "the guardian was killed");
        self.cause.get_or_insert(Cause::GuardianLost);
        self.containment.lose(Layer::Guardian, String::from("killed during the run"));
    }

    /// Goes on with the stage that the run is in.
    fn advance(&mut self, is_closed: bool) -> Result<Option<Progress>, Error> {
        if is_closed && !matches!(self.stage, Stage::Ending(_)) {
            return self.close().map(Some);
        }
        let now = self.machine.now();
        match &mut self.stage {
            Stage::Running | Stage::Settling { .. } if self.is_end_due => {
                self.end(self.cause.unwrap_or(Cause::Exited))?;
            }
            Stage::Running | Stage::Settling { .. } if self.due.is_some() => {
                self.end(self.due.unwrap_or(Cause::Exited))?;
            }
            Stage::Running => {
                if self.deadline.is_some_and(|deadline| now >= deadline) {
                    return self.announce_or_end(Cause::TimedOut);
                } else if self.idle_timeout.is_some_and(|limit| now >= self.last_output.saturating_add(limit)) {
                    return self.announce_or_end(Cause::Idle);
                }
            }
            Stage::Settling { until } if now >= *until => {
                if self.leftovers == Leftovers::Allow {
                    self.release()?;
                } else {
                    self.had_leftovers = true;
                    return self.announce_or_end(Cause::Exited);
                }
            }
            Stage::Settling { .. } => {}
            Stage::Ending(escalation) => {
                if let Some(report) = escalation.advance(&self.machine, now.saturating_add(SLICE)) {
                    self.conclude(report)?;
                }
            }
            Stage::Closing { until } if now >= *until => {
                if self.is_dismissed || self.has_survivors() {
                    return self.finish().map(Some);
                }
                self.end_rest()?;
            }
            Stage::Delegated { until } if now >= *until => {
                self.admit_survivors();
                return self.finish().map(Some);
            }
            Stage::Closing { .. } | Stage::Delegated { .. } | Stage::Released | Stage::Over => {}
        }
        Ok(None)
    }

    /// When something has to be done though nothing happens.
    fn next_moment(&self, until: Option<Duration>) -> Option<Duration> {
        let own = match &self.stage {
            Stage::Running => {
                let idle = self.idle_timeout.map(|limit| self.last_output.saturating_add(limit));
                [self.deadline, idle].into_iter().flatten().min()
            }
            Stage::Settling { until } | Stage::Closing { until } | Stage::Delegated { until } => Some(*until),
            Stage::Ending(_) | Stage::Released | Stage::Over => None,
        };
        [own, until].into_iter().flatten().min()
    }

    /// Waits for the guardian, for output, and for the caller's descriptor; `true` if that one is ready.
    fn poll(&mut self, timeout: Option<Duration>, wake: Option<BorrowedFd<'_>>) -> Result<bool, Error> {
        let timeout = timeout.map(sys::timespec);
        let mut fds = vec![
            PollFd::new(&self.link, PollFlags::IN),
            match &wake {
                Some(wake) => PollFd::new(wake, PollFlags::IN),
                None => PollFd::new(&self.link, PollFlags::empty()),
            },
        ];
        fds.extend(self.pumps.iter().filter_map(Pump::poll_fd));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::Setup { step: "waiting", source: error.into() }),
        }
        let is_woken = wake.is_some() && !fds[1].revents().is_empty();
        drop(fds);
        let mut moved = false;
        for pump in &mut self.pumps {
            moved |= pump.step().map_err(|source| Error::Setup { step: "passing output on", source })?;
        }
        if moved {
            self.last_output = self.machine.now();
        }
        Ok(is_woken)
    }

    /// Passes on what is still in the pipes. Who holds their other ends open, if it may stay, is not waited for. Nor is,
    /// once the run was to be over, somebody who does not read what the command has written: it may be what hung.
    pub(super) fn pump_rest(&mut self) -> Result<(), Error> {
        let is_cut_short = matches!(self.cause, Some(Cause::TimedOut | Cause::Idle | Cause::Cancelled(_)));
        for pump in &mut self.pumps {
            let patience = is_cut_short.then_some(CLOSING_LIMIT);
            let is_whole =
                pump.finish(patience).map_err(|source| Error::Setup { step: "passing output on", source })?;
            if !is_whole {
                warn!(run = self.run, "output of the command was dropped: nobody read it");
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Over) {
            // The guardian takes the closed link for the caller's end, and ends the tree.
            if let Err(error) = rustix::net::shutdown(&self.link, rustix::net::Shutdown::Both) {
                warn!(%error, "the guardian could not be told");
            }
            self.collect_child();
            self.stage = Stage::Over;
        }
    }
}
