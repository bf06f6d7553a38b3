//! What looking at one tree costs among thousands of other processes.

mod common;

use common::{House, PROMPTLY, Told, User, needs};
use fell::snapshot::Coverage;
use fell::{Pid, ProcessId, look, look_at};
use fell_testkit::{Cage, Placement, Trick, Victim};
use std::fs;

/// As many as one victim may fork.
const CROWD: u32 = 1_990;
const MEMBERS: u32 = 11;

/// How many files and directories a `fell` with these words opens.
fn opened(house: &House, words: &[&str]) -> (usize, Told) {
    let log = house.folder().join("strace.log");
    let mut command = house.command("strace");
    command.args(["-f", "-qq", "-e", "trace=open,openat,openat2", "-o"]).arg(&log);
    command.arg(house.fell_program()).args(words);
    let told = Told::by(command);
    let lines = fs::read_to_string(&log).unwrap();
    (lines.lines().filter(|line| line.contains("open")).count(), told)
}

#[test]
fn one_tree_among_thousands_costs_no_more_than_alone_heavy() {
    let Some(cage) = Cage::new(Cage::ROOM) else {
        eprintln!("skipped: a crowd needs a bound from outside, and no pids cgroup can be made here");
        return;
    };
    if !needs("strace") {
        return;
    }
    let house = House::new(User::Own);
    let mut victim = Victim::of(Trick::Wide).count(MEMBERS - 1).placement(Placement::OwnGroup).spawn().unwrap();
    victim.wait_ready().unwrap();
    let id = ProcessId::unborn(Pid::new(victim.pid().unwrap()).unwrap());
    let pid = victim.pid().unwrap().to_string();
    let (alone, told) = opened(&house, &["tree", &pid]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(alone < 200, "{alone} files for {MEMBERS} processes");

    let mut crowd = Victim::of(Trick::Wide).count(CROWD).cage(&cage).spawn().unwrap();
    crowd.wait_ready().unwrap();
    let table = look();
    assert!(table.rows.len() > usize::try_from(CROWD).unwrap());
    assert!(table.cost.files >= u64::from(CROWD));

    // By the snapshot's own counters.
    let snapshot = look_at(&id);
    assert_eq!(snapshot.coverage, Coverage::Descendants(vec![id.pid]));
    assert_eq!(snapshot.rows.len(), usize::try_from(MEMBERS).unwrap());
    assert!(snapshot.cost.files <= 3 * u64::from(MEMBERS) + 8, "{:?}", snapshot.cost);

    // By counting system calls.
    for words in [&["tree", &pid][..], &["tree", "--json", &pid], &["kill", "--dry-run", &pid]] {
        let (among, told) = opened(&house, words);
        assert_eq!(told.code, 0, "{words:?} {told:?}");
        // A dry run shows who seems to have escaped: that takes a look at the whole table.
        if words[0] == "tree" {
            assert!(among <= alone + 20, "{words:?}: {among} files among {CROWD}, {alone} alone");
        }
        eprintln!("{words:?}: {among} files among {CROWD}, {alone} alone");
    }

    let (among, told) = opened(&house, &["kill", "--grace", "2s", &pid]);
    assert_eq!(told.code, 0, "{told:?}");
    eprintln!("kill: {among} files among {CROWD}");
    assert!(among < usize::try_from(CROWD).unwrap(), "kill: {among} files for {MEMBERS} processes among {CROWD}");
    victim.wait_all_dead(PROMPTLY).unwrap();
    assert!(crowd.survivors().unwrap().len() == usize::try_from(CROWD).unwrap() + 1, "the crowd is untouched");
    crowd.end().unwrap();
}
