//! The scheduler on random plans: every step gets exactly one verdict, in order, and the plan ends.

use fell_plan::schedule::{End, Node, Order, Scheduler, State, Stop, Verdict};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// A random plan: each step needs some of those before it.
fn plans() -> impl Strategy<Value = Vec<Node>> {
    let step = (any::<u16>(), 0_u8..10, 0_u8..6, 0_u32..3, any::<bool>());
    prop::collection::vec(step, 1..14).prop_map(|rows| {
        let mut nodes: Vec<Node> = Vec::new();
        for (index, (mask, kind, always, retries, flaky_fails)) in rows.into_iter().enumerate() {
            let service = kind < 3;
            let always = always == 0 && !service;
            let needs = (0..index)
                .filter(|need| mask & (1 << need) != 0 && mask & (1 << (need + 2)) == 0)
                .filter(|need| always || !nodes[*need].always)
                .collect();
            nodes.push(Node { needs, service, always, retries, flaky_fails });
        }
        nodes
    })
}

/// What happens in turn: which of the live steps, and what becomes of it.
type Script = Vec<(usize, u8)>;

#[derive(Debug, Default)]
struct Seen {
    starts: Vec<(usize, u32)>,
    verdicts: BTreeMap<usize, Verdict>,
}

/// Plays a plan to its end, and checks each moment of it.
fn play(nodes: &[Node], jobs: usize, fail_fast: bool, script: &Script, stop: Option<(usize, Stop)>) -> Seen {
    let mut scheduler = Scheduler::new(nodes.to_vec(), jobs, fail_fast);
    let mut seen = Seen::default();
    let mut live: Vec<usize> = Vec::new();
    let mut told: Vec<usize> = Vec::new();
    let mut now = Duration::ZERO;
    let mut stopped = None;
    let most = 200 + nodes.len() * 40;
    for turn in 0..most {
        if let Some((at, stop)) = stop
            && turn == at
        {
            scheduler.stop(stop);
            stopped = Some(stop);
        }
        let before = scheduler.states().to_vec();
        for order in scheduler.next(now) {
            match order {
                Order::Start { step, attempt } => {
                    assert!(!live.contains(&step), "{step} runs twice");
                    check_start(nodes, &scheduler, &before, step, stopped);
                    live.push(step);
                    seen.starts.push((step, attempt));
                }
                Order::Retire(step) => {
                    assert!(nodes[step].service && live.contains(&step));
                    let unsettled = users(nodes, step).find(|user| scheduler.states()[*user].verdict().is_none());
                    assert_eq!(unsettled, None, "{step} was retired while it was needed");
                    told.push(step);
                }
                Order::Cancel(step) => {
                    assert!(live.contains(&step) && stopped.is_some());
                    told.push(step);
                }
            }
        }
        let busy = live.iter().filter(|step| !nodes[**step].service).count();
        assert!(busy <= jobs, "{busy} steps at once");
        for (step, state) in scheduler.states().iter().enumerate() {
            if let Some(verdict) = state.verdict() {
                let former = seen.verdicts.insert(step, verdict);
                assert!(former.is_none_or(|former| former == verdict), "{step} has two verdicts");
                assert!(!live.contains(&step), "{step} is over and lives");
            }
        }
        if scheduler.is_over() {
            assert!(live.is_empty(), "{live:?}");
            return seen;
        }
        let (pick, what) = script.get(turn % script.len().max(1)).copied().unwrap_or((0, 0));
        // A service that is ready and needed waits for others, unless it dies.
        let is_waiting = |step: &usize| matches!(scheduler.states()[*step], State::Ready { .. }) && what < 240;
        let movers: Vec<usize> = live.iter().copied().filter(|step| !is_waiting(step)).collect();
        if movers.is_empty() {
            now = scheduler.next_moment().expect("nothing moves, nothing is due, and it is not over").max(now);
            continue;
        }
        let step = movers[pick % movers.len()];
        happen(&mut scheduler, nodes, &mut live, &mut told, (step, what), now);
        now += Duration::from_millis(10);
    }
    panic!("no end after {most} turns: {:?}", scheduler.states());
}

fn users(nodes: &[Node], step: usize) -> impl Iterator<Item = usize> {
    (0..nodes.len()).filter(move |user| nodes[*user].needs.contains(&step))
}

fn check_start(nodes: &[Node], scheduler: &Scheduler, before: &[State], step: usize, stopped: Option<Stop>) {
    let node = &nodes[step];
    assert_ne!(stopped, Some(Stop::Forced), "{step} was started after force");
    if node.always {
        for need in &node.needs {
            let state = scheduler.states()[*need];
            assert!(matches!(state, State::Ready { .. } | State::Over(_)), "{step} before {need}");
        }
        return;
    }
    assert_eq!(stopped, None, "{step} was started after the stop");
    if matches!(before[step], State::Waiting) {
        for need in &node.needs {
            let is_fulfilled = match scheduler.states()[*need] {
                State::Ready { .. } => nodes[*need].service,
                State::Over(Verdict::Passed) => !nodes[*need].service,
                State::Over(Verdict::Flaky) => !nodes[*need].service && !nodes[*need].flaky_fails,
                _ => false,
            };
            assert!(is_fulfilled, "{step} before {need}");
        }
    }
}

