//! Scenes that are known to be hard, one each.

use fell::plan::{Protected, Refusal};
use fell::sys::fake::{Call, Collects, Fake, Instance, Nature, OnTerm, Rules, World};
use fell::{Error, KillPolicy, Outcome, Pid, ProcessId, Report, Signal, State, kill_tree_on};
use std::time::Duration;

fn pid(number: u32) -> Pid {
    Pid::new(number).unwrap()
}

fn policy() -> KillPolicy {
    KillPolicy { grace: Duration::from_millis(50), force_limit: Duration::from_millis(200), ..KillPolicy::default() }
}

/// A calm world of which every process is older than the present tick.
struct Scene {
    fake: Fake,
    root: Instance,
}

impl Scene {
    fn new(rules: Rules, root: Nature) -> Scene {
        let fake = Fake::new(rules);
        let parent = fake.world().shell();
        let root = fake.world_mut().spawn(parent, root).unwrap();
        Scene { fake, root }
    }

    fn calm(root: Nature) -> Scene {
        Scene::new(Rules::CALM, root)
    }

    fn spawn(&self, parent: Instance, nature: Nature) -> Instance {
        self.fake.world_mut().spawn(parent, nature).unwrap()
    }

    fn pid(&self, who: Instance) -> Pid {
        self.fake.world().get(who).pid
    }

    fn kill(&self) -> Report {
        self.try_kill().unwrap()
    }

    fn try_kill(&self) -> Result<Report, Error> {
        self.fake.world_mut().pass(Duration::from_millis(30));
        let target = self.fake.world().get(self.root).id();
        self.kill_as(target)
    }

    fn kill_as(&self, target: ProcessId) -> Result<Report, Error> {
        let protected = Protected { own: Some(pid(3)), ancestors: vec![pid(2), Pid::INIT] };
        kill_tree_on(&self.fake, target, &policy(), protected)
    }

    fn is_alive(&self, who: Instance) -> bool {
        self.fake.world().get(who).is_alive()
    }

    fn is_untouched(&self, who: Instance) -> bool {
        self.fake.world().get(who).deliveries.is_empty()
    }

    /// What the report says of this process.
    fn outcome(&self, report: &Report, who: Instance) -> Option<Outcome> {
        let id = self.fake.world().get(who).id();
        let same = |other: &ProcessId| other.compare(&id) == fell::Sameness::Same;
        let mut entries = report.processes.iter().filter(|entry| same(&entry.info.id));
        let outcome = entries.next().map(|entry| entry.outcome);
        assert!(entries.next().is_none(), "reported twice");
        outcome
    }

    /// Nobody of the tree is alive, whether or not it was ever seen.
    fn assert_felled(&self) {
        let world = self.fake.world();
        for (who, process) in world.everyone() {
            assert!(!process.is_alive() || !world.descends(who, self.root), "alive: {process:?}");
        }
    }
}

#[test]
fn everybody_obeys() {
    let scene = Scene::calm(Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature::PLAIN);
    let grandchild = scene.spawn(child, Nature::PLAIN);
    let report = scene.kill();
    scene.assert_felled();
    for who in [scene.root, child, grandchild] {
        assert_eq!(scene.outcome(&report, who), Some(Outcome::Exited));
    }
    assert!(report.gaps.is_empty());
    assert!(report.elapsed < policy().grace);
}

#[test]
fn a_leader_that_obeys_at_once_takes_nobody_out_of_sight() {
    let scene = Scene::calm(Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature::on_term(OnTerm::Ignore));
    let root = scene.root;
    let own = scene.pid(root);
    // It ends between any two calls that follow its signal.
    for call in [Call::Signal(own, Signal::CONT), Call::Children(own), Call::HasEnded(own)] {
        scene.fake.before(call, move |world: &mut World| {
            if world.get(root).got(Signal::TERM) {
                world.end(root);
            }
        });
    }
    let report = scene.kill();
    scene.assert_felled();
    assert_eq!(scene.outcome(&report, child), Some(Outcome::Killed));
}

#[test]
fn a_recycled_root_is_gone_and_its_heir_untouched() {
    let scene = Scene::calm(Nature::PLAIN);
    let former = scene.fake.world().get(scene.root).id();
    scene.fake.world_mut().pass(Duration::from_millis(30));
    scene.fake.world_mut().end(scene.root);
    let heir = scene.fake.world_mut().recycle(former.pid).unwrap();
    let child = scene.spawn(heir, Nature::PLAIN);
    let report = scene.kill_as(former).unwrap();
    assert_eq!((report.processes.len(), report.target), (0, former));
    assert!(scene.is_untouched(heir) && scene.is_untouched(child));
    let report = scene.kill_as(ProcessId::started(former.pid, former.birth.start.unwrap())).unwrap();
    assert_eq!(report.processes.len(), 0);
    assert!(scene.is_untouched(heir) && scene.is_untouched(child));
}

