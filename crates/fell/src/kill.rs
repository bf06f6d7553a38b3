//! The kill loop: grace first, then force, and a look again until nothing of the tree is left.

mod force;

use crate::error::Error;
use crate::felling::Felling;
use crate::id::{ProcessId, Sameness};
use crate::lineage::{Entry, Lineage};
use crate::look::{look_at, protected};
use crate::member::{Member, judge};
use crate::pid::Pid;
use crate::pin::{Adoption, PinError, Pinned};
use crate::plan::{Action, KillPlan, Protected};
use crate::policy::KillPolicy;
use crate::report::Report;
use crate::signal::Signal;
use crate::snapshot::Gap;
use crate::sys::{Enclosure, Handle, Host, Lives, Lost, Machine, ReadError};
use crate::tree::Tree;
use std::collections::HashMap;
use std::time::Duration;
use tracing::{debug, info, warn};

/// The pause before the next look, while newcomers show up; it doubles while none do.
const SHORT_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause between two looks.
const LONG_PAUSE: Duration = Duration::from_millis(20);
/// The longest time that a look may be put off because the last one took long.
const LONGEST_REST: Duration = Duration::from_millis(40);
/// How long a process may take to stop before it is killed unstopped: one in an uninterruptible wait never does.
const STOP_LIMIT: Duration = Duration::from_millis(10);
/// How often a freeze may find newcomers before it is given up for this round.
const FREEZE_PASSES: usize = 32;
/// How many generations of processes that fork a successor and end are followed in one look.
const HOPS: usize = 16;
/// How many handles are waited on at once: all have to end, so any of them tells.
const WAITED_ON: usize = 64;

/// Ends a process tree: the first signal to every member, time to obey, then force, until nothing of it is left.
///
/// Blocks until the tree is gone, or the policy's grace and force limit are over. Children of the caller stay
/// zombies until the caller waits for them; those are reported as
/// [`uncollected_by`](crate::ProcessReport::uncollected_by) the caller.
///
/// A target that is gone already is a success with nothing in it.
///
/// # Errors
///
/// [`Error::Refused`] if the target is PID 1, a kernel thread, the caller or one of its ancestors;
/// [`Error::Setup`] if the target can't be opened. Nothing was signalled then.
pub fn kill_tree(target: ProcessId, policy: &KillPolicy) -> Result<Report, Error> {
    let mut felling = Felling::begin(target, policy)?;
    loop {
        if let Some(report) = felling.advance(Duration::MAX)? {
            return Ok(report);
        }
    }
}

pub(crate) fn gone_or_failed(target: ProcessId, error: PinError) -> Result<Report, Error> {
    match error {
        PinError::Gone => {
            info!(%target, "process tree {target}: already gone");
            Ok(Report::already_gone(target))
        }
        PinError::Failed(source) => Err(Error::Setup { step: "opening the target", source }),
    }
}

/// [`kill_tree`] on any machine.
///
/// # Errors
///
/// As [`kill_tree`].
#[doc(hidden)]
pub fn kill_tree_on<M: Machine>(
    machine: &M,
    target: ProcessId,
    policy: &KillPolicy,
    protected: Protected,
) -> Result<Report, Error> {
    let escalation = match Escalation::begin(machine, target, policy.clone(), protected)? {
        Beginning::Begun(escalation) => escalation,
        Beginning::AlreadyGone(report) => return Ok(report),
    };
    Ok(escalation.complete(machine))
}

/// Whether [`kill_tree`] would be begun: the target's place in the plan, without a look at what is below it. `None` if the
/// target is gone.
///
/// # Errors
///
/// As [`kill_tree`].
pub fn plan_root(target: ProcessId, policy: &KillPolicy) -> Result<Option<KillPlan>, Error> {
    let machine = Host::new();
    let root = match Pinned::on(&machine, &target) {
        Ok(root) => root,
        Err(PinError::Gone) => return Ok(None),
        Err(PinError::Failed(source)) => return Err(Error::Setup { step: "opening the target", source }),
    };
    let plan = KillPlan::new([root.info().clone()], policy, &protected(&machine));
    plan.map(Some).map_err(|refusal| Error::Refused { target, refusal })
}

