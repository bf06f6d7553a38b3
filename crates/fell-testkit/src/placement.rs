//! Where a process is put when it is spawned.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// The session and process group of a spawned process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// A session of its own.
    #[default]
    OwnSession,
    /// A process group of its own in the caller's session.
    OwnGroup,
    /// The process group of another child of the caller, in the caller's session.
    GroupOf(u32),
    /// The caller's own process group.
    CallersGroup,
}

impl Placement {
    pub(crate) fn apply(self, command: &mut Command) {
        match self {
            Self::OwnSession => {
                let join = || rustix::process::setsid().map(drop).map_err(Into::into);
                // SAFETY: setsid is async-signal-safe.
                unsafe { command.pre_exec(join) };
            }
            Self::OwnGroup => {
                command.process_group(0);
            }
            Self::GroupOf(pid) => {
                command.process_group(pid as i32);
            }
            Self::CallersGroup => {}
        }
    }
}
