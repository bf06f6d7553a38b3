//! A scripted machine: a small made-up world of processes in which everything that makes felling hard
//! can happen, at chosen steps or at random from a seed.
//!
//! Each call to the machine is a step. Before it is answered, time passes, the world may move by itself
//! (processes fork, end, daemonise, are collected; strangers get freed PIDs), and the call may be made to fail.
//! Everything follows from the [`Rules`] and from the calls, so a run can be repeated from its seed. The world
//! keeps the truth, the genealogy and every signal delivered, for the test to judge by.
//!
//! Its manners are Linux's: `fork(2)`, `kill(2)`, `pidfd_open(2)`, `PR_SET_CHILD_SUBREAPER(2const)`, and
//! `proc_tid_children(5)`, whose list may skip some when siblings end while it is read.

mod call;
mod handle;
mod nature;
mod process;
mod random;
mod rules;
mod world;

pub use call::Call;
pub use handle::FakeHandle;
pub use nature::{Collects, Nature, Odds, OnTerm};
pub use process::{Adoption, Delivery, Instance, Life, Process};
pub use random::Random;
pub use rules::{Faults, Holds, Rules};
pub use world::World;

use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::snapshot::{Coverage, Gap, Snapshot};
use crate::sys::{Machine, OpenError, ReadError};
use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

type Deed = Box<dyn FnOnce(&mut World)>;

struct Inner {
    world: RefCell<World>,
    scripts: RefCell<Vec<(Call, Deed)>>,
    failures: RefCell<Vec<Call>>,
}

/// A scripted machine. Clones share one world.
#[derive(Clone)]
pub struct Fake(Rc<Inner>);

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fake").field(&self.world().rules).finish()
    }
}

fn refused() -> io::Error {
    io::Error::other("refused by the script")
}

impl Fake {
    /// A machine on which `init` (PID 1), the caller's parent (2) and the caller (3) run.
    pub fn new(rules: Rules) -> Fake {
        Fake(Rc::new(Inner {
            world: RefCell::new(World::new(rules)),
            scripts: RefCell::default(),
            failures: RefCell::default(),
        }))
    }

    /// The world, to be looked at.
    pub fn world(&self) -> Ref<'_, World> {
        self.0.world.borrow()
    }

    /// The world, to be changed between two calls.
    pub fn world_mut(&self) -> RefMut<'_, World> {
        self.0.world.borrow_mut()
    }

    /// Does something to the world right before the next such call is answered.
    pub fn before(&self, call: Call, deed: impl FnOnce(&mut World) + 'static) {
        self.0.scripts.borrow_mut().push((call, Box::new(deed)));
    }

    /// Makes every such call fail from now on.
    pub fn fail(&self, call: Call) {
        self.0.failures.borrow_mut().push(call);
    }

    /// Keeps a trace of all that happens from now on.
    pub fn trace(&self) {
        self.world_mut().trace.get_or_insert_default();
    }

    /// What happened since [`trace`](Fake::trace), a line each: call, time, event.
    pub fn traced(&self) -> Vec<String> {
        self.world().trace.clone().unwrap_or_default()
    }

    /// A step: time passes, scripts run, the world stirs. True if the call is to fail.
    fn step(&self, call: Call) -> bool {
        let mut world = self.world_mut();
        world.calls += 1;
        let calls = world.calls;
        assert!(calls <= world.rules.max_calls, "the machine was called {calls} times");
        let cost = match call {
            Call::Clock | Call::HasEnded(_) => 1 + world.random.below(4),
            Call::Wait => 1,
            Call::Table => 50 + world.random.below(200),
            Call::Open(_) | Call::Read(_) | Call::Children(_) | Call::Signal(..) => 5 + world.random.below(30),
        };
        world.pass(Duration::from_micros(cost));
        world.stir();
        let deeds: Vec<(Call, Deed)> = self.0.scripts.borrow_mut().extract_if(.., |(when, _)| *when == call).collect();
        for (_, deed) in deeds {
            deed(&mut world);
        }
        if call != Call::Clock {
            world.note(|| format!("call {call:?}"));
        }
        let faults = world.rules.faults;
        let odds = match call {
            Call::Open(_) => faults.open,
            Call::Read(_) => faults.read,
            Call::Children(_) => faults.children,
            Call::Signal(..) => faults.signal,
            Call::Table | Call::HasEnded(_) | Call::Wait | Call::Clock => 0,
        };
        world.fails(odds) || self.0.failures.borrow().contains(&call)
    }

    fn owner(&self, pid: Pid) -> Option<Instance> {
        self.world().owner(pid)
    }
}