/// What [`kill_tree`] would do, from one look. Signals nothing. `None` if the target is gone.
///
/// # Errors
///
/// As [`kill_tree`].
pub fn plan_tree(target: ProcessId, policy: &KillPolicy) -> Result<Option<KillPlan>, Error> {
    let protected = protected(&Host::new());
    let tree = Tree::rooted(&target, &look_at(&target));
    if tree.root().is_none() {
        return Ok(None);
    }
    let members = tree.nodes.into_iter().map(|node| node.info);
    let plan = KillPlan::new(members, policy, &protected);
    plan.map(Some).map_err(|refusal| Error::Refused { target, refusal })
}

#[derive(Clone, Copy)]
enum Phase {
    /// The first signal was sent; members may obey until this moment.
    Grace { until: Duration },
    /// Force is used, until this moment.
    Force { until: Duration, round: u32, least: usize },
}

/// How an escalation begins.
pub enum Beginning<H> {
    /// The root is held and was signalled.
    Begun(Box<Escalation<H>>),
    /// The target was gone.
    AlreadyGone(Report),
}

/// A tree that is being ended: the state between two looks.
///
/// [`advance`](Escalation::advance) it until it gives its report. A caller who has other things to watch gives it a moment
/// at which to come back.
pub struct Escalation<H> {
    policy: KillPolicy,
    protected: Protected,
    target: ProcessId,
    members: Vec<Member<H>>,
    /// The last member that had each PID.
    index: HashMap<Pid, usize>,
    phase: Phase,
    began: Duration,
    pause: Duration,
    looks: u32,
    /// When the last look was over, and how long it took.
    looked: (Duration, Duration),
    /// The last look saw a child that was gone before it could be held: it may have forked a successor.
    is_restless: bool,
    gaps: Vec<Gap>,
    by_table: bool,
    aids: Aids,
    lineage: Lineage,
}

/// What helps to find and to end the members of a tree.
#[derive(Default)]
pub(crate) struct Aids {
    /// A kernel object that holds the whole tree.
    pub(crate) enclosure: Option<Box<dyn Enclosure + Send>>,
    /// Births and deaths since before the root was pinned, which tell orphans' descent.
    pub(crate) lives: Option<Box<dyn Lives + Send>>,
    /// The names of members that may stay.
    pub(crate) spared: Vec<String>,
    /// The whole tree has been asked to end, at once.
    pub(crate) is_asked: bool,
}

impl<H: Handle> Escalation<H> {
    /// Pins the root, looks, and sends the first signal to all members.
    ///
    /// # Errors
    ///
    /// As [`kill_tree`]. Nothing was signalled then.
    pub fn begin<M: Machine<Handle = H>>(
        machine: &M,
        target: ProcessId,
        policy: KillPolicy,
        protected: Protected,
    ) -> Result<Beginning<H>, Error> {
        let root = match Pinned::on(machine, &target) {
            Ok(root) => root,
            Err(error) => return gone_or_failed(target, error).map(Beginning::AlreadyGone),
        };
        Escalation::below(machine, root, policy, protected, Aids::default())
            .map(|escalation| Beginning::Begun(Box::new(escalation)))
    }