/// The root is recycled, in the same tick, between being opened and being read.
#[test]
fn a_root_recycled_after_it_was_opened_is_gone() {
    let scene = Scene::calm(Nature::PLAIN);
    let (root, own) = (scene.root, scene.pid(scene.root));
    scene.fake.before(Call::Read(own), move |world| {
        world.end(root);
        let heir = world.recycle(own).unwrap();
        world.spawn(heir, Nature::PLAIN).unwrap();
    });
    let start = scene.fake.world().get(root).start;
    let report = scene.kill_as(ProcessId::started(own, start)).unwrap();
    assert_eq!(report.processes.len(), 0);
    let world = scene.fake.world();
    assert!(world.everyone().all(|(_, process)| process.deliveries.is_empty()));
}

fn recycled_child(call: fn(Pid) -> Call, rules: Rules) {
    let scene = Scene::new(rules, Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature::PLAIN);
    let own = scene.pid(child);
    scene.fake.before(call(own), move |world| {
        world.end(child);
        let heir = world.recycle(own).unwrap();
        world.spawn(heir, Nature::PLAIN).unwrap();
    });
    // Everything in one tick, so that start times tell nobody apart.
    let target = scene.fake.world().get(scene.root).id();
    let report = scene.kill_as(target).unwrap();
    assert!(report.is_clean());
    scene.assert_felled();
    let world = scene.fake.world();
    for (who, process) in world.everyone() {
        assert!(world.descends(who, scene.root) || process.deliveries.is_empty(), "hit: {process:?}");
    }
}

#[test]
fn a_child_recycled_between_list_and_open_is_not_hit() {
    recycled_child(Call::Open, Rules::CALM);
    recycled_child(Call::Open, Rules { childless_from: 0, ..Rules::CALM });
}

#[test]
fn a_child_recycled_between_open_and_read_is_not_hit() {
    recycled_child(Call::Read, Rules::CALM);
    recycled_child(Call::Read, Rules { childless_from: 0, ..Rules::CALM });
}

#[test]
fn a_child_recycled_before_its_signal_is_not_hit() {
    recycled_child(|child| Call::Signal(child, Signal::TERM), Rules::CALM);
    recycled_child(Call::Children, Rules::CALM);
    recycled_child(Call::HasEnded, Rules::CALM);
}

#[test]
fn who_ignores_the_request_is_forced_though_its_leader_obeyed() {
    let scene = Scene::calm(Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature::on_term(OnTerm::Ignore));
    let report = scene.kill();
    scene.assert_felled();
    assert_eq!(scene.outcome(&report, scene.root), Some(Outcome::Exited));
    assert_eq!(scene.outcome(&report, child), Some(Outcome::Killed));
    let world = scene.fake.world();
    let kill = world.get(child).deliveries.iter().find(|delivery| delivery.signal == Signal::KILL).unwrap();
    let term = world.get(child).deliveries.iter().find(|delivery| delivery.signal == Signal::TERM).unwrap();
    assert!(kill.at - term.at >= policy().grace - Duration::from_millis(1));
}

#[test]
fn a_stopped_process_is_made_to_go_on_so_that_it_can_obey() {
    let scene = Scene::calm(Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature::PLAIN);
    scene.fake.world_mut().change(child).stopped = true;
    let report = scene.kill();
    scene.assert_felled();
    assert_eq!(scene.outcome(&report, child), Some(Outcome::Exited));
}

#[test]
fn who_forks_on_the_request_is_felled_with_its_newcomer() {
    let scene = Scene::calm(Nature { on_term: OnTerm::Fork, brood: OnTerm::Ignore, ..Nature::PLAIN });
    let report = scene.kill();
    scene.assert_felled();
    assert_eq!(report.processes.len(), 2);
    assert!(report.processes.iter().all(|entry| entry.outcome == Outcome::Killed));
}

#[test]
fn who_respawns_its_children_is_felled_with_all_of_them() {
    let scene = Scene::calm(Nature { on_term: OnTerm::Ignore, respawns: true, ..Nature::PLAIN });
    for _ in 0..3 {
        scene.spawn(scene.root, Nature::PLAIN);
    }
    let report = scene.kill();
    scene.assert_felled();
    assert!(report.is_clean());
    assert!(report.processes.len() > 4, "nobody was respawned: the scene is wrong");
}

