//! An innocent tree that nobody may touch.

use crate::placement::Placement;
use crate::trick::Trick;
use crate::victim::Victim;
use rustix::process::{Pid, WaitId, WaitIdOptions};
use std::fmt::Write;
use std::io;

/// A small innocent tree: it counts every signal that it gets, and its Drop ends it.
#[derive(Debug)]
pub struct Bystander {
    tree: Victim,
}

impl Bystander {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    ///
    /// As [`crate::Setup::spawn`] and [`Victim::wait_ready`].
    pub fn spawn(placement: Placement) -> io::Result<Self> {
        let mut tree = Victim::of(Trick::Bystander).placement(placement).spawn()?;
        tree.wait_ready()?;
        Ok(Self { tree })
    }

    /// The PID of its root, a child of this process.
    pub fn pid(&self) -> u32 {
        self.tree.pid().unwrap_or_default()
    }

    /// All its processes.
    pub fn tree(&self) -> &Victim {
        &self.tree
    }

    /// Says what was done to it, or nothing if it is as it was.
    ///
    /// A stop of its root is seen here; a stop, continuation or death of the others gives their parents a SIGCHLD, which they count.
    ///
    /// # Errors
    ///
    /// When the question can't be answered.
    pub fn harm(&self) -> io::Result<Option<String>> {
        let alive = self.tree.survivors()?;
        let mut harm = String::new();
        for slot in 0..self.tree.shape().ready {
            let record = self.tree.ledger().record(slot);
            if !alive.iter().any(|who| who.slot == slot) {
                write!(harm, "{} died; ", record.role()).map_err(io::Error::other)?;
            }
            if record.signals() > 0 {
                write!(harm, "{} caught signals {:?}; ", record.role(), record.caught()).map_err(io::Error::other)?;
            }
        }
        if let Some(pid) = Pid::from_raw(self.pid() as i32) {
            let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            match rustix::process::waitid(WaitId::Pid(pid), options) {
                Ok(status) if status.as_ref().is_some_and(|status| status.stopped()) => {
                    harm.push_str("its root is stopped; ");
                }
                // ECHILD: dead, and so reported above.
                Ok(_) | Err(rustix::io::Errno::CHILD) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok((!harm.is_empty()).then_some(harm))
    }

    /// Panics unless it is as it was.
    ///
    /// # Panics
    ///
    /// When it got a signal, was stopped or has lost a member.
    #[track_caller]
    pub fn assert_untouched(&self) {
        match self.harm() {
            Ok(None) => {}
            Ok(Some(harm)) => panic!("an innocent was hurt: {harm}"),
            Err(error) => panic!("an innocent can't be looked at: {error}"),
        }
    }
}