    /// The same for a root that is held already.
    pub(crate) fn below<M: Machine<Handle = H>>(
        machine: &M,
        root: Pinned<H>,
        policy: KillPolicy,
        protected: Protected,
        aids: Aids,
    ) -> Result<Escalation<H>, Error> {
        let target = root.id();
        let action =
            protected.root_action(root.info(), &policy).map_err(|refusal| Error::Refused { target, refusal })?;
        let began = machine.now();
        let mut escalation = Escalation {
            phase: Phase::Grace { until: began.saturating_add(policy.grace) },
            policy,
            protected,
            target,
            members: Vec::new(),
            index: HashMap::new(),
            began,
            pause: SHORT_PAUSE,
            looks: 0,
            looked: (began, Duration::ZERO),
            is_restless: false,
            gaps: Vec::new(),
            by_table: false,
            aids,
            lineage: Lineage::default(),
        };
        escalation.enrol(machine, root, action, None);
        if escalation.policy.grace.is_zero() {
            escalation.enter_force(machine);
        } else {
            // All are held before anybody is told: children of a parent that ends are nobody's that a look could find.
            escalation.discover(machine);
            escalation.request_end();
        }
        Ok(escalation)
    }

    /// Takes in another process as the root of a tree that is to be ended as well, unless it must not be.
    pub(crate) fn include<M: Machine<Handle = H>>(&mut self, machine: &M, pinned: Pinned<H>) {
        let is_known = self
            .index
            .get(&pinned.pid())
            .is_some_and(|&position| self.members[position].pinned.id().compare(&pinned.id()) != Sameness::Different);
        if !is_known {
            let action = self.protected.action(pinned.info(), &self.policy);
            self.enrol(machine, pinned, action, None);
        }
    }

    /// Goes to force at once, whatever is left of the grace.
    pub fn force<M: Machine<Handle = H>>(&mut self, machine: &M) {
        if let Phase::Grace { .. } = self.phase {
            self.enter_force(machine);
        }
    }

    /// Goes on until the tree is gone, or force has used up its limit.
    pub fn complete<M: Machine<Handle = H>>(mut self, machine: &M) -> Report {
        loop {
            if let Some(report) = self.advance(machine, Duration::MAX) {
                return report;
            }
        }
    }

    /// Goes on until the tree is gone, or force has used up its limit, which gives the report; or until
    /// this moment of the machine's clock, which gives `None`.
    pub fn advance<M: Machine<Handle = H>>(&mut self, machine: &M, until: Duration) -> Option<Report> {
        loop {
            self.rest(machine, until);
            let newcomers = self.discover(machine);
            if let Phase::Grace { .. } = self.phase {
                self.request_end();
            }
            self.collect(machine);
            if self.is_quiet(newcomers) && self.is_settled() {
                // One more look: who was forked by a member that ended during the last one is found now.
                let newcomers = self.discover(machine);
                if self.is_quiet(newcomers) {
                    return Some(self.finish(machine));
                }
            }
            self.pause = if !self.is_quiet(newcomers) { SHORT_PAUSE } else { (self.pause * 2).min(LONG_PAUSE) };
            let now = machine.now();
            let deadline = match self.phase {
                Phase::Grace { until } if now >= until || self.is_deaf() => {
                    self.enter_force(machine);
                    continue;
                }
                Phase::Grace { until } => until,
                Phase::Force { until, .. } if now >= until => return Some(self.finish(machine)),
                Phase::Force { until, .. } => {
                    self.use_force(machine);
                    until
                }
            };
            if now >= until {
                return None;
            }
            let pause = self.pause.min(deadline.saturating_sub(now)).min(until.saturating_sub(now));
            let waited_on: Vec<&H> =
                self.members.iter().filter(|m| m.is_due()).map(|m| m.pinned.handle()).take(WAITED_ON).collect();
            machine.wait(&waited_on, pause.max(SHORT_PAUSE));
        }
    }

    /// After a look that took its time, lets the tree have as much, in grace: whoever ends meanwhile need not be looked
    /// at again, and a large tree that ends is not held up by the looking.
    fn rest<M: Machine<Handle = H>>(&mut self, machine: &M, until: Duration) {
        let (over, took) = self.looked;
        let Phase::Grace { until: grace } = self.phase else { return };
        // Without news of births, only a look at once may find what a member forks that then ends.
        if took < SHORT_PAUSE || self.aids.lives.is_none() {
            return;
        }
        let until = over.saturating_add(took.saturating_mul(2).min(LONGEST_REST)).min(until).min(grace);
        for member in self.members.iter_mut().filter(|member| member.is_due()) {
            let mut now = machine.now();
            while !member.pinned.has_ended() {
                if now >= until {
                    return;
                }
                machine.wait(&[member.pinned.handle()], until - now);
                now = machine.now();
            }
            member.ended = Some(now.saturating_sub(self.began));
        }
    }

