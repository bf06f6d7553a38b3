//! A world, a target and a policy, all drawn from one seed.

use fell::plan::Protected;
use fell::sys::fake::{Collects, Fake, Faults, Holds, Instance, Nature, Odds, Random, Rules};
use fell::{Beginning, Error, Escalation, Extent, KillPolicy, Pid, ProcessId, Report, Signal, kill_tree_on};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What decides a run: a seed, and limits by which a failing run is made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) members: u32,
    pub(crate) moves: u32,
    pub(crate) forks: u32,
    pub(crate) failures: u32,
    pub(crate) checked: bool,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedule { seed, members, moves, forks, failures, checked } = self;
        write!(f, "{seed}:{members}:{moves}:{forks}:{failures}:{}", u32::from(*checked))
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Schedule, String> {
        let numbers: Result<Vec<u64>, _> = text.split(':').map(str::parse).collect();
        let wrong = || format!("{text:?} is no schedule: expected SEED:MEMBERS:MOVES:FORKS:FAILURES:CHECKED");
        match numbers.as_deref() {
            Ok(&[seed, members, moves, forks, failures, checked]) => {
                let small = |number: u64| u32::try_from(number).map_err(|_| wrong());
                Ok(Schedule {
                    seed,
                    members: small(members)?,
                    moves: small(moves)?,
                    forks: small(forks)?,
                    failures: small(failures)?,
                    checked: checked != 0,
                })
            }
            _ => Err(wrong()),
        }
    }
}

/// A world before the deed.
pub(crate) struct Scenario {
    pub(crate) fake: Fake,
    pub(crate) root: Instance,
    pub(crate) target: ProcessId,
    pub(crate) policy: KillPolicy,
    /// How often the caller comes back to its other business meanwhile.
    pub(crate) stride: Option<Duration>,
}

/// What was done.
pub(crate) struct Deed {
    pub(crate) result: Result<Report, Error>,
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
}

fn faults(random: &mut Random) -> Faults {
    let mut rate = || random.pick(&[0, 0, 5, 30, 200, 1000]).unwrap();
    Faults { read: rate(), children: rate(), open: rate(), signal: rate() }
}

impl Scenario {
    pub(crate) fn new(schedule: Schedule) -> Scenario {
        let random = &mut Random::new(schedule.seed ^ 0x5eed);
        let odds = odds(random);
        let grace = if random.chance(200) { 0 } else { 1 + random.below(80) };
        let force_limit = 150 + random.below(150);
        let rules = Rules {
            seed: schedule.seed,
            last_pid: 16 + u32::try_from(random.below(32)).unwrap(),
            holds: match (schedule.checked, random.chance(600)) {
                (true, _) => Holds::Checked,
                (false, true) => Holds::Inode,
                (false, false) => Holds::Bound,
            },
            unrest: random.pick(&[0, 5, 20, 80, 250]).unwrap(),
            moves: 0,
            calm_at: Duration::MAX,
            forks: schedule.forks,
            faults: if random.chance(500) { faults(random) } else { Faults::default() },
            failures: 0,
            childless_from: match random.below(10) {
                0..=5 => u64::MAX,
                6..=7 => 0,
                _ => random.below(200),
            },
            odds: Some(odds),
            lazy_init: random.chance(300),
            max_calls: 200_000,
        };
        let fake = Fake::new(rules);
        let root = populate(&fake, random, &odds, schedule.members);
        let id = fake.world().get(root).id();
        let target = match random.below(10) {
            0..=3 => id,
            4..=6 => ProcessId::started(id.pid, id.birth.start.unwrap()),
            7..=8 => ProcessId { birth: fell::Birth { start: None, ..id.birth }, ..id },
            _ => ProcessId::unborn(id.pid),
        };
        let policy = KillPolicy {
            signal: random.pick(&[Signal::TERM, Signal::TERM, Signal::INT, Signal::HUP]).unwrap(),
            grace: Duration::from_millis(grace),
            force_limit: Duration::from_millis(force_limit),
            extent: if random.chance(150) { Extent::Descendants } else { Extent::Tree },
            ancestors: random.chance(100),
            ..KillPolicy::default()
        };
        let calm_at = fake.world().clock + Duration::from_millis(grace + force_limit / 2);
        fake.world_mut().awaken(schedule.moves, schedule.failures, calm_at);
        let stride = random.chance(400).then(|| Duration::from_micros(500 + random.below(30_000)));
        Scenario { fake, root, target, policy, stride }
    }

    pub(crate) fn run(&self) -> Deed {
        let began = self.fake.world().clock;
        let result = self.kill();
        let ended = self.fake.world().clock;
        Deed { result, began, ended }
    }

    fn kill(&self) -> Result<Report, Error> {
        let protected = Protected { own: Pid::new(3), ancestors: vec![Pid::new(2).unwrap(), Pid::INIT] };
        let fake = &self.fake;
        let Some(stride) = self.stride else { return kill_tree_on(fake, self.target, &self.policy, protected) };
        let mut escalation = match Escalation::begin(fake, self.target, self.policy.clone(), protected)? {
            Beginning::Begun(escalation) => escalation,
            Beginning::AlreadyGone(report) => return Ok(report),
        };
        loop {
            let until = fake.world().clock + stride;
            if let Some(report) = escalation.advance(fake, until) {
                return Ok(report);
            }
        }
    }
}

fn odds(random: &mut Random) -> Odds {
    let mut odd = |tenths: u64, odds: u64| if random.below(10) < tenths { odds } else { 0 };
    Odds {
        denied: odd(3, 150),
        uninterruptible: odd(2, 120),
        hidden: odd(2, 120),
        headless: odd(2, 120),
        lively: odd(8, 600),
    }
}

/// Fills the world with a tree, whose root this gives, and with strangers.
fn populate(fake: &Fake, random: &mut Random, odds: &Odds, members: u32) -> Instance {
    let mut world = fake.world_mut();
    let top = match random.below(20) {
        0..=9 => world.init(),
        10..=15 => world.shell(),
        16 => {
            let init = world.init();
            world.spawn(init, Nature { subreaper: true, ..Nature::PLAIN }).unwrap()
        }
        17..=18 => {
            let init = world.init();
            world.spawn(init, Nature { collects: Collects::Never, ..Nature::PLAIN }).unwrap()
        }
        _ => world.own(),
    };
    let nature = Nature::draw(random, odds);
    let root = match random.below(50) {
        0 => world.shell(),
        _ => world.spawn(top, nature).unwrap(),
    };
    let mut tree = vec![root];
    for _ in 0..members {
        if random.chance(400) {
            world.pass(Duration::from_millis(random.below(40)));
        }
        if random.chance(300) {
            world.newcomer();
        }
        let parent = random.pick(&tree).unwrap();
        let nature = Nature::draw(random, odds);
        if world.get(parent).is_alive()
            && let Some(child) = world.spawn(parent, nature)
        {
            tree.push(child);
            if random.chance(80) {
                world.change(child).stopped = true;
            } else if random.chance(80) {
                world.end(child);
            }
        }
    }
    if random.chance(700) {
        world.pass(Duration::from_millis(random.below(40)));
    }
    root
}
