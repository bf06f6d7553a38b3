//! The start of a run that a vessel holds.

use super::{Running, Stage};
use crate::error::Error;
use crate::policy::{Extent, KillPolicy};
use crate::run::supervisor::Supervisor;
use crate::scope::{Contain, Containment, Layer, MARK};
use crate::sys::{Command, Host, LaunchError, Machine, OwnStream, Pump, Vessel};
use std::ffi::OsString;
use tracing::debug;

impl Supervisor {
    /// Starts the run.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] or [`Error::NotExecutable`] if the command can't be started; [`Error::NoContainment`] if a layer
    /// was asked for that the host lacks; [`Error::Setup`] if a step failed. Nothing runs then.
    pub fn spawn(self) -> Result<Running, Error> {
        let machine = Host::new();
        let wants_vessel = wants_vessel(self.contain)?;
        let run = format!("{}-{:x}", machine.own(), machine.now().as_nanos());
        let began = machine.now();
        let deadline = self.timeout.map(|limit| began.saturating_add(limit));
        let piping = |source| Error::Setup { step: "connecting the command's input and output", source };
        let [stdin, stdout, stderr] = self.streams;
        let mut pumps = Vec::new();
        let (output, error) = if self.idle_timeout.is_some() {
            let (pump, output) = Pump::new(stdout.open().map_err(piping)?, OwnStream::Output).map_err(piping)?;
            pumps.push(pump);
            let (pump, error) = Pump::new(stderr.open().map_err(piping)?, OwnStream::Error).map_err(piping)?;
            pumps.push(pump);
            (Some(output), Some(error))
        } else {
            (stdout.open().map_err(piping)?, stderr.open().map_err(piping)?)
        };
        let program = self.program.to_string_lossy().into_owned();
        let command = Command {
            environment: environment(self.variables, &run),
            directory: self.directory,
            stdio: [stdin.open().map_err(piping)?, output, error],
            args: self.args,
            program: self.program,
        };
        let (vessel, missing) = Vessel::launch(&command, wants_vessel).map_err(|error| match error {
            LaunchError::NotFound => Error::NotFound { program: program.clone() },
            LaunchError::NotExecutable(source) => Error::NotExecutable { program: program.clone(), source },
            LaunchError::Failed(step, source) => Error::Setup { step, source },
        })?;
        // The command has its own ends of the pipes by now; ours would keep them open.
        drop(command);
        let mut containment = Containment { layers: vec![Layer::Mark], missing: Vec::new() };
        match missing {
            Some(why) => containment.missing.push((Layer::Job, why.to_string())),
            None if !Vessel::IS_JOB => containment.layers.insert(0, Layer::ProcessGroup),
            None if wants_vessel => containment.layers.insert(0, Layer::Job),
            None => {}
        }
        let command = vessel.command();
        debug!(run, %command, ?containment, "started");
        Ok(Running {
            machine,
            program,
            run,
            vessel,
            command,
            status: None,
            stage: Stage::Running,
            cause: None,
            policy: KillPolicy { extent: Extent::Tree, ..self.policy },
            leftovers: self.leftovers,
            settle: self.settle,
            allow: self.allow,
            idle_timeout: self.idle_timeout,
            last_output: began,
            pumps,
            containment,
            began,
            deadline,
            limit: None,
            had_leftovers: false,
            announces_end: self.announces_end,
            due: None,
            kill: None,
            at_limit: None,
        })
    }
}

/// Whether a vessel of the system's own is to hold the run.
fn wants_vessel(contain: Contain) -> Result<bool, Error> {
    let lacks = |layer| Err(Error::NoContainment { layer, why: String::from("this system has none") });
    match contain {
        Contain::Auto => Ok(true),
        Contain::Group => Ok(false),
        Contain::Cgroup => lacks("cgroup"),
        Contain::Reaper => lacks("subreaper"),
        Contain::PidNamespace => lacks("PID namespace"),
    }
}

/// The caller's environment with the changes, and the run's mark behind those of the runs around it. Names are the same
/// whatever their case.
fn environment(variables: Vec<(OsString, Option<OsString>)>, run: &str) -> Vec<(OsString, OsString)> {
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    for (name, value) in variables {
        environment.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        environment.extend(value.map(|value| (name, value)));
    }
    let outer = environment.iter().find(|(name, _)| name.eq_ignore_ascii_case(MARK)).map(|(_, value)| value.clone());
    environment.retain(|(name, _)| !name.eq_ignore_ascii_case(MARK));
    let mark = match outer {
        Some(mut outer) => {
            outer.push(",");
            outer.push(run);
            outer
        }
        None => OsString::from(run),
    };
    environment.push((OsString::from(MARK), mark));
    environment
}