impl Machine for Fake {
    type Handle = FakeHandle;

    fn own(&self) -> Pid {
        let world = self.world();
        world.get(world.own()).pid
    }

    fn now(&self) -> Duration {
        self.step(Call::Clock);
        self.world().clock
    }

    fn ticks(&self) -> u64 {
        self.step(Call::Clock);
        self.world().ticks()
    }

    fn open(&self, pid: Pid) -> Result<FakeHandle, OpenError> {
        if self.step(Call::Open(pid)) {
            return Err(OpenError::Failed(refused()));
        }
        let instance = self.owner(pid).ok_or(OpenError::Gone)?;
        Ok(FakeHandle { fake: self.clone(), pid, instance })
    }

    fn read(&self, pid: Pid) -> Result<ProcessInfo, ReadError> {
        let failure = self.step(Call::Read(pid));
        let instance = self.owner(pid).ok_or(ReadError::Gone)?;
        if failure {
            return Err(ReadError::Failed(refused()));
        }
        let mut world = self.world_mut();
        let row = world.row(instance);
        world.show(instance);
        world.note(|| format!("  row: {row:?}"));
        row.ok_or(ReadError::Gone)
    }

    fn children(&self, pid: Pid) -> Result<Vec<Pid>, ReadError> {
        let failure = self.step(Call::Children(pid));
        let mut world = self.world_mut();
        if world.calls >= world.rules.childless_from {
            return Err(ReadError::Unsupported);
        }
        let parent = world.owner(pid).ok_or(ReadError::Gone)?;
        if failure {
            return Err(ReadError::Failed(refused()));
        }
        world.list(parent);
        let mut list: Vec<Instance> = world.children(parent).collect();
        if world.is_restless() && !world.get(parent).stopped {
            // The list is read on from a position, not from a process: who stood there may have moved up since.
            let length = u64::try_from(list.len()).unwrap_or(0);
            let position = usize::try_from(world.random.below(length + 1)).unwrap_or(0);
            list.truncate(position);
            world.stir();
            list.extend(world.children(parent).skip(position));
        }
        let mut pids: Vec<Pid> = list.iter().map(|who| world.get(*who).pid).collect();
        pids.dedup();
        world.note(|| format!("  children: {pids:?}"));
        Ok(pids)
    }

    fn table(&self) -> Snapshot {
        self.step(Call::Table);
        let taken_at = self.world().clock;
        let mut snapshot = Snapshot::new(taken_at, Coverage::Table);
        let mut shown = Vec::new();
        let mut from = 0;
        loop {
            let mut world = self.world_mut();
            let Some((pid, instance)) = world.next_pid(from) else { break };
            from = pid + 1;
            world.list(instance);
            let odds = world.rules.faults.read;
            let fails = world.fails(odds) || self.0.failures.borrow().contains(&Call::Read(world.get(instance).pid));
            if fails {
                snapshot.gaps.push(Gap { pid: Pid::new(pid), what: format!("stat: {}", refused()) });
            } else if let Some(row) = world.row(instance) {
                snapshot.rows.push(row);
                shown.extend(world.get(instance).parent.map(|parent| (instance, parent)));
            }
            world.pass(Duration::from_micros(5));
            world.stir();
        }
        let mut world = self.world_mut();
        let calls = world.calls;
        world.tables.push((calls, shown));
        world.note(|| {
            let rows: Vec<_> = snapshot.rows.iter().map(|row| (row.id, row.parent)).collect();
            format!("  table: {rows:?}")
        });
        drop(world);
        snapshot
    }

    fn wait(&self, handles: &[&FakeHandle], timeout: Duration) {
        self.step(Call::Wait);
        let until = self.world().clock.saturating_add(timeout);
        loop {
            let ended = handles.iter().any(|handle| !self.world().get(handle.instance).is_alive());
            let mut world = self.world_mut();
            if ended || world.clock >= until {
                break;
            }
            let restless = world.is_restless();
            if restless && world.random.chance(20) {
                break;
            }
            let slice = match restless {
                true => Duration::from_micros(100 + world.random.below(1_500)),
                false => world.next_event().map_or(Duration::MAX, |at| at.saturating_sub(world.clock)),
            };
            let slice = slice.max(Duration::from_micros(1)).min(until - world.clock);
            assert!(slice < Duration::from_secs(1 << 30), "waits forever for what never happens");
            world.pass(slice);
            world.stir();
        }
        let mut world = self.world_mut();
        world.last_wait = world.calls;
    }
}