fn happen(
    scheduler: &mut Scheduler,
    nodes: &[Node],
    live: &mut Vec<usize>,
    told: &mut Vec<usize>,
    (step, what): (usize, u8),
    now: Duration,
) {
    let is_told = told.contains(&step);
    let is_starting = matches!(scheduler.states()[step], State::Running { .. });
    if nodes[step].service && !is_told && is_starting && what < 170 {
        scheduler.ready(step);
        return;
    }
    let end = match (is_told, what) {
        (true, _) if matches!(scheduler.states()[step], State::Ending { cancelled: true, .. }) => End::Cancelled,
        (true, _) => End::Passed,
        (false, 0..140) if !nodes[step].service => End::Passed,
        (false, _) => End::Failed { retry: what % 3 != 0, delay: Duration::from_millis(u64::from(what)) },
    };
    live.retain(|other| *other != step);
    told.retain(|other| *other != step);
    scheduler.ended(step, end, now);
}

fn scripts() -> impl Strategy<Value = Script> {
    prop::collection::vec((any::<usize>(), any::<u8>()), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_gets_one_verdict(nodes in plans(), jobs in 1_usize..5, fast in any::<bool>(), script in scripts()) {
        let seen = play(&nodes, jobs, fast, &script, None);
        prop_assert_eq!(seen.verdicts.len(), nodes.len());
        for (step, node) in nodes.iter().enumerate() {
            let starts = seen.starts.iter().filter(|(started, _)| *started == step).count();
            prop_assert!(starts <= usize::try_from(node.retries).unwrap() + 1);
            prop_assert_eq!(starts == 0, matches!(seen.verdicts[&step], Verdict::Skipped(_)));
            if node.always {
                prop_assert!(starts > 0, "{} runs always", step);
            }
        }
    }

    #[test]
    fn a_stop_ends_the_plan(
        nodes in plans(), jobs in 1_usize..5, script in scripts(), at in 0_usize..40,
        stop in prop_oneof![Just(Stop::Cancelled), Just(Stop::PlanTimeout), Just(Stop::Forced)],
    ) {
        let seen = play(&nodes, jobs, false, &script, Some((at, stop)));
        prop_assert_eq!(seen.verdicts.len(), nodes.len());
        if stop != Stop::Forced {
            for (step, _) in nodes.iter().enumerate().filter(|(_, node)| node.always) {
                prop_assert!(seen.starts.iter().any(|(started, _)| *started == step), "{} runs always", step);
            }
        }
    }
}

fn step(needs: &[usize]) -> Node {
    Node { needs: needs.to_vec(), ..Node::default() }
}

fn service(needs: &[usize]) -> Node {
    Node { service: true, ..step(needs) }
}

const NOW: Duration = Duration::ZERO;

#[test]
fn a_service_lives_as_long_as_it_is_needed() {
    let mut scheduler = Scheduler::new(vec![service(&[]), step(&[0]), step(&[0])], 1, false);
    assert_eq!(scheduler.next(NOW), [Order::Start { step: 0, attempt: 1 }]);
    assert_eq!(scheduler.next(NOW), []);
    scheduler.ready(0);
    assert_eq!(scheduler.next(NOW), [Order::Start { step: 1, attempt: 1 }]);
    scheduler.ended(1, End::Passed, NOW);
    assert_eq!(scheduler.next(NOW), [Order::Start { step: 2, attempt: 1 }]);
    scheduler.ended(2, End::Failed { retry: false, delay: NOW }, NOW);
    assert_eq!(scheduler.next(NOW), [Order::Retire(0)]);
    scheduler.ended(0, End::Passed, NOW);
    assert!(scheduler.is_over());
    let verdicts: Vec<_> = scheduler.states().iter().map(|state| state.verdict().unwrap()).collect();
    assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed, Verdict::Failed]);
}

#[test]
fn retries_wait_for_their_time() {
    let node = Node { retries: 1, ..step(&[]) };
    let mut scheduler = Scheduler::new(vec![node], 1, false);
    scheduler.next(NOW);
    let delay = Duration::from_secs(2);
    scheduler.ended(0, End::Failed { retry: true, delay }, NOW);
    assert_eq!(scheduler.next(NOW), []);
    assert_eq!(scheduler.next_moment(), Some(delay));
    assert_eq!(scheduler.next(delay), [Order::Start { step: 0, attempt: 2 }]);
    scheduler.ended(0, End::Passed, delay);
    assert_eq!(scheduler.states()[0].verdict(), Some(Verdict::Flaky));
}

#[test]
fn what_runs_always_runs_last_and_after_a_cancellation() {
    let always = Node { always: true, ..step(&[]) };
    let mut scheduler = Scheduler::new(vec![always, step(&[]), step(&[1])], 4, false);
    assert_eq!(scheduler.next(NOW), [Order::Start { step: 1, attempt: 1 }]);
    scheduler.stop(Stop::Cancelled);
    assert_eq!(scheduler.next(NOW), [Order::Cancel(1)]);
    assert_eq!(scheduler.next(NOW), []);
    scheduler.ended(1, End::Cancelled, NOW);
    assert_eq!(scheduler.next(NOW), [Order::Start { step: 0, attempt: 1 }]);
}
