//! One descriptor that is ready when one of two is: what is told to an attempt, and the end of its command.

use fell::Pid;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::process::{PidfdFlags, pidfd_open};
use std::io;

/// What is waited for beside the run itself.
#[derive(Debug)]
pub(super) struct Wake {
    poll: OwnedFd,
    command: Option<OwnedFd>,
}

impl Wake {
    /// Waits for words at first.
    ///
    /// # Errors
    ///
    /// No descriptor is to be had.
    pub(super) fn new(ears: impl AsFd) -> io::Result<Wake> {
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&poll, ears, EventData::new_u64(0), EventFlags::IN)?;
        Ok(Wake { poll, command: None })
    }

    /// Waits for the end of this process too; `true` if it has ended already.
    ///
    /// Another process may have got its PID by now. Nothing is signalled by it: at worst a look at the tree
    /// is not taken.
    pub(super) fn watch(&mut self, command: Pid) -> bool {
        let raw = i32::try_from(command.get()).ok().and_then(rustix::process::Pid::from_raw);
        let Some(raw) = raw else { return false };
        let opened = pidfd_open(raw, PidfdFlags::empty()).and_then(|command| {
            epoll::add(&self.poll, &command, EventData::new_u64(1), EventFlags::IN)?;
            Ok(command)
        });
        match opened {
            Ok(command) => {
                self.command = Some(command);
                false
            }
            Err(error) => error == rustix::io::Errno::SRCH,
        }
    }

    /// Whether the command has ended; `true` once only.
    pub(super) fn has_command_ended(&mut self) -> bool {
        let Some(command) = &self.command else { return false };
        let mut fds = [rustix::event::PollFd::new(command, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let has_ended = rustix::event::poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0);
        if has_ended {
            // Closing the only descriptor takes it out of the set.
            self.command = None;
        }
        has_ended
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poll.as_fd()
    }
}
