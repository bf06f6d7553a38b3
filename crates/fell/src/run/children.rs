//! A run's guardian and strays, as children of this process.

use super::running::{HostHandle, Running};
use crate::id::ProcessId;
use crate::pid::Pid;
use crate::pin::{Adoption, PinError, Pinned};
use crate::scope::Layer;
use crate::sys::linux::start::{Reaped, collect, peek};
use crate::sys::{self, Machine};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

impl Running {
    /// The guardian's PID: our child itself, or as the child has told.
    pub(super) fn guardian(&self) -> Option<Pid> {
        if self.exclusive { Pid::from_raw(self.child) } else { self.guardian }
    }

    /// Our uncollected child can't be anybody else; a guardian below it is verified as its child.
    pub(super) fn pin_guardian(&self) -> Result<Pinned<HostHandle>, PinError> {
        let child = Pid::from_raw(self.child).filter(|_| !self.is_collected).ok_or(PinError::Gone)?;
        let child = Pinned::on(&self.machine, &ProcessId::unborn(child))?;
        if self.exclusive {
            return Ok(child);
        }
        let guardian = self.guardian.ok_or(PinError::Gone)?;
        match child.adopt(&self.machine, guardian, self.machine.ticks()) {
            Adoption::Child(guardian) => Ok(guardian),
            Adoption::Gone | Adoption::Stranger | Adoption::Unverified(_) => Err(PinError::Gone),
        }
    }

    /// The command, verified as the guardian's child; in a PID namespace, as the first child of its first process.
    pub(super) fn pin_command(&self) -> Option<Pinned<HostHandle>> {
        let adopt = |parent: &Pinned<HostHandle>, pid| match parent.adopt(&self.machine, pid, self.machine.ticks()) {
            Adoption::Child(child) => Some(child),
            Adoption::Gone | Adoption::Stranger | Adoption::Unverified(_) => None,
        };
        let charge = adopt(&self.pin_guardian().ok()?, self.command?)?;
        if !self.containment.has(Layer::PidNamespace) {
            return Some(charge);
        }
        let first = self.machine.children(charge.pid()).ok()?.into_iter().min();
        adopt(&charge, first?)
    }

    /// Waits for our own child, and for no other.
    pub(super) fn collect_child(&mut self) -> Option<ExitStatus> {
        if self.is_collected {
            return None;
        }
        self.is_collected = true;
        sys::collect(self.child).map(ExitStatus::from_raw)
    }

    /// Collects orphans that have come home to this process and ended: for PID 1, to which those come that are no part
    /// of the run. Does nothing in a process that is not [`exclusive`](crate::Supervisor::exclusive).
    pub fn collect_orphans(&mut self) {
        while let (true, Reaped::Ended(pid, status)) = (self.exclusive, peek()) {
            // How the guardian ended is looked at when its link closes.
            if pid.as_raw() == self.child && !self.is_collected {
                return;
            }
            if Some(pid) == self.command {
                self.status = Some(status);
            }
            collect(pid);
        }
    }

    /// Collects the orphans that came home to this process, which serves this run alone.
    pub(super) fn collect_strays(&mut self) {
        while let Some((pid, status)) = sys::collect_any() {
            if pid == self.child {
                self.is_collected = true;
            }
            if Pid::from_raw(pid) == self.command {
                self.status = Some(ExitStatus::from_raw(status));
            }
        }
    }
}
