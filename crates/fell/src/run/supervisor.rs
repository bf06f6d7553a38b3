//! A command, and how it is to be run.

use super::report::Leftovers;
use crate::policy::KillPolicy;
use crate::scope::Contain;
use crate::stream::Stream;
use crate::sys::SignalMask;
use std::ffi::OsString;
use std::time::Duration;

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
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) variables: Vec<(OsString, Option<OsString>)>,
    pub(super) directory: Option<OsString>,
    pub(super) streams: [Stream; 3],
    pub(super) timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) policy: KillPolicy,
    pub(super) leftovers: Leftovers,
    pub(super) settle: Duration,
    pub(super) allow: Vec<String>,
    pub(super) contain: Contain,
    pub(super) foreground: Option<bool>,
    pub(super) exclusive: bool,
    pub(super) mask: Option<SignalMask>,
    pub(super) announces_end: bool,
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
            announces_end: false,
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

    /// Whether [`Running::wait_until`](super::Running::wait_until) comes back with
    /// [`Progress::EndDue`](super::Progress::EndDue) before the tree is ended at a limit or because of leftovers, so that
    /// the caller can look at it while it stands.
    #[must_use]
    pub fn announce_end(mut self, announces: bool) -> Supervisor {
        self.announces_end = announces;
        self
    }
}
