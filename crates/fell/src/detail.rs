//! What a reader wants to know of a process beyond its row: its command line and whose it is.

use crate::id::{ProcessId, Sameness};
use crate::pid::Pid;
use crate::sys::{self, Handle, Host, Machine};
use std::collections::HashMap;
use std::ffi::OsString;
use std::time::{Duration, SystemTime};

/// What is known of a process beyond its row. `None` is "not known".
///
/// The command line is as the process shows it, secrets and all: hide them with
/// [`redact`](crate::redact::redact) before anybody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// The command line. Empty for a kernel thread and for a zombie.
    pub command_line: Option<Vec<String>>,
    /// Its effective user: the name, or the number where it has none.
    pub user: Option<String>,
}

/// Reads details, and remembers the names of users.
#[derive(Debug)]
pub struct Details {
    host: Host,
    users: Option<HashMap<u32, String>>,
}

impl Details {
    /// A reader of details on this host.
    #[expect(clippy::new_without_default, reason = "it reads the host, and a default reads nothing")]
    pub fn new() -> Details {
        Details { host: Host::new(), users: None }
    }

    /// The details of this process. All unknown if it is gone, also when another one has its PID by now.
    pub fn of(&mut self, id: &ProcessId) -> Detail {
        let detail = self.of_held(id.pid);
        // Read first, then verify: what was read before was its own if its PID still is.
        if self.is_still(id) { detail } else { Detail::default() }
    }

    /// The details of whoever has this PID now: for a caller who holds it and sees afterwards that it runs on, as
    /// [`look_at_with`](crate::look_at_with) does.
    pub fn of_held(&mut self, pid: Pid) -> Detail {
        let command_line = self.host.command_line(pid).ok();
        let user = self.host.user(pid).ok();
        let users = self.users.get_or_insert_with(sys::users);
        Detail {
            command_line: command_line.map(words),
            user: user.map(|number| users.get(&number).cloned().unwrap_or_else(|| number.to_string())),
        }
    }

    /// Whether its PID belongs to this process now. A new handle tells for less than a row.
    fn is_still(&self, id: &ProcessId) -> bool {
        let held = id.birth.inode.and_then(|_| self.host.open(id.pid).ok());
        let sameness = match held.map(|handle| handle.id()) {
            Some(now) if now.birth.inode.is_some() => now.compare(id),
            _ => match self.host.read(id.pid) {
                Ok(row) => row.id.compare(id),
                Err(_) => Sameness::Different,
            },
        };
        sameness != Sameness::Different
    }
}

/// A process that wrote a title over its arguments (`setproctitle`) leaves a tail of empty ones.
fn words(mut argv: Vec<OsString>) -> Vec<String> {
    while argv.len() > 1 && argv.last().is_some_and(|word| word.is_empty()) {
        argv.pop();
    }
    argv.into_iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Turns the clock since boot, in which the process table counts, into the time of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// When the clock since boot was 0.
    pub boot: SystemTime,
    /// What that clock shows.
    pub now: Duration,
}

impl Calendar {
    /// This host's.
    pub fn now() -> Calendar {
        let now = Host::new().now();
        Calendar { boot: SystemTime::now() - now, now }
    }

    /// When a process was born, if that is known.
    pub fn started_at(&self, id: &ProcessId) -> Option<SystemTime> {
        Some(self.boot + since_boot(id)?)
    }

    /// How old a process is, if that is known.
    pub fn age(&self, id: &ProcessId) -> Option<Duration> {
        Some(self.now.saturating_sub(since_boot(id)?))
    }
}

fn since_boot(id: &ProcessId) -> Option<Duration> {
    id.birth.start.map(sys::since_boot_at)
}
