//! Force: what ends the members of a tree that had their grace, or were given none.

use super::{Escalation, FREEZE_PASSES, Phase, SHORT_PAUSE, STOP_LIMIT};
use crate::info::{ProcessInfo, State};
use crate::member::Member;
use crate::plan::Action;
use crate::policy::Extent;
use crate::signal::Signal;
use crate::sys::{Handle, Machine};
use tracing::warn;

impl<H: Handle> Escalation<H> {
    /// One round of force.
    ///
    /// The enclosure's kill ends all at once. Without one, members are stopped, root first, until no look finds a
    /// newcomer, and killed, root last: a frozen tree forks nobody, and its root's end can't orphan, and so wake,
    /// a stopped process group. A tree that forks faster than it can be frozen shows in a population that does not
    /// fall; then every second round kills without freezing.
    pub(super) fn use_force<M: Machine<Handle = H>>(&mut self, machine: &M) {
        let Phase::Force { until, round, least } = self.phase else { return };
        let due = self.members.iter().filter(|member| member.is_due()).count();
        self.phase = Phase::Force { until, round: round + 1, least: least.min(due) };
        if self.kill_enclosure() {
            return;
        }
        let grows = round > 0 && due >= least;
        if grows && round % 2 == 1 {
            self.kill_members(false);
        } else {
            self.freeze(machine);
            self.kill_members(true);
        }
    }

    fn kill_enclosure(&mut self) -> bool {
        // It would end those as well who may stay. A root that is spared is outside of it.
        let below = usize::from(self.policy.extent == Extent::Descendants);
        let is_spared = |member: &Member<H>| member.action == Action::Spare && member.ended.is_none();
        if self.members.iter().skip(below).any(is_spared) {
            return false;
        }
        let Some(enclosure) = &self.aids.enclosure else { return false };
        match enclosure.kill() {
            Ok(()) => {
                let mechanism = enclosure.mechanism();
                for member in self.members.iter_mut().filter(|member| member.is_due()) {
                    member.forced = Some(mechanism);
                }
                // Who left the enclosure is killed one by one in the next round.
                self.aids.enclosure = None;
                true
            }
            Err(error) => {
                warn!(%error, "the kill of the whole enclosure failed; killing one by one");
                self.aids.enclosure = None;
                false
            }
        }
    }

    /// Stops the root, then everybody, until a look finds no newcomer.
    fn freeze<M: Machine<Handle = H>>(&mut self, machine: &M) {
        let mut next = 0;
        for _ in 0..FREEZE_PASSES {
            let first = next;
            while next < self.members.len() {
                if self.members[next].is_due() {
                    self.members[next].send(Signal::STOP);
                    if next == 0 {
                        self.await_stop(machine, 0);
                    }
                }
                next += 1;
            }
            for position in first..next {
                self.await_stop(machine, position);
            }
            if self.discover(machine) == 0 {
                return;
            }
        }
    }

    fn await_stop<M: Machine<Handle = H>>(&self, machine: &M, position: usize) {
        let member = &self.members[position];
        let limit = machine.now().saturating_add(STOP_LIMIT);
        while member.is_due() && !member.denied && !member.pinned.has_ended() {
            match machine.read(member.pinned.pid()) {
                Ok(ProcessInfo { state: State::Running | State::Sleeping | State::Idle, .. }) => {}
                // Stopped, dead, in an uninterruptible wait that no signal shortens, or not to be seen.
                Ok(_) | Err(_) => return,
            }
            if machine.now() >= limit {
                return;
            }
            machine.wait(&[member.pinned.handle()], SHORT_PAUSE);
        }
    }

    fn kill_members(&mut self, leaves_first: bool) {
        let count = self.members.len();
        for step in 0..count {
            let member = &mut self.members[if leaves_first { count - 1 - step } else { step }];
            if member.is_due() {
                member.kill();
            }
        }
    }
}
