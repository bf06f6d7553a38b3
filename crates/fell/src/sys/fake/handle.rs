//! A hold on a made-up process.

use super::call::Call;
use super::process::{Instance, Life};
use super::rules::Holds;
use super::{Fake, refused};
use crate::id::{Birth, ProcessId};
use crate::outcome::Mechanism;
use crate::pid::Pid;
use crate::signal::Signal;
use crate::sys::{Handle, SignalError};
use std::time::Duration;

/// A hold on a made-up process; how firm, the world's rules say.
#[derive(Debug, Clone)]
pub struct FakeHandle {
    pub(super) fake: Fake,
    pub(super) pid: Pid,
    pub(super) instance: Instance,
}

impl FakeHandle {
    /// Whom a signal through this handle would reach now.
    fn reaches(&self) -> Option<Instance> {
        let world = self.fake.world();
        match world.rules.holds {
            Holds::Inode | Holds::Bound => (world.get(self.instance).life != Life::Collected).then_some(self.instance),
            Holds::Checked => {
                let start = world.get(self.instance).start;
                world.owner(self.pid).filter(|owner| world.get(*owner).start == start)
            }
        }
    }
}

impl Handle for FakeHandle {
    fn id(&self) -> ProcessId {
        let world = self.fake.world();
        let process = world.get(self.instance);
        let birth = match world.rules.holds {
            Holds::Inode => Birth { start: None, inode: Some(process.inode) },
            Holds::Bound => Birth::default(),
            Holds::Checked => Birth { start: Some(process.start), inode: None },
        };
        ProcessId { pid: self.pid, birth }
    }

    fn mechanism(&self) -> Mechanism {
        match self.fake.world().rules.holds {
            Holds::Inode | Holds::Bound => Mechanism::Pidfd,
            Holds::Checked => Mechanism::CheckedPid,
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), SignalError> {
        let failure = self.fake.step(Call::Signal(self.pid, signal));
        let mut target = self.reaches().ok_or(SignalError::Gone)?;
        let mut world = self.fake.world_mut();
        if failure {
            return Err(SignalError::Failed(refused()));
        }
        if world.rules.holds == Holds::Checked {
            // The system call comes after the comparison, and the number may change hands in between.
            world.pass(Duration::from_micros(1));
            world.stir();
            target = world.owner(self.pid).ok_or(SignalError::Gone)?;
        }
        if world.get(target).nature.denied {
            return Err(SignalError::Denied);
        }
        world.deliver(target, signal);
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.fake.step(Call::HasEnded(self.pid));
        let ended = match self.reaches() {
            Some(instance) => !self.fake.world().get(instance).is_alive(),
            None => true,
        };
        self.fake.world_mut().note(|| format!("  ended: {ended}"));
        ended
    }
}
