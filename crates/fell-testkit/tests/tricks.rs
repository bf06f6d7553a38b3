//! Every trick, as it is and to its end.

use fell_testkit::{Cage, MOST_FORKS, NOBODY, Needs, Setup, Trick, Victim};
use std::io;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A setup that is small enough to run many at once.
fn small<'a>(trick: Trick) -> Setup<'a> {
    let setup = Victim::of(trick);
    match trick {
        Trick::BoundedBomb => setup.count(60).budget(200),
        Trick::Wide => setup.count(60),
        _ => setup,
    }
}

/// Whether this host lets us play the trick, so that a failure is a failure.
fn allowed(trick: Trick, as_root: bool) -> bool {
    match trick.needs() {
        Needs::Nothing => true,
        Needs::Root => as_root,
        Needs::Cgroup | Needs::Freezer | Needs::UserNamespace => false,
    }
}

fn play(trick: Trick, setup: Setup<'_>, as_root: bool) -> Option<Victim> {
    let mut victim = setup.spawn().unwrap_or_else(|error| panic!("{trick}: {error}"));
    match victim.wait_ready() {
        Ok(()) => Some(victim),
        Err(error) if error.kind() == io::ErrorKind::Unsupported && !allowed(trick, as_root) => {
            eprintln!("not played: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn assert_shape(victim: &Victim) {
    let (shape, alive) = (victim.shape(), victim.survivors().expect("locks can be read"));
    let count = alive.len() as u32;
    assert!((shape.least..=shape.most).contains(&count), "{}: {shape:?}, but {alive:?}", victim.trick());
    assert!(alive.iter().all(|who| who.pid > 0 && !who.role.is_empty()), "{}: {alive:?}", victim.trick());
}

#[test]
fn every_trick_is_counted_and_ended() {
    let cage = Cage::new(Cage::ROOM);
    for &trick in Trick::ALL {
        let mut setup = Victim::of(trick);
        if let Some(cage) = &cage {
            setup = setup.cage(cage);
        }
        let Some(mut victim) = play(trick, setup, root()) else {
            continue;
        };
        assert_shape(&victim);
        victim.end().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(victim.survivors().expect("locks can be read"), []);
        assert!(!victim.anyone_alive().expect("locks can be read"));
        assert!(victim.ledger().forks() <= MOST_FORKS);
    }
}

#[test]
fn every_trick_of_an_ordinary_user_too() {
    if !root() {
        return;
    }
    for &trick in Trick::ALL {
        let Some(victim) = play(trick, small(trick).user(NOBODY), false) else {
            continue;
        };
        assert_shape(&victim);
    }
}

#[test]
fn below_a_root_that_leaves() {
    for &trick in Trick::ALL {
        let Some(mut victim) = play(trick, small(trick).leave(), root()) else {
            continue;
        };
        let status = victim.wait().expect("the root is ours").expect("the root is ours");
        assert!(status.success(), "{trick}: {status}");
        let alive = victim.survivors().expect("locks can be read");
        assert!(
            alive.len() as u32 >= victim.shape().least && alive.iter().all(|who| who.slot != 0),
            "{trick}: {alive:?}"
        );
    }
}

#[test]
fn the_time_limit_ends_every_trick() {
    for batch in Trick::ALL.chunks(8) {
        let limit = Duration::from_millis(1500);
        let played: Vec<_> = batch.iter().filter_map(|&trick| play(trick, small(trick).limit(limit), root())).collect();
        for victim in &played {
            victim.wait_all_dead(SOON).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn a_limit_that_is_over_before_the_trick_is_played() {
    for batch in Trick::ALL.chunks(8) {
        let spawned: Vec<_> =
            batch.iter().map(|&trick| small(trick).limit(Duration::from_millis(5)).spawn().expect("spawns")).collect();
        for mut victim in spawned {
            victim.wait().expect("the root is ours");
            victim.wait_all_dead(SOON).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