/// A daemon that is orphaned after it was held stays a member.
#[test]
fn a_daemoniser_seen_in_time_does_not_get_away() {
    let scene = Scene::calm(Nature::on_term(OnTerm::Ignore));
    let middle = scene.spawn(scene.root, Nature::PLAIN);
    let daemon = scene.spawn(middle, Nature::on_term(OnTerm::Ignore));
    let child = scene.spawn(daemon, Nature::on_term(OnTerm::Ignore));
    scene.fake.before(Call::Wait, move |world| world.end(middle));
    let report = scene.kill();
    scene.assert_felled();
    assert_eq!(scene.outcome(&report, daemon), Some(Outcome::Killed));
    assert_eq!(scene.outcome(&report, child), Some(Outcome::Killed));
}

/// The middle one ends between the list that names its child and the child's row: the child was there before the
/// list, and is proved by that.
#[test]
fn a_daemoniser_caught_in_the_act_does_not_get_away() {
    let scene = Scene::calm(Nature::PLAIN);
    let middle = scene.spawn(scene.root, Nature::PLAIN);
    let daemon = scene.spawn(middle, Nature::PLAIN);
    scene.fake.before(Call::Open(scene.pid(daemon)), move |world| world.end(middle));
    let report = scene.kill();
    scene.assert_felled();
    assert_eq!(scene.outcome(&report, daemon), Some(Outcome::Exited));
}

#[test]
fn a_member_that_may_not_be_signalled_is_reported_and_those_below_it_felled() {
    let scene = Scene::calm(Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature { denied: true, ..Nature::PLAIN });
    let grandchild = scene.spawn(child, Nature::PLAIN);
    let report = scene.kill();
    assert_eq!(scene.outcome(&report, scene.root), Some(Outcome::Exited));
    assert_eq!(scene.outcome(&report, child), Some(Outcome::PermissionDenied));
    assert_eq!(scene.outcome(&report, grandchild), Some(Outcome::Exited));
    assert!(scene.is_alive(child) && scene.is_untouched(child));
    assert!(!report.is_clean());
}

#[test]
fn a_member_in_an_uninterruptible_wait_is_reported_as_alive() {
    let scene = Scene::calm(Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature { uninterruptible: true, ..Nature::PLAIN });
    let report = scene.kill();
    assert_eq!(scene.outcome(&report, child), Some(Outcome::Unkillable { state: State::Uninterruptible }));
    assert!(report.elapsed >= policy().grace + policy().force_limit);
    assert!(report.elapsed < policy().grace + policy().force_limit + Duration::from_millis(50));
    assert!(scene.fake.world().calls < 2_000, "{} calls", scene.fake.world().calls);
}

#[test]
fn a_member_that_is_released_in_time_is_felled() {
    let scene = Scene::calm(Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature { uninterruptible: true, ..Nature::PLAIN });
    scene.fake.before(Call::Signal(scene.pid(child), Signal::KILL), move |world| world.release(child));
    let report = scene.kill();
    scene.assert_felled();
    assert!(report.is_clean());
}

#[test]
fn a_zombie_is_dead_and_names_who_does_not_collect_it() {
    let scene = Scene::calm(Nature { on_term: OnTerm::Ignore, collects: Collects::Never, ..Nature::PLAIN });
    let zombie = scene.spawn(scene.root, Nature::PLAIN);
    scene.fake.world_mut().end(zombie);
    // The parent outlives the report.
    scene.fake.world_mut().change(scene.root).nature.denied = true;
    let report = scene.kill();
    let parent = Some(scene.pid(scene.root));
    assert_eq!(scene.outcome(&report, zombie), Some(Outcome::Zombie { parent }));
    assert_eq!(report.survivors().count(), 1);
    assert!(scene.is_untouched(zombie));
}

#[test]
fn an_ended_root_whose_parent_does_not_collect_it_is_no_survivor() {
    let fake = Fake::new(Rules::CALM);
    let init = fake.world().init();
    let negligent = fake.world_mut().spawn(init, Nature { collects: Collects::Never, ..Nature::PLAIN }).unwrap();
    let root = fake.world_mut().spawn(negligent, Nature::PLAIN).unwrap();
    let scene = Scene { fake, root };
    let report = scene.kill();
    assert!(report.is_clean());
    assert_eq!(scene.outcome(&report, root), Some(Outcome::Exited));
    assert_eq!(report.processes[0].uncollected_by, Some(scene.pid(negligent)));
    assert!(scene.is_untouched(negligent));
}

#[test]
fn a_leader_thread_that_has_ended_hides_no_living_process() {
    let scene = Scene::calm(Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature { headless: true, on_term: OnTerm::Ignore, ..Nature::PLAIN });
    let report = scene.kill();
    scene.assert_felled();
    assert_eq!(scene.outcome(&report, child), Some(Outcome::Killed));
}