    /// Whether the last look found nothing that moves.
    fn is_quiet(&self, newcomers: usize) -> bool {
        newcomers == 0 && !self.is_restless
    }

    fn enrol<M: Machine<Handle = H>>(
        &mut self,
        machine: &M,
        pinned: Pinned<H>,
        action: Action,
        parent: Option<usize>,
    ) -> usize {
        let helps = parent.and_then(|parent| match &self.members[parent] {
            Member { is_told: true, .. } => Some(parent),
            helper => helper.helps,
        });
        let position = self.members.len();
        self.follow_lives();
        let ended = pinned.has_ended().then(|| machine.now().saturating_sub(self.began));
        debug!(pid = pinned.pid().get(), name = pinned.info().name, ?action, "member");
        if ended.is_none() {
            // Alive after all earlier events were taken in: from the next one on, its PID is told right.
            self.lineage.seed(pinned.pid());
        }
        self.index.insert(pinned.pid(), position);
        let member = Member {
            pinned,
            action,
            is_told: false,
            helps,
            signalled: false,
            forced: None,
            denied: false,
            is_deaf: false,
            ended,
        };
        self.members.push(member);
        position
    }

    /// The first signal to whoever has not had it, root first; and CONT, so that a stopped process can obey.
    fn request_end(&mut self) {
        let signal = self.policy.signal;
        for position in 0..self.members.len() {
            let helps = self.members[position].helps;
            let is_needed = helps.is_some_and(|parent| !self.members[parent].pinned.has_ended());
            let member = &mut self.members[position];
            if is_needed || member.is_told || !member.is_due() {
                continue;
            }
            member.is_told = true;
            if self.aids.is_asked {
                member.signalled = true;
            }
            match signal {
                Signal::KILL => member.kill(),
                Signal::STOP | Signal::CONT => {
                    member.send(signal);
                }
                _ => {
                    // CONT alone may go where the first signal may not: to any process of the session.
                    if member.send(signal) {
                        member.pinned.signal(Signal::CONT).ok();
                    }
                }
            }
        }
    }

    /// Looks for children of living members, and for their children. Gives the number of newcomers.
    fn discover<M: Machine<Handle = H>>(&mut self, machine: &M) -> usize {
        let begins = machine.now();
        self.looks += 1;
        self.is_restless = false;
        let known = self.members.len();
        if !self.by_table {
            self.discover_by_children(machine);
        }
        if self.by_table {
            self.discover_by_table(machine);
        }
        if self.aids.lives.is_some() {
            self.discover_by_lives(machine);
        }
        let over = machine.now();
        self.looked = (over, over.saturating_sub(begins));
        self.members.len() - known
    }

    /// Takes in what has happened since the last time.
    fn follow_lives(&mut self) {
        let Some(lives) = &mut self.aids.lives else { return };
        loop {
            match lives.next() {
                Ok(Some(event)) => self.lineage.follow(event),
                Ok(None) => return,
                Err(Lost) => {
                    self.lineage.clear();
                    for member in self.members.iter().filter(|member| !member.pinned.has_ended()) {
                        self.lineage.seed(member.pinned.pid());
                    }
                    let what = String::from("too many births and deaths at once: some were not seen");
                    if !self.gaps.iter().any(|gap| gap.what == what) {
                        self.gaps.push(Gap { pid: None, what });
                    }
                }
            }
        }
    }

