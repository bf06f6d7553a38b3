//! What holds a run: its process group, and what the table says of descent.

use super::clock::timespec;
use super::handle::BsdHandle;
use super::pump::Pump;
use super::{BorrowedDescriptor, facts};
use crate::id::ProcessId;
use crate::info::State;
use crate::pid::Pid;
use crate::sys::{Enclosure, Handle};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a wait lasts at most while the command lives: nothing else tells of its end.
const RECHECK: Duration = Duration::from_millis(5);

/// A command, ready to be started.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: Option<OsString>,
    /// `None` is the caller's own.
    pub(crate) stdio: [Option<OwnedFd>; 3],
}

/// Why a command was not started.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// There is no such program.
    NotFound,
    /// It is there, and can't be started.
    NotExecutable(io::Error),
    /// Something else failed.
    Failed(&'static str, io::Error),
}

/// A run's processes, as far as the table ties them to the command.
#[derive(Debug)]
pub(crate) struct Vessel {
    child: Mutex<Child>,
    pid: Pid,
    id: ProcessId,
}

impl Vessel {
    /// Whether the kernel itself holds the run.
    pub(crate) const IS_JOB: bool = false;

    /// Starts a command as the leader of a process group.
    ///
    /// # Errors
    ///
    /// As [`LaunchError`] lists them. Nothing runs then.
    pub(crate) fn launch(command: &Command, _wants_job: bool) -> Result<(Vessel, Option<io::Error>), LaunchError> {
        let mut ready = std::process::Command::new(&command.program);
        ready.args(&command.args).env_clear().envs(command.environment.iter().map(|(name, value)| (name, value)));
        ready.process_group(0);
        if let Some(directory) = &command.directory {
            ready.current_dir(directory);
        }
        let setup = |source| LaunchError::Failed("connecting the command's input and output", source);
        let [input, output, error] = &command.stdio;
        let stream = |fd: &Option<OwnedFd>| -> Result<Stdio, LaunchError> {
            fd.as_ref().map_or(Ok(Stdio::inherit()), |fd| fd.try_clone().map(Stdio::from).map_err(setup))
        };
        ready.stdin(stream(input)?).stdout(stream(output)?).stderr(stream(error)?);
        let child = ready.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LaunchError::NotFound,
            _ => LaunchError::NotExecutable(error),
        })?;
        let no_pid = || LaunchError::Failed("starting the command", io::Error::other("it has no PID"));
        let pid = Pid::new(child.id()).ok_or_else(no_pid)?;
        // Not collected yet: the row is its own.
        let id = facts::row(pid).map_or(ProcessId::unborn(pid), |row| row.id);
        Ok((Vessel { child: Mutex::new(child), pid, id }, None))
    }

    /// Who the command is.
    pub(crate) fn command(&self) -> ProcessId {
        self.id
    }

    /// How the command has ended, if it has. Collects it.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok().flatten()
    }

    /// Whether nothing of the run is alive.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        Ok(self.members()?.is_empty())
    }

    /// Who is alive of the run: the command's process group, and all that descends from it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn members(&self) -> io::Result<Vec<Pid>> {
        let rows = facts::rows()?;
        let mut members: HashSet<Pid> = HashSet::new();
        loop {
            let known = members.len();
            for row in &rows {
                let descends = row.parent.is_some_and(|parent| parent == self.pid || members.contains(&parent));
                let is_command = row.pid() == self.pid && row.id.birth == self.id.birth;
                if row.state != State::Zombie && (is_command || row.group == Some(self.pid) || descends) {
                    members.insert(row.pid());
                }
            }
            if members.len() == known {
                return Ok(members.into_iter().collect());
            }
        }
    }

    /// Whether a process belongs to the run.
    pub(crate) fn holds(&self, member: &BsdHandle) -> bool {
        self.members().is_ok_and(|members| members.contains(&member.id().pid))
    }

    /// Each member is asked by a signal of its own.
    pub(crate) fn ask(&self) -> bool {
        false
    }

    /// There is no means to end the whole run at once.
    ///
    /// # Errors
    ///
    /// None.
    pub(crate) fn enclosure(&self) -> io::Result<Option<Box<dyn Enclosure + Send>>> {
        Ok(None)
    }

    /// Nothing holds them.
    ///
    /// # Errors
    ///
    /// None.
    pub(crate) fn release(&self) -> io::Result<()> {
        Ok(())
    }

    /// Waits for output, for `wake`, or until the time is over. `true` if it was `wake`.
    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        wake: Option<BorrowedDescriptor<'_>>,
        pumps: &[Pump],
        for_command: bool,
    ) -> bool {
        let timeout = if for_command { Some(timeout.unwrap_or(RECHECK).min(RECHECK)) } else { timeout };
        let mut fds: Vec<PollFd<'_>> = pumps.iter().filter_map(Pump::poll_fd).collect();
        if let Some(wake) = &wake {
            fds.push(PollFd::new(wake, PollFlags::IN));
        }
        let timeout = timeout.map(timespec);
        let woken = poll(&mut fds, timeout.as_ref());
        woken.is_ok_and(|ready| ready > 0) && wake.is_some() && fds.last().is_some_and(|fd| !fd.revents().is_empty())
    }
}
