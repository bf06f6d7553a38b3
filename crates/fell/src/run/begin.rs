//! The start of a run that a guardian holds.

use super::running::{Running, Stage};
use super::supervisor::Supervisor;
use crate::error::Error;
use crate::policy::{Extent, KillPolicy};
use crate::scope::{Layer, MARK, Scope};
use crate::stream::Stream;
use crate::sys::{self, Command, Host, Launch, Machine, Pump, SignalMask, Terms};
use std::collections::BTreeMap;
use std::ffi::OsString;
use tracing::debug;

impl Supervisor {
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
        let shares_output =
            self.idle_timeout.is_none() && matches!((&stdout, &stderr), (Stream::Inherit, Stream::Inherit));
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
            announces_end: self.announces_end,
            due: None,
            shares_output,
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
