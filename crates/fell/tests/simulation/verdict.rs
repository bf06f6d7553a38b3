//! Judges a report against the truth.

use crate::scenario::{Deed, Scenario};
use fell::plan::Refusal;
use fell::sys::fake::{Holds, Instance, Process, World};
use fell::{Error, Extent, Outcome, ProcessReport, Report, Signal};
use std::collections::HashSet;
use std::time::Duration;

/// How late a report may come: the last round of force is not broken off.
const SLACK: Duration = Duration::from_millis(100);

/// What is wrong, and what was met on the way.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) faults: Vec<String>,
    /// Members who left the tree before they were ever shown, and are alive.
    pub(crate) escaped: usize,
    pub(crate) felled: usize,
    pub(crate) forced: usize,
    pub(crate) survivors: usize,
    pub(crate) calls: u64,
}

struct Court<'a> {
    world: &'a World,
    scenario: &'a Scenario,
    members: HashSet<Instance>,
    faults: Vec<String>,
}

/// Judges what was done.
pub(crate) fn judge(scenario: &Scenario, deed: &Deed) -> Verdict {
    let world = scenario.fake.world();
    let members = world.everyone().map(|(who, _)| who).filter(|who| world.descends(*who, scenario.root)).collect();
    let mut court = Court { world: &world, scenario, members, faults: Vec::new() };
    court.nobody_else_was_signalled();
    court.grace_was_kept(deed);
    court.it_ended_in_time(deed);
    let mut verdict = Verdict { calls: world.calls, ..Verdict::default() };
    match &deed.result {
        Ok(report) => {
            court.each_is_reported_once(report);
            for process in &report.processes {
                court.outcome_is_true(process);
            }
            verdict.escaped = court.nobody_is_left_unnoticed(report);
            verdict.felled = report.count(Outcome::is_felled);
            verdict.forced = report.count(|outcome| outcome == Outcome::Killed);
            verdict.survivors = report.survivors().count();
        }
        Err(error) => court.refusal_is_right(error),
    }
    verdict.faults = court.faults;
    verdict
}

