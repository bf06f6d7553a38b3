//! The made-up world: who lives, who descends from whom, and what happens next.

use super::nature::{Collects, Nature, OnTerm};
use super::process::{Adoption, Delivery, Instance, Life, Process};
use super::random::Random;
use super::rules::{Holds, Rules};
use crate::id::{ProcessId, Sameness};
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::signal::Signal;
use std::collections::BTreeMap;
use std::time::Duration;

/// A clock tick, as in [`Birth::start`](crate::id::Birth::start).
const TICK: Duration = Duration::from_millis(10);
/// `init`, the caller's parent and the caller never end, and newcomers get none of their numbers.
const RESERVED: u32 = 3;
/// Boot was some time ago.
const EPOCH: Duration = Duration::from_secs(100);

/// Something that will happen to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Exit,
    Fork,
    Daemonise,
    Stop,
    Die,
}

/// All processes, past and present.
#[derive(Debug)]
pub struct World {
    /// The clock since boot.
    pub clock: Duration,
    /// How many calls the machine has answered.
    pub calls: u64,
    /// The number of the last wait.
    pub last_wait: u64,
    /// How many calls were made to fail.
    pub failed: u32,
    /// The tables given to the caller: in which call, and who was shown under whom.
    pub tables: Vec<(u64, Vec<(Instance, Instance)>)>,
    pub(super) rules: Rules,
    pub(super) random: Random,
    pub(super) trace: Option<Vec<String>>,
    processes: Vec<Process>,
    owners: BTreeMap<u32, Instance>,
    last_given: u32,
    agenda: Vec<(Duration, Instance, Deed)>,
    moves: u32,
    forks: u32,
}

impl World {
    /// A world that holds `init` (1), the caller's parent (2) and the caller (3).
    pub(super) fn new(rules: Rules) -> World {
        let mut world = World {
            clock: EPOCH,
            calls: 0,
            last_wait: 0,
            failed: 0,
            tables: Vec::new(),
            rules,
            random: Random::new(rules.seed),
            trace: None,
            processes: Vec::new(),
            owners: BTreeMap::new(),
            last_given: 0,
            agenda: Vec::new(),
            moves: rules.moves,
            forks: rules.forks,
        };
        let collects = if rules.lazy_init { Collects::Lazily } else { Collects::Promptly };
        let init = world.born(None, Nature { collects, subreaper: true, on_term: OnTerm::Ignore, ..Nature::PLAIN });
        let shell = world.born(init, Nature::on_term(OnTerm::Ignore));
        world.born(shell, Nature::on_term(OnTerm::Ignore));
        world
    }

    /// How the machine holds processes.
    pub fn holds(&self) -> Holds {
        self.rules.holds
    }

    /// From now on the world moves by itself, this often at most and until this time, and this many calls fail.
    pub fn awaken(&mut self, moves: u32, failures: u32, calm_at: Duration) {
        self.moves = moves;
        self.rules.failures = failures;
        self.rules.calm_at = calm_at;
    }

    /// PID 1.
    pub fn init(&self) -> Instance {
        Instance(0)
    }

    /// The caller's parent.
    pub fn shell(&self) -> Instance {
        Instance(1)
    }

    /// The caller.
    pub fn own(&self) -> Instance {
        Instance(2)
    }

    /// A process, dead or alive.
    pub fn get(&self, instance: Instance) -> &Process {
        &self.processes[instance.0]
    }

    /// A process, dead or alive, to be changed.
    pub fn change(&mut self, instance: Instance) -> &mut Process {
        &mut self.processes[instance.0]
    }

    /// Every process that ever was.
    pub fn everyone(&self) -> impl Iterator<Item = (Instance, &Process)> {
        self.processes.iter().enumerate().map(|(index, process)| (Instance(index), process))
    }

    /// Who has this PID now.
    pub fn owner(&self, pid: Pid) -> Option<Instance> {
        self.owners.get(&pid.get()).copied()
    }

    /// Everyone whom this identity fits; more than one if it is a PID and a tick that two share.
    pub fn known_as(&self, id: &ProcessId) -> Vec<Instance> {
        self.everyone().filter(|(_, process)| process.id().compare(id) == Sameness::Same).map(|(who, _)| who).collect()
    }

    /// Whether `descendant` is `ancestor`, or was forked by it, or by one whom it forked, and so on.
    pub fn descends(&self, descendant: Instance, ancestor: Instance) -> bool {
        let mut at = Some(descendant);
        while let Some(who) = at {
            if who == ancestor {
                return true;
            }
            at = self.get(who).born_of;
        }
        false
    }

    /// The clock in ticks.
    pub fn ticks(&self) -> u64 {
        u64::try_from(self.clock.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX)
    }

