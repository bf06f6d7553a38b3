//! Running a command so that nothing it started outlives it.

use crate::error::Error;
use crate::id::ProcessId;
use crate::kill::Escalation;
use crate::look::{look_at, protected};
use crate::outcome::{Outcome, ProcessReport};
use crate::pid::Pid;
use crate::pin::{Adoption, PinError, Pinned};
use crate::policy::{Extent, KillPolicy};
use crate::report::Report;
use crate::scope::{Contain, Containment, Layer, MARK, Scope};
use crate::signal::Signal;
use crate::snapshot::{Coverage, Snapshot};
use crate::stream::{Pump, Stream};
use crate::sys::{self, Command, Host, Launch, Machine, Message, SignalMask, Step, Terms};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use tracing::{debug, warn};

/// How long a tree that is being ended may keep its supervisor from looking at other things.
const SLICE: Duration = Duration::from_millis(20);
/// How long the guardian may take to end after the last process of the tree has.
const CLOSING_LIMIT: Duration = Duration::from_secs(2);

type HostHandle = <Host as Machine>::Handle;

/// What living descendants mean after the command has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leftovers {
    /// They are ended, and the command's status counts.
    #[default]
    Kill,
    /// They are ended, and the run has failed.
    Fail,
    /// They are ended, and the caller says so.
    Warn,
    /// They are left alone.
    Allow,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The command ended by itself.
    Exited,
    /// The time limit was reached.
    TimedOut,
    /// The command was silent for as long as it may be.
    Idle,
    /// The caller wanted it to end, because of this signal.
    Cancelled(Signal),
    /// The guardian was killed.
    GuardianLost,
}

/// What became of a run: only what was observed.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// The run's name, which its processes carry in `FELL_RUN`.
    pub run: String,
    /// The command as it was given.
    pub program: String,
    /// The command's process.
    pub command: ProcessId,
    /// How the command ended; `None` if that was not seen.
    pub status: Option<ExitStatus>,
    /// Why the run ended.
    pub cause: Cause,
    /// What was alive when the command had ended by itself and the time to settle was over.
    pub leftovers: Vec<ProcessReport>,
    /// What became of the processes that had to be ended, leftovers included; `None` if there were none.
    pub kill: Option<Report>,
    /// The tree as it stood when the limit was reached, before anything was signalled.
    pub at_limit: Option<Snapshot>,
    /// What held the run together.
    pub containment: Containment,
    /// How long it took.
    pub elapsed: Duration,
}

impl RunReport {
    /// The processes that are alive although they were to be ended.
    pub fn survivors(&self) -> impl Iterator<Item = &ProcessReport> {
        self.kill.iter().flat_map(Report::survivors)
    }
}

/// Why [`Running::wait_until`] came back.
#[derive(Debug)]
pub enum Progress {
    /// The run is over.
    Finished(Box<RunReport>),
    /// The caller's descriptor has something to read.
    Woken,
    /// The caller's moment has come.
    Elapsed,
}

/// A command to be run so that nothing it started outlives it.
///
/// Between the caller and the command stands a *guardian* process, to which all orphans of the tree come home. If the
/// caller is killed, the guardian ends the tree; if the guardian is killed, the caller does, or a second
/// guardian where the caller is not [`exclusive`](Supervisor::exclusive). The caller's signal handlers and its
/// other children are left alone.
///
/// ```
/// use fell::{Cause, Supervisor};
/// use std::time::Duration;
///
/// let report = Supervisor::new("sh")
///     .args(["-c", "sleep 300 & setsid sleep 300 & sleep 300"])
///     .timeout(Some(Duration::from_millis(100)))
///     .spawn()?
///     .wait()?;
/// assert_eq!(report.cause, Cause::TimedOut);
/// assert_eq!(report.survivors().count(), 0);
/// # Ok::<(), fell::Error>(())
/// ```
#[derive(Debug)]
pub struct Supervisor {
    program: OsString,
    args: Vec<OsString>,
    variables: Vec<(OsString, Option<OsString>)>,
    directory: Option<OsString>,
    streams: [Stream; 3],
    timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    policy: KillPolicy,
    leftovers: Leftovers,
    settle: Duration,
    allow: Vec<String>,
    contain: Contain,
    foreground: Option<bool>,
    exclusive: bool,
    mask: Option<SignalMask>,
}

