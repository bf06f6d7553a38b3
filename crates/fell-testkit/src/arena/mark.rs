//! A mark in the environment of a contestant, to find what is left of the contestant itself.
//!
//! Victims are found by their locks. The mark is for helpers of a contestant that live on although nobody of the tree does.

use super::clock::pause;
use super::record::Left;
use super::table::{Table, pids};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The variable.
const NAME: &str = "ARENA_CASE";

/// A mark that nobody else has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark(String);

impl Mark {
    /// A fresh one.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let born = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        Self(format!("{}-{}-{born:x}", std::process::id(), NEXT.fetch_add(1, Relaxed)))
    }

    /// Puts the mark on a command.
    pub(crate) fn put_on(&self, command: &mut std::process::Command) {
        command.env(NAME, &self.0);
    }

    fn is_on(&self, pid: i32) -> bool {
        let wanted = format!("{NAME}={}", self.0);
        // Another user's can't be read, and is not ours then.
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes()))
    }

    /// Who carries it and is alive, save these.
    pub(crate) fn carriers(&self, but: &[i32]) -> io::Result<Vec<Left>> {
        let found: Vec<_> = pids()?.into_iter().filter(|pid| !but.contains(pid) && self.is_on(*pid)).collect();
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let table = Table::look()?;
        let living = found.into_iter().filter(|pid| !table.is_zombie(*pid));
        Ok(living
            .map(|pid| {
                let role = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                Left { role: role.trim_end().to_owned(), pid }
            })
            .collect())
    }

    /// Kills whoever carries it, until nobody does; `false` if some outlive `patience`.
    pub(crate) fn end_carriers(&self, patience: Duration) -> io::Result<bool> {
        let end = Instant::now() + patience;
        loop {
            let carriers = self.carriers(&[])?;
            if carriers.is_empty() {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            for carrier in carriers {
                if let Some(pidfd) = self.pin(carrier.pid) {
                    match rustix::process::pidfd_send_signal(&pidfd, Signal::KILL) {
                        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            pause()?;
        }
    }

    /// A handle of a carrier. Opened, then the mark seen, then seen to live: the mark was its.
    fn pin(&self, pid: i32) -> Option<OwnedFd> {
        let pidfd = rustix::process::pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        let marked = self.is_on(pid);
        let mut polled = [PollFd::new(&pidfd, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let lives = rustix::event::poll(&mut polled, Some(&now)) == Ok(0);
        (marked && lives).then_some(pidfd)
    }
}