    /// Finds orphans: who descends from a member by what the kernel has told, and hangs under nobody of the tree.
    ///
    /// One that is gone already may have forked a successor, so this goes on until all that were told of are held or
    /// known to have ended. Who hops on faster than that leaves the look restless.
    fn discover_by_lives<M: Machine<Handle = H>>(&mut self, machine: &M) {
        self.follow_lives();
        for _ in 0..HOPS {
            if !self.lineage.has_grown() {
                return;
            }
            let strangers: Vec<(Pid, Entry)> =
                self.lineage.members().filter(|(pid, _)| !self.has_living_member(*pid)).collect();
            if strangers.is_empty() {
                self.lineage.is_seen();
                return;
            }
            for (pid, entry) in strangers {
                let pinned = Pinned::on(machine, &ProcessId::unborn(pid));
                let has_ended = pinned.as_ref().is_ok_and(Pinned::has_ended);
                self.follow_lives();
                match pinned {
                    Err(PinError::Gone) => self.lineage.dismiss(pid, entry),
                    Ok(_) if has_ended => self.lineage.dismiss(pid, entry),
                    // Told of, held, and still told of: its end was not seen before it was held, so that it is the one.
                    Ok(pinned) if self.lineage.contains(pid) => {
                        let action = self.protected.action(pinned.info(), &self.policy);
                        self.enrol(machine, pinned, action, None);
                    }
                    Ok(_) => {}
                    Err(PinError::Failed(error)) => self.note(pid, format!("can't be held: {error}")),
                }
            }
        }
        self.is_restless = true;
    }

    fn has_living_member(&self, pid: Pid) -> bool {
        self.index.get(&pid).map(|&position| &self.members[position]).is_some_and(Member::is_alive)
    }

    fn discover_by_children<M: Machine<Handle = H>>(&mut self, machine: &M) {
        let known = self.members.len();
        let mut position = 0;
        while position < self.members.len() {
            let listed_at = machine.ticks();
            let member = &self.members[position];
            let parent = member.pinned.pid();
            if member.ended.is_none() && !member.pinned.has_ended() {
                // The row of one that was found in this look is fresh, and another look will follow.
                let children = match position < known {
                    true => machine.children(parent),
                    false => machine.children_of(member.pinned.info()),
                };
                match children {
                    Ok(children) => {
                        for child in children {
                            self.adopt(machine, position, child, listed_at);
                        }
                    }
                    Err(ReadError::Unsupported) => {
                        self.by_table = true;
                        return;
                    }
                    Err(_) if self.members[position].pinned.has_ended() => {}
                    Err(ReadError::Gone) => self.note(parent, String::from("children: hidden")),
                    Err(ReadError::Failed(error)) => self.note(parent, format!("children: {error}")),
                }
            }
            position += 1;
        }
    }

    fn discover_by_table<M: Machine<Handle = H>>(&mut self, machine: &M) {
        let listed_at = machine.ticks();
        // One that has ended has no children, unless they keep it as their parent.
        let keeps = machine.keeps_parents();
        let parents: Vec<bool> =
            self.members.iter().map(|m| keeps || (m.ended.is_none() && !m.pinned.has_ended())).collect();
        let mut snapshot = machine.table();
        for (member, _) in self.members.iter().zip(&parents).filter(|(_, is_parent)| **is_parent) {
            // Hidden from the caller, or ended and kept, it still is a parent.
            if snapshot.row(member.pinned.pid()).is_none() {
                snapshot.rows.push(member.pinned.info().clone());
            }
        }
        for gap in &snapshot.gaps {
            if !self.gaps.contains(gap) {
                self.gaps.push(gap.clone());
            }
        }
        for (position, is_parent) in parents.into_iter().enumerate() {
            if is_parent {
                let tree = Tree::rooted(&self.members[position].pinned.id(), &snapshot);
                let mut positions = HashMap::from([(self.members[position].pinned.pid(), position)]);
                for node in tree.descendants() {
                    let Some(&parent) = node.info.parent.and_then(|parent| positions.get(&parent)) else {
                        self.note(node.info.pid(), String::from("its parent ended before it could be held"));
                        continue;
                    };
                    if let Some(own) = self.adopt(machine, parent, node.info.pid(), listed_at) {
                        positions.insert(node.info.pid(), own);
                    }
                }
            }
        }
    }