/// A stranger older than the root claims it as its parent: the parent's PID was recycled.
#[test]
fn a_row_older_than_its_parent_is_no_child() {
    for childless_from in [u64::MAX, 0] {
        let fake = Fake::new(Rules { childless_from, ..Rules::CALM });
        let init = fake.world().init();
        let stranger = fake.world_mut().spawn(init, Nature::PLAIN).unwrap();
        let below = fake.world_mut().spawn(stranger, Nature::PLAIN).unwrap();
        fake.world_mut().pass(Duration::from_millis(30));
        let root = fake.world_mut().spawn(init, Nature::PLAIN).unwrap();
        fake.world_mut().change(stranger).parent = Some(root);
        let scene = Scene { fake, root };
        let report = scene.kill();
        assert!(scene.is_untouched(stranger) && scene.is_untouched(below));
        assert_eq!(report.processes.len(), 1);
    }
}

#[test]
fn rows_that_form_a_cycle_are_taken_once() {
    for childless_from in [u64::MAX, 0] {
        let scene = Scene::new(Rules { childless_from, ..Rules::CALM }, Nature::PLAIN);
        let child = scene.spawn(scene.root, Nature::PLAIN);
        scene.fake.world_mut().change(scene.root).parent = Some(child);
        let report = scene.kill();
        assert_eq!(report.processes.len(), 2);
        scene.assert_felled();
    }
}

#[test]
fn without_lists_of_children_the_table_tells() {
    for childless_from in 0..40 {
        let scene = Scene::new(Rules { childless_from, ..Rules::CALM }, Nature::PLAIN);
        let child = scene.spawn(scene.root, Nature { on_term: OnTerm::Fork, ..Nature::PLAIN });
        scene.spawn(child, Nature::on_term(OnTerm::Ignore));
        let report = scene.kill();
        scene.assert_felled();
        assert!(report.is_clean() && report.gaps.is_empty(), "{:?}", report.gaps);
        assert_eq!(report.processes.len(), 4);
    }
}

/// A member whom the table does not show still has the children that name it.
#[test]
fn a_hidden_root_does_not_hide_its_children() {
    for childless_from in [u64::MAX, 0] {
        let scene = Scene::new(
            Rules { childless_from, ..Rules::CALM },
            Nature { hidden: true, ..Nature::on_term(OnTerm::Ignore) },
        );
        let child = scene.spawn(scene.root, Nature::PLAIN);
        let report = scene.kill();
        scene.assert_felled();
        assert_eq!(scene.outcome(&report, child), Some(Outcome::Exited));
    }
}

/// What can't be read may not shrink the tree in silence.
#[test]
fn what_can_not_be_read_leaves_a_gap() {
    let failures: [fn(Pid) -> Call; 3] = [Call::Children, Call::Open, Call::Read];
    for failure in failures {
        let scene = Scene::calm(Nature::PLAIN);
        let child = scene.spawn(scene.root, Nature::PLAIN);
        let grandchild = scene.spawn(child, Nature::PLAIN);
        scene.fake.fail(failure(scene.pid(child)));
        let report = scene.kill();
        let missed = scene.is_alive(child) || scene.is_alive(grandchild);
        assert!(!missed || !report.gaps.is_empty(), "{report:?}");
        assert!(!scene.is_alive(scene.root));
    }
    let scene = Scene::new(Rules { childless_from: 0, ..Rules::CALM }, Nature::PLAIN);
    let child = scene.spawn(scene.root, Nature::PLAIN);
    scene.fake.fail(Call::Read(scene.pid(child)));
    let report = scene.kill();
    assert!(scene.is_alive(child) && report.gaps.iter().any(|gap| gap.pid == Some(scene.pid(child))));
}

/// KILL that was not taken is not what ended it.
#[test]
fn who_ended_before_force_reached_it_was_not_killed() {
    let scene = Scene::calm(Nature::on_term(OnTerm::Ignore));
    let root = scene.root;
    scene.fake.before(Call::Signal(scene.pid(root), Signal::KILL), move |world| {
        world.end(root);
        world.collect(root);
    });
    let report = scene.kill();
    assert_eq!(scene.outcome(&report, root), Some(Outcome::Exited));
}

#[test]
fn the_protected_are_refused_and_untouched() {
    for refusal in [Refusal::Init, Refusal::Ancestor, Refusal::Own] {
        let fake = Fake::new(Rules::CALM);
        let root = match refusal {
            Refusal::Init => fake.world().init(),
            Refusal::Ancestor => fake.world().shell(),
            Refusal::Own | Refusal::KernelThread => fake.world().own(),
        };
        let scene = Scene { fake, root };
        let result = scene.try_kill();
        assert!(matches!(result, Err(Error::Refused { refusal: found, .. }) if found == refusal), "{result:?}");
        assert!(scene.fake.world().everyone().all(|(_, process)| process.deliveries.is_empty()));
    }
    let scene = Scene::calm(Nature { kernel_thread: true, ..Nature::PLAIN });
    assert!(matches!(scene.try_kill(), Err(Error::Refused { refusal: Refusal::KernelThread, .. })));
}
