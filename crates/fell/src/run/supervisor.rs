//! A command, and how it is to be run.

use super::report::Leftovers;
use super::running::{Running, Stage};
use crate::error::Error;
use crate::policy::{Extent, KillPolicy};
use crate::scope::{Contain, Layer, MARK, Scope};
use crate::stream::{Pump, Stream};
use crate::sys::{self, Command, Host, Launch, Machine, SignalMask, Terms};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;
use tracing::debug;

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
    /// through pipes. Time for which the caller was stopped does not count.
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
        let Scope { run, cgroup, record, namespace, containment } = Scope::new(self.contain, !foreground)?;
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
            Launch::prepare(command, terms, cgroup, record, namespace).map_err(setup("preparing the command"))?;
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