    /// Takes a listed child in, unless it is a member already. Gives the position of the living member.
    fn adopt<M: Machine<Handle = H>>(&mut self, machine: &M, parent: usize, pid: Pid, listed_at: u64) -> Option<usize> {
        let known = self.index.get(&pid).copied();
        // Where processes keep their parents, a member that is held keeps its PID, too.
        let is_member = |&position: &usize| {
            let member = &self.members[position];
            machine.keeps_parents() || (member.ended.is_none() && !member.pinned.has_ended())
        };
        if let Some(position) = known.filter(is_member) {
            return Some(position);
        }
        let pinned = match self.members[parent].pinned.adopt(machine, pid, listed_at) {
            Adoption::Child(pinned) => pinned,
            Adoption::Stranger => return None,
            Adoption::Gone => {
                self.is_restless = true;
                return None;
            }
            Adoption::Unverified(why) => {
                self.is_restless = true;
                self.note(pid, why);
                return None;
            }
        };
        if let Some(position) = known {
            let former = self.members[position].pinned.id();
            // A member that has ended and was not collected is still listed.
            if pinned.has_ended() && former.compare(&pinned.id()) != Sameness::Different {
                return None;
            }
        }
        let action = match self.protected.action(pinned.info(), &self.policy) {
            Action::End if self.aids.spared.contains(&pinned.info().name) => Action::Spare,
            action => action,
        };
        Some(self.enrol(machine, pinned, action, Some(parent)))
    }

    pub(crate) fn note(&mut self, pid: Pid, what: String) {
        let gap = Gap { pid: Some(pid), what };
        if !self.gaps.contains(&gap) {
            debug!(pid = pid.get(), what = gap.what, "gap");
            self.gaps.push(gap);
        }
    }

    /// Notes who has ended.
    fn collect<M: Machine<Handle = H>>(&mut self, machine: &M) {
        let after = machine.now().saturating_sub(self.began);
        for member in self.members.iter_mut().filter(|member| member.ended.is_none()) {
            if member.pinned.has_ended() {
                member.ended = Some(after);
            }
        }
    }

    fn enter_force<M: Machine<Handle = H>>(&mut self, machine: &M) {
        let until = machine.now().saturating_add(self.policy.force_limit);
        self.phase = Phase::Force { until, round: 0, least: usize::MAX };
        self.pause = SHORT_PAUSE;
    }

    /// Nothing is left to do: all have ended, or, once force was tried, those who have not can't be signalled.
    fn is_settled(&self) -> bool {
        let was_tried = matches!(self.phase, Phase::Force { round: 1.., .. });
        self.members.iter().filter(|member| member.is_due()).all(|member| was_tried && member.denied)
    }

    /// Nobody who is left can be asked to end, and so there is nothing to wait for.
    fn is_deaf(&self) -> bool {
        let mut due = self.members.iter().filter(|member| member.is_due()).peekable();
        !self.aids.is_asked && due.peek().is_some() && due.all(|member| member.is_deaf)
    }

    /// The report: one entry a member, from what was observed.
    fn finish<M: Machine<Handle = H>>(&mut self, machine: &M) -> Report {
        self.collect(machine);
        let elapsed = machine.now().saturating_sub(self.began);
        let tree: Vec<Pid> = self.index.keys().copied().collect();
        let processes = self.members.drain(..).map(|member| judge(machine, member, &tree)).collect();
        let report =
            Report { target: self.target, processes, gaps: std::mem::take(&mut self.gaps), looks: self.looks, elapsed };
        info!("process tree {}: {report}", report.target);
        for survivor in report.survivors() {
            warn!(
                "process tree {}: {} {}: {}",
                report.target,
                survivor.info.pid(),
                survivor.info.name,
                survivor.outcome
            );
        }
        report
    }
}
