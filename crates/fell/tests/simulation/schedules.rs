//! Random schedules.

use crate::scenario::{Scenario, Schedule};
use crate::verdict::{Verdict, judge};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::RefCell;

/// Schedules that once found something wrong.
const REGRESSIONS: [&str; 8] = [
    // Parents were told to end before their children were listed.
    "5826527825038018259:5:1:0:0:0",
    "6281416375725170863:3:9:0:0:0",
    "12596766192955777464:1:13:4:0:0",
    // KILL that found nobody counted as what ended the process.
    "3892645080117226033:2:4:8:0:0",
    "12028843442106839246:4:6:7:0:0",
    // A member that the table hides lost its children.
    "18006724737987710561:3:22:3:0:0",
    "11136370024404299912:3:7:8:0:0",
    // One that ended between the table and its handle took those below it along in silence.
    "11672255415877925502:6:4:3:0:0",
];

fn schedules(checked: bool) -> impl Strategy<Value = Schedule> {
    (any::<u64>().no_shrink(), 0..12_u32, 0..60_u32, 0..20_u32, 0..10_u32).prop_map(
        move |(seed, members, moves, forks, failures)| Schedule { seed, members, moves, forks, failures, checked },
    )
}

fn try_out(schedule: Schedule) -> Verdict {
    let scenario = Scenario::new(schedule);
    let deed = scenario.run();
    judge(&scenario, &deed)
}

/// Runs one schedule again and tells all about it.
fn replay(schedule: Schedule) {
    let scenario = Scenario::new(schedule);
    scenario.fake.trace();
    println!("root {:?}, target {:?}, {:?}, {:?}", scenario.root, scenario.target, scenario.policy, scenario.fake);
    for (who, process) in scenario.fake.world().everyone() {
        println!("{who:?}: {process:?}");
    }
    let deed = scenario.run();
    println!("{}", scenario.fake.traced().join("\n"));
    println!("{:#?}", deed.result);
    let verdict = judge(&scenario, &deed);
    assert!(verdict.faults.is_empty(), "FELL_SIM_SEED={schedule}\n{}", verdict.faults.join("\n"));
}

fn try_many(checked: bool, cases: u32) {
    if let Ok(text) = std::env::var("FELL_SIM_SEED") {
        let schedule: Schedule = text.parse().unwrap();
        if schedule.checked == checked {
            replay(schedule);
        }
        return;
    }
    let cases = std::env::var("FELL_SIM_CASES").map_or(cases, |text| text.parse().unwrap());
    let total = RefCell::new(Verdict::default());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let result = TestRunner::new(config).run(&schedules(checked), |schedule| {
        let verdict = try_out(schedule);
        let mut total = total.borrow_mut();
        total.felled += verdict.felled;
        total.forced += verdict.forced;
        total.escaped += verdict.escaped;
        total.survivors += verdict.survivors;
        total.calls += verdict.calls;
        match verdict.faults.is_empty() {
            true => Ok(()),
            false => Err(TestCaseError::fail(format!("FELL_SIM_SEED={schedule}\n{}", verdict.faults.join("\n")))),
        }
    });
    println!("{cases} schedules: {:?}", total.borrow());
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn handles_bound_to_their_process() {
    try_many(false, 10_000);
}

#[test]
fn handles_that_are_checked_numbers() {
    try_many(true, 2_000);
}

#[test]
fn schedules_that_once_failed() {
    for text in REGRESSIONS {
        let schedule: Schedule = text.parse().unwrap();
        let verdict = try_out(schedule);
        assert!(verdict.faults.is_empty(), "FELL_SIM_SEED={schedule}\n{}", verdict.faults.join("\n"));
    }
}

#[test]
fn a_schedule_repeats_itself() {
    let schedule = "7:8:40:12:3:0".parse().unwrap();
    let trace = || {
        let scenario = Scenario::new(schedule);
        scenario.fake.trace();
        scenario.run();
        scenario.fake.traced()
    };
    assert_eq!(trace(), trace());
}