impl Court<'_> {
    fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    fn name(&self, who: Instance) -> String {
        format!("{who:?} {:?}", self.world.get(who))
    }

    fn is_ambiguous(&self) -> bool {
        self.world.holds() == Holds::Checked
    }

    /// The request itself fits this stranger, who has the target's PID and no known difference.
    fn is_namesake(&self, who: Instance) -> bool {
        self.world.get(who).id().compare(&self.scenario.target) != fell::Sameness::Different
    }

    /// Somebody else had its PID in the same tick.
    fn has_namesake(&self, who: Instance) -> bool {
        let process = self.world.get(who);
        let same = |other: &Process| other.pid == process.pid && other.start == process.start;
        self.world.everyone().filter(|(_, other)| same(other)).count() > 1
    }

    fn nobody_else_was_signalled(&mut self) {
        if self.is_ambiguous() {
            return;
        }
        let world = self.world;
        let policy = &self.scenario.policy;
        for (who, process) in world.everyone().filter(|(_, process)| !process.deliveries.is_empty()) {
            let protected = who == world.own()
                || who == world.init()
                || process.nature.kernel_thread
                || who == world.shell() && !policy.ancestors
                || who == self.scenario.root && policy.extent == Extent::Descendants;
            let mut ancestors = std::iter::successors(Some(who), |at| world.get(*at).born_of);
            if protected {
                self.fault(format!("signalled, though protected: {}", self.name(who)));
            } else if !self.members.contains(&who) && !ancestors.any(|at| self.is_namesake(at)) {
                self.fault(format!("signalled, though no member: {}", self.name(who)));
            }
        }
    }

    fn grace_was_kept(&mut self, deed: &Deed) {
        let over = deed.began + self.scenario.policy.grace;
        for (who, process) in self.world.everyone() {
            for delivery in &process.deliveries {
                if matches!(delivery.signal, Signal::KILL | Signal::STOP) && delivery.at < over {
                    self.fault(format!("{} within the grace: {}", delivery.signal, self.name(who)));
                }
            }
        }
    }

    fn it_ended_in_time(&mut self, deed: &Deed) {
        let policy = &self.scenario.policy;
        let took = deed.ended - deed.began;
        if took > policy.grace + policy.force_limit + SLACK {
            self.fault(format!(
                "took {took:?}, with {:?} of grace and {:?} of force",
                policy.grace, policy.force_limit
            ));
        }
    }

    fn refusal_is_right(&mut self, error: &Error) {
        let (world, root) = (self.world, self.scenario.root);
        let right = match error {
            Error::Refused { refusal: Refusal::Ancestor, .. } => {
                root == world.shell() && !self.scenario.policy.ancestors
            }
            Error::Refused { refusal: Refusal::KernelThread, .. } => {
                world.everyone().any(|(who, process)| process.nature.kernel_thread && self.is_namesake(who))
            }
            Error::Setup { .. } => world.failed > 0,
            _ => false,
        };
        if !right {
            self.fault(format!("refused for no reason: {error}"));
        }
        let signalled: Vec<Instance> =
            world.everyone().filter(|(_, process)| !process.deliveries.is_empty()).map(|(who, _)| who).collect();
        for who in signalled {
            self.fault(format!("signalled, though refused: {}", self.name(who)));
        }
    }

    /// Whom an entry may be about: more than one, if nothing tells two owners of a PID apart.
    fn candidates(&self, entry: &ProcessReport) -> Vec<Instance> {
        let id = entry.info.id;
        let fits = |(who, process): (Instance, &Process)| {
            (process.id().compare(&id) != fell::Sameness::Different).then_some(who)
        };
        let all: Vec<Instance> = self.world.everyone().filter_map(fits).collect();
        let members: Vec<Instance> = all.iter().copied().filter(|who| self.members.contains(who)).collect();
        if members.is_empty() || self.is_ambiguous() { all } else { members }
    }

    fn each_is_reported_once(&mut self, report: &Report) {
        let mut reported: HashSet<Instance> = HashSet::new();
        for entry in &report.processes {
            let candidates = self.candidates(entry);
            let same = report.processes.iter().filter(|other| other.info.id == entry.info.id).count();
            if same > candidates.len() {
                self.fault(format!("reported {same} times: {:?}, who is one of {candidates:?}", entry.info.id));
            }
            reported.extend(candidates);
        }
        let signalled = self.world.everyone().filter(|(_, process)| !process.deliveries.is_empty());
        let missing: Vec<Instance> = signalled.map(|(who, _)| who).filter(|who| !reported.contains(who)).collect();
        for who in missing {
            if !self.is_ambiguous() {
                self.fault(format!("signalled and not reported: {}", self.name(who)));
            }
        }
    }

    fn outcome_is_true(&mut self, entry: &ProcessReport) {
        let world = self.world;
        let candidates = self.candidates(entry);
        // Nobody could tell those apart.
        if self.is_ambiguous() && candidates.len() > 1 {
            return;
        }
        let any = |test: &dyn Fn(&Process) -> bool| candidates.iter().any(|who| test(world.get(*who)));
        let dead = |process: &Process| !process.is_alive();
        // Who ended after the last wait may have been looked at before.
        let alive = |process: &Process| process.ended_in.is_none_or(|call| call > world.last_wait);
        let faultless = world.failed == 0;
        let checked = self.is_ambiguous();
        let right = match entry.outcome {
            Outcome::Exited => any(&|p| dead(p) && (checked || !p.got(Signal::KILL) && !p.deliveries.is_empty())),
            Outcome::Killed => any(&|p| dead(p) && (checked || p.got(Signal::KILL))),
            Outcome::AlreadyGone | Outcome::Zombie { .. } => any(&|p| dead(p) && (checked || p.deliveries.is_empty())),
            Outcome::PermissionDenied => any(&|p| alive(p) && p.nature.denied),
            Outcome::Unkillable { .. } => any(&|p| alive(p) && (!faultless || checked || p.got(Signal::KILL))),
            Outcome::Refused(_) | Outcome::Spared => any(&alive),
        };
        if !right {
            let truth: Vec<String> = candidates.iter().map(|who| self.name(*who)).collect();
            self.fault(format!("untrue: {:?} {:?}; the truth: {truth:#?}", entry.info.id, entry.outcome));
        }
    }

    /// Gives how many members got away unseen.
    fn nobody_is_left_unnoticed(&mut self, report: &Report) -> usize {
        let world = self.world;
        let reported: HashSet<Instance> = report.processes.iter().flat_map(|entry| self.candidates(entry)).collect();
        let mut left: Vec<Instance> = self.members.iter().copied().filter(|who| world.get(*who).is_alive()).collect();
        left.sort_unstable();
        let mut escaped = 0;
        left.retain(|who| !self.is_ambiguous() || !self.has_namesake(*who));
        for who in left {
            let process = world.get(who);
            if process.got(Signal::STOP) && !process.got(Signal::KILL) && world.failed == 0 && !self.is_ambiguous() {
                self.fault(format!("left stopped: {}", self.name(who)));
            }
            if self.is_excused(who, report, &reported) || self.is_out_of_sight(who, &reported) {
                escaped += 1;
                continue;
            }
            let odd = process.nature.denied || process.nature.uninterruptible || process.nature.hidden;
            let kept = who == world.own()
                || who == world.shell()
                || who == self.scenario.root && self.scenario.policy.extent == Extent::Descendants;
            let is_reported = reported.contains(&who);
            if !is_reported && report.gaps.is_empty() {
                self.fault(format!("left, and neither reported nor a gap: {}", self.name(who)));
            } else if world.failed == 0 && !odd && !kept {
                self.fault(format!("left, though nothing stood in the way: {}", self.name(who)));
            }
        }
        escaped
    }

    /// Where only the table tells, nobody can know of a process that it hides, nor whose child is whose below it.
    fn is_out_of_sight(&self, who: Instance, reported: &HashSet<Instance>) -> bool {
        let mut line = std::iter::successors(Some(who), |at| self.world.get(*at).born_of);
        !self.world.tables.is_empty() && line.any(|at| self.world.get(at).nature.hidden && !reported.contains(&at))
    }

    /// Whether it left the tree, or hangs below one who did, before a row showed it in the tree; or before that
    /// row was verified, and the report says so.
    ///
    /// No excuse is that the engine itself ended a parent whose children it had never listed.
    fn is_excused(&self, who: Instance, report: &Report, reported: &HashSet<Instance>) -> bool {
        let process = self.world.get(who);
        match process.adoptions.iter().find(|adoption| !self.members.contains(&adoption.to)) {
            Some(flight) => {
                let parent = self.world.get(flight.from);
                let blindly = parent.deliveries.first().is_some_and(|first| {
                    first.alive
                        && process.born_in < first.call
                        && parent.listed_in.is_none_or(|(listed, _)| listed > first.call)
                });
                let admitted = report.gaps.iter().any(|gap| gap.pid == Some(process.pid));
                (admitted || !self.was_shown(who, flight.call, reported)) && !blindly
            }
            // Who lives on, since it was spared or can't be ended, may fork after the last look.
            None if process.parent.is_some_and(|parent| self.was_born_late(who, parent)) => true,
            None => {
                who != self.scenario.root
                    && process.parent.is_some_and(|parent| {
                        self.members.contains(&parent) && self.is_excused(parent, report, reported)
                    })
            }
        }
    }

    fn was_born_late(&self, who: Instance, parent: Instance) -> bool {
        let forker = self.world.get(parent);
        let lives_on = forker.nature.denied
            || forker.nature.uninterruptible
            || parent == self.scenario.root && self.scenario.policy.extent == Extent::Descendants;
        lives_on && forker.listed_in.is_none_or(|(_, last)| last <= self.world.get(who).born_in)
    }

    /// Whether the caller could see it in the tree by this call: in its own row, or in a table whose rows lead
    /// up from it to somebody whom the caller held by then.
    fn was_shown(&self, who: Instance, by: u64, reported: &HashSet<Instance>) -> bool {
        let known = |at: &Instance| self.members.contains(at) && reported.contains(at);
        let by_row = self.world.get(who).shown_under.iter().any(|(parent, at)| *at <= by && known(parent));
        by_row
            || self.world.tables.iter().filter(|(call, _)| *call <= by).any(|(call, rows)| {
                let parent = |who: Instance| rows.iter().find(|(child, _)| *child == who).map(|(_, parent)| *parent);
                let mut line = std::iter::successors(parent(who), |at| parent(*at));
                let held = |at: Instance| {
                    let process = self.world.get(at);
                    process.read_in.is_some_and(|read| read < *call) && process.ended_in.is_none_or(|end| end > *call)
                };
                line.by_ref().take_while(known).any(|at| held(at) && parent(at).is_some())
            })
    }
}