    /// The row of a process is shown to the caller.
    pub(super) fn show(&mut self, instance: Instance) {
        let calls = self.calls;
        let process = self.change(instance);
        process.read_in.get_or_insert(calls);
        if let Some(parent) = process.parent.filter(|_| !process.nature.hidden) {
            process.shown_under.push((parent, calls));
        }
    }

    /// The children of a process are shown to the caller.
    pub(super) fn list(&mut self, parent: Instance) {
        let calls = self.calls;
        self.change(parent).listed_in.get_or_insert((calls, calls)).1 = calls;
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let line = line();
            trace.push(format!("{:>5} {:>8}us  {line}", self.calls, (self.clock - EPOCH).as_micros()));
        }
    }

    fn name(&self, instance: Instance) -> String {
        format!("#{} pid {}", instance.0, self.get(instance).pid)
    }

    /// Forks a child off `parent`, alive or not, with this nature. `None` if no PID is free.
    pub fn spawn(&mut self, parent: Instance, nature: Nature) -> Option<Instance> {
        self.born(Some(parent), nature)
    }

    fn born(&mut self, parent: Option<Instance>, nature: Nature) -> Option<Instance> {
        let pid = self.free_pid()?;
        let instance = Instance(self.processes.len());
        self.processes.push(Process {
            pid,
            start: self.ticks(),
            inode: 1000 + u64::try_from(instance.0).unwrap_or(0),
            born_of: parent,
            parent,
            nature,
            life: Life::Alive,
            stopped: false,
            killed: false,
            asked: false,
            born_in: self.calls,
            ended_in: None,
            listed_in: None,
            read_in: None,
            shown_under: Vec::new(),
            adoptions: Vec::new(),
            deliveries: Vec::new(),
        });
        self.owners.insert(pid.get(), instance);
        self.note(|| format!("born #{} pid {pid} of {parent:?}: {nature:?}", instance.0));
        Some(instance)
    }

    /// Numbers are given out in turn, so a freed one comes back when all others had theirs.
    fn free_pid(&mut self) -> Option<Pid> {
        for _ in 0..self.rules.last_pid {
            self.last_given += 1;
            if self.last_given > self.rules.last_pid {
                self.last_given = RESERVED + 1;
            }
            if !self.owners.contains_key(&self.last_given) {
                return Pid::new(self.last_given);
            }
        }
        None
    }

    /// A process forks by itself, as long as the world has forks left.
    fn fork(&mut self, parent: Instance) -> Option<Instance> {
        self.forks = self.forks.checked_sub(1)?;
        let nature = match self.rules.odds {
            Some(odds) => Nature::draw(&mut self.random, &odds),
            None => {
                let own = self.get(parent).nature;
                Nature { on_term: own.brood, respawns: false, ..own }
            }
        };
        self.spawn(parent, nature)
    }

    /// The process ends; its children get another parent, and its own may collect it.
    pub fn end(&mut self, instance: Instance) {
        if !self.get(instance).is_alive() {
            return;
        }
        let calls = self.calls;
        let process = self.change(instance);
        process.life = Life::Zombie;
        process.ended_in = Some(calls);
        self.note(|| format!("ends: #{}", instance.0));
        self.agenda.retain(|(_, who, _)| *who != instance);
        let reaper = self.reaper(instance);
        let orphans: Vec<Instance> = self.children(instance).collect();
        for orphan in orphans {
            let child = self.change(orphan);
            child.parent = Some(reaper);
            child.adoptions.push(Adoption { from: instance, to: reaper, call: calls });
        }
        if let Some(parent) = self.get(instance).parent {
            let nature = self.get(parent).nature;
            if nature.respawns && self.get(parent).is_alive() {
                self.soon(parent, Deed::Fork, 2_000);
            }
        }
        self.collect_promptly();
    }

    fn reaper(&self, of: Instance) -> Instance {
        // A test may have made a cycle of parents.
        let line = std::iter::successors(self.get(of).parent, |at| self.get(*at).parent).take(self.processes.len());
        let reaps = |who: &Instance| self.get(*who).nature.subreaper && self.get(*who).is_alive();
        line.into_iter().find(reaps).unwrap_or(self.init())
    }

    /// The children of a process, collected ones excepted, in the order of their birth.
    pub fn children(&self, parent: Instance) -> impl Iterator<Item = Instance> {
        let mut children: Vec<Instance> =
            self.owners.values().copied().filter(|who| self.get(*who).parent == Some(parent)).collect();
        children.sort_unstable();
        children.into_iter()
    }

    /// An ended process is collected: its PID is free.
    pub fn collect(&mut self, instance: Instance) {
        let process = self.change(instance);
        if process.life == Life::Zombie {
            process.life = Life::Collected;
            let pid = process.pid;
            self.owners.remove(&pid.get());
            self.note(|| format!("collected: #{} pid {pid}", instance.0));
        }
    }

    fn zombies(&self, of: impl Fn(&Process) -> bool) -> Vec<Instance> {
        let zombie = |who: &Instance| self.get(*who).life == Life::Zombie;
        let waited_for = |who: &Instance| self.get(*who).parent.is_none_or(|parent| of(self.get(parent)));
        self.owners.values().copied().filter(zombie).filter(waited_for).collect()
    }

    fn collect_promptly(&mut self) {
        for zombie in self.zombies(|parent| parent.is_active() && parent.nature.collects == Collects::Promptly) {
            self.collect(zombie);
        }
    }

    fn soon(&mut self, instance: Instance, deed: Deed, within: u64) {
        let delay = Duration::from_micros(self.random.below(within));
        self.agenda.push((self.clock + delay, instance, deed));
    }

    /// The machine delivers a signal that the caller sent.
    pub(super) fn deliver(&mut self, instance: Instance, signal: Signal) {
        let (at, call) = (self.clock, self.calls);
        let process = self.change(instance);
        process.deliveries.push(Delivery { signal, at, call, alive: process.life == Life::Alive });
        let name = self.name(instance);
        self.note(|| format!("delivered to {name}: {signal}"));
        self.suffer(instance, signal);
    }

    /// A signal reaches a process, whoever sent it.
    pub fn suffer(&mut self, instance: Instance, signal: Signal) {
        let process = self.change(instance);
        if !process.is_alive() || process.nature.kernel_thread || instance == Instance(0) {
            return;
        }
        match signal {
            Signal::KILL => {
                process.killed = true;
                self.agenda.retain(|(_, who, _)| *who != instance);
                self.soon(instance, Deed::Die, 1_500);
            }
            Signal::STOP => self.soon(instance, Deed::Stop, 400),
            Signal::CONT => {
                process.stopped = false;
                self.agenda.retain(|(_, who, deed)| *who != instance || *deed != Deed::Stop);
                self.obey(instance);
                self.collect_promptly();
            }
            _ => {
                process.asked = true;
                self.obey(instance);
            }
        }
    }

    fn obey(&mut self, instance: Instance) {
        let process = self.change(instance);
        if !process.is_active() || !std::mem::take(&mut process.asked) {
            return;
        }
        match process.nature.on_term {
            OnTerm::Ignore => {}
            OnTerm::Obey => self.soon(instance, Deed::Exit, 1_000),
            OnTerm::Later(delay) => self.agenda.push((self.clock + delay, instance, Deed::Exit)),
            OnTerm::Fork => self.soon(instance, Deed::Fork, 1_000),
            OnTerm::Daemonise => self.soon(instance, Deed::Daemonise, 1_000),
        }
    }

    /// The uninterruptible wait of a process is over.
    pub fn release(&mut self, instance: Instance) {
        let process = self.change(instance);
        process.nature.uninterruptible = false;
        if process.killed {
            self.end(instance);
        } else {
            self.obey(instance);
            self.collect_promptly();
        }
    }

    fn can_do(&self, instance: Instance, deed: Deed) -> bool {
        let process = self.get(instance);
        match deed {
            Deed::Stop | Deed::Die => process.is_alive() && !process.nature.uninterruptible,
            Deed::Exit | Deed::Fork | Deed::Daemonise => process.is_active(),
        }
    }

    /// When the next thing on the agenda happens.
    pub(super) fn next_event(&self) -> Option<Duration> {
        self.agenda.iter().filter(|(_, who, deed)| self.can_do(*who, *deed)).map(|(at, ..)| *at).min()
    }

    /// Time passes, and what was due happens.
    pub fn pass(&mut self, time: Duration) {
        let until = self.clock + time;
        loop {
            let due = self.agenda.iter().enumerate();
            let due = due.filter(|(_, (at, who, deed))| *at <= until && self.can_do(*who, *deed));
            let Some(index) = due.min_by_key(|(_, (at, ..))| *at).map(|(index, _)| index) else { break };
            let (at, who, deed) = self.agenda.remove(index);
            self.clock = self.clock.max(at);
            self.run(who, deed);
        }
        self.clock = until;
    }

    fn run(&mut self, who: Instance, deed: Deed) {
        match deed {
            Deed::Exit | Deed::Die => self.end(who),
            Deed::Stop => {
                self.change(who).stopped = true;
                self.note(|| format!("stopped: #{}", who.0));
            }
            Deed::Fork => {
                self.fork(who);
            }
            Deed::Daemonise => {
                self.fork(who);
                self.end(who);
            }
        }
    }

    /// Whether a call that fails this often fails now.
    pub(super) fn fails(&mut self, odds: u64) -> bool {
        let fails = odds > 0 && self.failed < self.rules.failures && self.random.chance(odds);
        if fails {
            self.failed += 1;
            self.note(|| String::from("the call fails"));
        }
        fails
    }

    /// Whether the world may still move by itself.
    pub(super) fn is_restless(&self) -> bool {
        self.moves > 0 && self.rules.unrest > 0 && self.clock < self.rules.calm_at
    }

    /// The world moves by itself, or does not.
    pub(super) fn stir(&mut self) {
        if !self.is_restless() || !self.random.chance(self.rules.unrest) {
            return;
        }
        self.moves -= 1;
        match self.random.below(16) {
            0..=4 => {
                if let Some(who) = self.any_lively() {
                    self.fork(who);
                }
            }
            5..=6 => {
                if let Some(who) = self.any_lively() {
                    self.end(who);
                }
            }
            7 => {
                if let Some(who) = self.any_lively() {
                    self.run(who, Deed::Daemonise);
                }
            }
            8..=9 => self.collect_lazily(),
            10..=11 => self.whirl(),
            12 => {
                self.newcomer();
            }
            13 => {
                let leap = Duration::from_micros(self.random.below(15_000));
                self.pass(leap);
            }
            _ => {
                if let Some(who) = self.any_lively() {
                    let signal = if self.random.chance(600) { Signal::CONT } else { Signal::STOP };
                    self.note(|| format!("a stranger sends {signal} to #{}", who.0));
                    self.suffer(who, signal);
                }
            }
        }
    }

    fn any_lively(&mut self) -> Option<Instance> {
        let lively: Vec<Instance> = self.owners.values().copied().filter(|who| self.is_lively(*who)).collect();
        self.random.pick(&lively)
    }

    fn is_lively(&self, who: Instance) -> bool {
        let process = self.get(who);
        process.nature.lively && process.is_active()
    }

    fn collect_lazily(&mut self) {
        for zombie in self.zombies(|parent| parent.is_active() && parent.nature.collects != Collects::Never) {
            self.collect(zombie);
        }
    }

    /// A process that nobody of interest forked.
    pub fn newcomer(&mut self) -> Option<Instance> {
        let mut nature = match self.rules.odds {
            Some(odds) => Nature::draw(&mut self.random, &odds),
            None => Nature::PLAIN,
        };
        nature.kernel_thread = self.random.chance(30);
        self.spawn(self.init(), nature)
    }

    /// Many short-lived strangers come and go, so that the next free PID lies anywhere; the last one,
    /// who stays and may have a child, often takes a number that was free before.
    fn whirl(&mut self) {
        self.collect_lazily();
        let rounds = self.random.below(u64::from(self.rules.last_pid));
        for _ in 0..rounds {
            if let Some(stranger) = self.spawn(self.init(), Nature::PLAIN) {
                self.end(stranger);
                self.collect(stranger);
            }
        }
        if let Some(stranger) = self.newcomer()
            && self.random.chance(500)
        {
            self.spawn(stranger, Nature::PLAIN);
        }
    }

    /// Strangers come and go until one has this PID, which must be free; `None` if it is not.
    pub fn recycle(&mut self, pid: Pid) -> Option<Instance> {
        for _ in 0..=self.rules.last_pid {
            let stranger = self.spawn(self.init(), Nature::PLAIN)?;
            if self.get(stranger).pid == pid {
                return Some(stranger);
            }
            self.end(stranger);
            self.collect(stranger);
        }
        None
    }

    /// The row of this process, if the table shows it.
    pub(super) fn row(&self, instance: Instance) -> Option<ProcessInfo> {
        let process = self.get(instance);
        if process.nature.hidden {
            return None;
        }
        let parent = process.parent;
        let mut row = ProcessInfo::bare(
            ProcessId::started(process.pid, process.start),
            parent.map(|parent| self.get(parent).pid),
        );
        row.name = format!("#{}", instance.0);
        row.kernel_thread = process.nature.kernel_thread;
        row.threads = Some(1);
        row.state = match process.life {
            Life::Collected => State::Dead,
            Life::Zombie => State::Zombie,
            Life::Alive if process.nature.headless => State::Zombie,
            Life::Alive if process.nature.uninterruptible => State::Uninterruptible,
            Life::Alive if process.stopped => State::Stopped,
            Life::Alive => State::Sleeping,
        };
        Some(row)
    }

    /// The PIDs in use, from this one on.
    pub(super) fn next_pid(&self, from: u32) -> Option<(u32, Instance)> {
        self.owners.range(from..).next().map(|(pid, who)| (*pid, *who))
    }
}
