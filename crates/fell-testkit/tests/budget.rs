//! No tree grows beyond its budget, and no budget beyond the machine.

use fell_testkit::{Cage, MOST_FORKS, Trick, Victim};
use std::time::Duration;

#[test]
fn rabbits_and_bombs_stop_at_the_budget() {
    for (trick, budget) in
        [(Trick::Rabbit, 40), (Trick::RabbitHerd, 60), (Trick::RabbitSessions, 40), (Trick::BoundedBomb, 70)]
    {
        let mut victim = Victim::of(trick).count(10).budget(budget).spawn().expect("spawns");
        victim.wait_ready().unwrap_or_else(|error| panic!("{error}"));
        if trick == Trick::BoundedBomb {
            // It replaces its dead.
            let root = victim.ledger().holder(0).expect("locks can be read");
            assert!(root.is_some());
        } else {
            assert!(
                victim.ledger().wait_until(Duration::from_secs(10), |page| page.refused() > 0, || false),
                "{trick}"
            );
            assert_eq!(victim.ledger().forks(), budget, "{trick}");
        }
        assert!(victim.ledger().forks() <= budget, "{trick}");
        assert!(victim.survivors().expect("locks can be read").len() as u32 <= budget + 1);
    }
}

#[test]
fn no_budget_exceeds_the_machine() {
    let mut victim = Victim::of(Trick::Rabbit).budget(u32::MAX).pace(Duration::ZERO).spawn().expect("spawns");
    victim.wait_ready().expect("ready");
    assert!(victim.ledger().wait_until(Duration::from_secs(30), |page| page.refused() > 0, || false));
    assert_eq!(victim.ledger().forks(), MOST_FORKS);
    assert_eq!(victim.survivors().expect("locks can be read").len(), 1);
}

#[test]
fn a_budget_that_is_too_small_is_said() {
    let mut victim = Victim::of(Trick::Wide).budget(5).spawn().expect("spawns");
    let error = victim.wait_ready().expect_err("5 are fewer than 200");
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
}

#[test]
fn a_closed_ledger_refuses() {
    let mut victim = Victim::of(Trick::Respawner).spawn().expect("spawns");
    victim.wait_ready().expect("ready");
    victim.ledger().close();
    assert_eq!(victim.ledger().reserve(MOST_FORKS), None);
}

#[test]
fn a_cage_bounds_from_outside() {
    let Some(cage) = Cage::new(10) else { return };
    let mut victim = Victim::of(Trick::Wide).count(50).cage(&cage).spawn().expect("spawns");
    victim.wait_ready().expect_err("10 are fewer than 50");
    victim.end().expect("ends");
    drop(victim);
    let path = cage.path().to_owned();
    drop(cage);
    assert!(!path.exists());
}