impl Supervisor {
    /// A run of this program, searched in PATH as `execvp(3)` does, without limits.
    pub fn new(program: impl Into<OsString>) -> Supervisor {
        Supervisor {
            program: program.into(),
            args: Vec::new(),
            variables: Vec::new(),
            directory: None,
            streams: [Stream::Inherit, Stream::Inherit, Stream::Inherit],
            timeout: None,
            idle_timeout: None,
            policy: KillPolicy::default(),
            leftovers: Leftovers::default(),
            settle: Duration::from_millis(500),
            allow: Vec::new(),
            contain: Contain::default(),
            foreground: None,
            exclusive: false,
            mask: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Supervisor {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the command's environment, which is otherwise the caller's.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Supervisor {
        self.variables.push((name.into(), Some(value.into())));
        self
    }

    /// Removes a variable from the command's environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Supervisor {
        self.variables.push((name.into(), None));
        self
    }

    /// The directory to run in.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<OsString>) -> Supervisor {
        self.directory = Some(directory.into());
        self
    }

    /// The command's standard input, by default the caller's.
    #[must_use]
    pub fn stdin(mut self, stream: Stream) -> Supervisor {
        self.streams[0] = stream;
        self
    }

    /// The command's standard output, by default the caller's.
    #[must_use]
    pub fn stdout(mut self, stream: Stream) -> Supervisor {
        self.streams[1] = stream;
        self
    }

    /// The command's standard error, by default the caller's.
    #[must_use]
    pub fn stderr(mut self, stream: Stream) -> Supervisor {
        self.streams[2] = stream;
        self
    }

    /// The limit on the wall clock, from the start. It includes time for which the machine was suspended.
    #[must_use]
    pub fn timeout(mut self, limit: Option<Duration>) -> Supervisor {
        self.timeout = limit;
        self
    }

    /// The limit on silence: no output on standard output or error for this long. The two are then passed on
    /// through pipes.
    #[must_use]
    pub fn idle_timeout(mut self, limit: Option<Duration>) -> Supervisor {
        self.idle_timeout = limit;
        self
    }

    /// How the tree is ended: first signal, grace, limit on force.
    #[must_use]
    pub fn kill_policy(mut self, policy: KillPolicy) -> Supervisor {
        self.policy = policy;
        self
    }

    /// What living descendants mean after the command has ended by itself.
    #[must_use]
    pub fn leftovers(mut self, leftovers: Leftovers) -> Supervisor {
        self.leftovers = leftovers;
        self
    }

    /// How long descendants may take to end by themselves after the command has, before they count as leftovers.
    /// Default: 500 ms.
    #[must_use]
    pub fn settle(mut self, time: Duration) -> Supervisor {
        self.settle = time;
        self
    }

    /// Names of processes that may stay.
    #[must_use]
    pub fn allow(mut self, names: Vec<String>) -> Supervisor {
        self.allow = names;
        self
    }

    /// Which containment to use.
    #[must_use]
    pub fn contain(mut self, contain: Contain) -> Supervisor {
        self.contain = contain;
        self
    }

    /// Whether the command stays in the caller's process group, where the terminal is. By default it does
    /// if a standard stream is a terminal and the caller is in its foreground.
    #[must_use]
    pub fn foreground(mut self, foreground: Option<bool>) -> Supervisor {
        self.foreground = foreground;
        self
    }

    /// Says that this process has no other children, starts none, and exists for this run alone. It then becomes the
    /// subreaper itself, so that no second guardian is needed, and collects every child that comes home to it.
    #[must_use]
    pub fn exclusive(mut self, exclusive: bool) -> Supervisor {
        self.exclusive = exclusive;
        self
    }

    /// The signal mask that the command starts with; by default that of the calling thread.
    #[must_use]
    pub fn signal_mask(mut self, mask: SignalMask) -> Supervisor {
        self.mask = Some(mask);
        self
    }

    /// Starts the run.
    ///
    /// That the program does not exist or can't be executed comes out by [`Running::wait`].
    ///
    /// # Errors
    ///
    /// [`Error::NoContainment`] if a layer was asked for that the host lacks; [`Error::Setup`] if a step failed.
    /// Nothing runs then.
    pub fn spawn(self) -> Result<Running, Error> {
        let setup = |step: &'static str| move |source| Error::Setup { step, source };
        let machine = Host::new();
        let foreground = self.foreground.unwrap_or_else(sys::is_in_foreground);
        let Scope { run, cgroup, record, containment } = Scope::new(self.contain, !foreground)?;
        // A child that is not of this run must not be taken for an orphan of it.
        let exclusive = self.exclusive && !sys::has_children();
        let subreaper = containment.has(Layer::Subreaper);
        if exclusive && subreaper {
            sys::become_subreaper().map_err(setup("becoming a subreaper"))?;
        }
        let began = machine.now();
        let deadline = self.timeout.map(|limit| began.saturating_add(limit));
        let [stdin, stdout, stderr] = self.streams;
        let piping = setup("connecting the command's input and output");
        let mut pumps = Vec::new();
        let (output, error) = if self.idle_timeout.is_some() {
            let (pump, output) = Pump::new(stdout.open().map_err(piping)?, sys::OwnStream::Output).map_err(piping)?;
            pumps.push(pump);
            let (pump, error) = Pump::new(stderr.open().map_err(piping)?, sys::OwnStream::Error).map_err(piping)?;
            pumps.push(pump);
            (Some(output), Some(error))
        } else {
            (stdout.open().map_err(piping)?, stderr.open().map_err(piping)?)
        };
        let command = Command {
            environment: environment(self.variables, &run),
            directory: self.directory,
            stdio: [stdin.open().map_err(piping)?, output, error],
            own_group: !foreground,
            mask: self.mask.unwrap_or_else(SignalMask::current),
            args: self.args,
            program: self.program.clone(),
        };
        let terms = Terms { signal: self.policy.signal, grace: self.policy.grace, deadline, subreaper };
        let mut launch =
            Launch::prepare(command, terms, cgroup, record).map_err(setup("preparing the command"))?;
        let launched = launch.start(exclusive).map_err(setup("forking the guardian"));
        let launched = launched.inspect_err(|_| launch.tidy_up())?;
        debug!(run, child = launched.child, ?containment, "started");
        Ok(Running {
            machine,
            program: self.program.to_string_lossy().into_owned(),
            run,
            launch,
            child: launched.child,
            is_collected: false,
            link: launched.link,
            guardian: None,
            command: None,
            status: None,
            failure: None,
            stage: Stage::Running,
            cause: None,
            policy: KillPolicy { extent: Extent::Descendants, ..self.policy },
            leftovers: self.leftovers,
            settle: self.settle,
            allow: self.allow,
            idle_timeout: self.idle_timeout,
            last_output: began,
            pumps,
            containment,
            began,
            deadline,
            exclusive,
            had_leftovers: false,
            is_dismissed: false,
            is_end_due: false,
            kill: None,
            at_limit: None,
        })
    }
}

/// The caller's environment with the changes, and the run's mark behind those of the runs around it.
fn environment(variables: Vec<(OsString, Option<OsString>)>, run: &str) -> Vec<(OsString, OsString)> {
    let mut environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    for (name, value) in variables {
        match value {
            Some(value) => environment.insert(name, value),
            None => environment.remove(&name),
        };
    }
    let mark = match environment.remove(&OsString::from(MARK)) {
        Some(mut outer) => {
            outer.push(",");
            outer.push(run);
            outer
        }
        None => OsString::from(run),
    };
    environment.insert(OsString::from(MARK), mark);
    environment.into_iter().collect()
}

enum Stage {
    /// The command runs.
    Running,
    /// The command has ended; its descendants may do so by themselves until this moment.
    Settling { until: Duration },
    /// The tree is being ended.
    Ending(Box<Escalation<HostHandle>>),
    /// The tree is gone, or what is left of it can't be ended; the guardian may end until this moment.
    Closing { until: Duration },
    /// The guardian was told to leave what lives alone.
    Released,
    /// The report was given.
    Over,
}

/// A run that has begun.
///
/// Dropped before its report was given, it ends the tree in grace, and waits for that.
pub struct Running {
    machine: Host,
    program: String,
    run: String,
    launch: Launch,
    /// Our child: the guardian, or the second guardian above it.
    child: i32,
    is_collected: bool,
    link: OwnedFd,
    guardian: Option<Pid>,
    command: Option<Pid>,
    status: Option<ExitStatus>,
    failure: Option<(Step, i32)>,
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
    exclusive: bool,
    had_leftovers: bool,
    is_dismissed: bool,
    /// The tree is to be ended as soon as the guardian is known.
    is_end_due: bool,
    kill: Option<Report>,
    at_limit: Option<Snapshot>,
}

impl Running {
    /// The run's name.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The command's PID, once it was forked. It may have ended since.
    pub fn command(&self) -> Option<Pid> {
        self.command
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
            if self.poll(timeout, wake)? {
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
        let command = self.command.ok_or(io::ErrorKind::NotFound)?;
        let listed_at = self.machine.ticks();
        match self.pin_guardian().map(|guardian| guardian.adopt(&self.machine, command, listed_at)) {
            Ok(Adoption::Child(pinned)) => pinned.signal(signal).map_err(|error| match error {
                sys::SignalError::Gone => io::ErrorKind::NotFound.into(),
                sys::SignalError::Denied => io::ErrorKind::PermissionDenied.into(),
                sys::SignalError::Failed(error) => error,
            }),
            Ok(_) | Err(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Begins to end the tree, in grace, because of this signal. Does nothing if that has begun already.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if no hold on the tree can be had; the guardian then ends it when this is dropped.
    pub fn terminate(&mut self, signal: Signal) -> Result<(), Error> {
        match self.stage {
            Stage::Running | Stage::Settling { .. } => self.end(Cause::Cancelled(signal)),
            Stage::Ending(_) | Stage::Closing { .. } | Stage::Released | Stage::Over => Ok(()),
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
        debug!(?message, "guardian");
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
            Message::Ended { status, is_last } => {
                self.status = Some(ExitStatus::from_raw(status));
                if let (Stage::Running, false) = (&self.stage, is_last) {
                    self.stage = Stage::Settling { until: self.machine.now().saturating_add(self.settle) };
                }
                self.cause.get_or_insert(Cause::Exited);
            }
            Message::Empty => {
                if let Stage::Settling { .. } | Stage::Running = self.stage {
                    self.stage = Stage::Closing { until: self.machine.now().saturating_add(CLOSING_LIMIT) };
                }
            }
        }
    }

    fn lose_guardian(&mut self) {
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
            Stage::Running | Stage::Settling { .. } if self.is_end_due => self.end(self.cause.unwrap_or(Cause::Exited))?,
            Stage::Running => {
                if self.deadline.is_some_and(|deadline| now >= deadline) {
                    self.end(Cause::TimedOut)?;
                } else if self.idle_timeout.is_some_and(|limit| now >= self.last_output.saturating_add(limit)) {
                    self.end(Cause::Idle)?;
                }
            }
            Stage::Settling { until } if now >= *until => {
                if self.leftovers == Leftovers::Allow {
                    self.release()?;
                } else {
                    self.had_leftovers = true;
                    self.end(Cause::Exited)?;
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
                self.dismiss()?;
            }
            Stage::Closing { .. } | Stage::Released | Stage::Over => {}
        }
        Ok(None)
    }

    /// Begins to end the tree.
    fn end(&mut self, cause: Cause) -> Result<(), Error> {
        if matches!(cause, Cause::TimedOut | Cause::Idle) {
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
        self.escalate(root)
    }

    fn escalate(&mut self, root: Pinned<HostHandle>) -> Result<(), Error> {
        let enclosure = match self.launch.cgroup().filter(|_| self.containment.has(Layer::Cgroup)) {
            Some(cgroup) => cgroup.enclosure().inspect_err(|error| warn!(%error, "no hold on the cgroup")).ok(),
            None => None,
        };
        let spared = if self.had_leftovers { self.allow.clone() } else { Vec::new() };
        let protected = protected(&self.machine);
        let escalation = Escalation::below(&self.machine, root, self.policy.clone(), protected, spared, enclosure)?;
        self.stage = Stage::Ending(Box::new(escalation));
        Ok(())
    }

    /// The kill loop has given its report.
    fn conclude(&mut self, mut report: Report) -> Result<(), Error> {
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
    fn release(&mut self) -> Result<(), Error> {
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
    fn close(&mut self) -> Result<Progress, Error> {
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
    fn end_strays(&mut self) -> Result<(), Error> {
        let limit = self.machine.now().saturating_add(self.policy.grace).saturating_add(self.policy.force_limit);
        loop {
            self.collect_strays();
            if !sys::has_children() || self.machine.now() >= limit {
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

    /// Ends a guardian that does not end though its tree has: it was stopped.
    fn dismiss(&mut self) -> Result<(), Error> {
        self.is_dismissed = true;
        let child = Pid::from_raw(self.child).filter(|_| !self.is_collected);
        let held = [self.pin_guardian().ok(), child.and_then(|pid| Pinned::on(&self.machine, &ProcessId::unborn(pid)).ok())];
        for pinned in held.into_iter().flatten() {
            if let Err(error) = pinned.signal(Signal::KILL) {
                debug!(?error, pid = pinned.pid().get(), "the guardian could not be ended");
            }
        }
        self.stage = Stage::Closing { until: self.machine.now().saturating_add(CLOSING_LIMIT) };
        Ok(())
    }

    fn finish(&mut self) -> Result<Progress, Error> {
        let is_abandoned = self.has_survivors();
        if !is_abandoned && !self.is_collected {
            self.collect_child();
        }
        if self.exclusive {
            self.collect_strays();
        }
        self.pump_rest()?;
        if !is_abandoned {
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
            containment: self.containment.clone(),
            elapsed: self.machine.now().saturating_sub(self.began),
        })))
    }

    fn has_survivors(&self) -> bool {
        self.kill.as_ref().is_some_and(|report| !report.is_clean())
    }

    fn failed(&self, step: Step, source: io::Error) -> Error {
        let program = self.program.clone();
        match (step, source.kind()) {
            (Step::Exec, io::ErrorKind::NotFound) => Error::NotFound { program },
            (Step::Exec, _) => Error::NotExecutable { program, source },
            (Step::JoinCgroup, _) => Error::NoContainment { layer: "cgroup", why: source.to_string() },
            (step, _) => Error::Setup { step: step.name(), source },
        }
    }

    /// The guardian's PID: our child itself, or as the child has told.
    fn guardian(&self) -> Option<Pid> {
        if self.exclusive { Pid::from_raw(self.child) } else { self.guardian }
    }

    /// Our uncollected child can't be anybody else; a guardian below it is verified as its child.
    fn pin_guardian(&self) -> Result<Pinned<HostHandle>, PinError> {
        let child = Pid::from_raw(self.child).filter(|_| !self.is_collected).ok_or(PinError::Gone)?;
        let child = Pinned::on(&self.machine, &ProcessId::unborn(child))?;
        if self.exclusive {
            return Ok(child);
        }
        let guardian = self.guardian.ok_or(PinError::Gone)?;
        match child.adopt(&self.machine, guardian, self.machine.ticks()) {
            Adoption::Child(guardian) => Ok(guardian),
            Adoption::Gone | Adoption::Stranger | Adoption::Unverified(_) => Err(PinError::Gone),
        }
    }

    /// Waits for our own child, and for no other.
    fn collect_child(&mut self) -> Option<ExitStatus> {
        if self.is_collected {
            return None;
        }
        self.is_collected = true;
        sys::collect(self.child).map(ExitStatus::from_raw)
    }

    /// Collects the orphans that came home to this process, which serves this run alone.
    fn collect_strays(&mut self) {
        while let Some((pid, status)) = sys::collect_any() {
            if pid == self.child {
                self.is_collected = true;
            }
            if Pid::from_raw(pid) == self.command {
                self.status = Some(ExitStatus::from_raw(status));
            }
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

    /// Passes on what is still in the pipes. Who holds their other ends open, if it may stay, is not waited for.
    fn pump_rest(&mut self) -> Result<(), Error> {
        for pump in &mut self.pumps {
            pump.finish().map_err(|source| Error::Setup { step: "passing output on", source })?;
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
