//! One process that runs a plan again and again: nothing is left, and nothing grows.

use fell_plan::file::parse;
use fell_plan::{Audience, Event, Plan, Settings, Surroundings, resolve, run};
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Instant;

const PLAN: &str = include_str!("every-end.toml");

struct Silent;

impl Audience for Silent {
    fn tell(&mut self, _: Event<'_>) {}
}

/// What this process holds.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    milliseconds: u64,
    descriptors: u64,
    threads: u64,
    resident_kib: u64,
    children: u64,
}

impl Sample {
    fn take(milliseconds: u64) -> Sample {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        let count = |path: &Path| u64::try_from(fs::read_dir(path).unwrap().count()).unwrap();
        let children = fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| {
            let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            u64::try_from(list.split_whitespace().count()).unwrap()
        });
        Sample {
            milliseconds,
            descriptors: count(Path::new("/proc/self/fd")),
            threads: field("Threads:"),
            resident_kib: field("VmRSS:"),
            children: children.sum(),
        }
    }

    fn mean(samples: &[Sample]) -> Sample {
        let count = u64::try_from(samples.len()).unwrap();
        let mean = |field: fn(&Sample) -> u64| samples.iter().map(field).sum::<u64>() / count;
        Sample {
            milliseconds: mean(|sample| sample.milliseconds),
            descriptors: mean(|sample| sample.descriptors),
            threads: mean(|sample| sample.threads),
            resident_kib: mean(|sample| sample.resident_kib),
            children: mean(|sample| sample.children),
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { milliseconds, descriptors, threads, resident_kib, children } = self;
        write!(f, "{milliseconds:>8} {descriptors:>12} {threads:>8} {resident_kib:>9} {children:>9}")
    }
}

fn plan(root: &Path) -> Plan {
    let surroundings = Surroundings { root: root.to_path_buf(), cores: 4, ..Surroundings::default() };
    resolve(&parse(PLAN).unwrap(), PLAN, &surroundings).unwrap()
}

fn again_and_again(times: usize, edge: usize) {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path());
    let mut samples = Vec::new();
    for round in 0..times {
        let began = Instant::now();
        let report = run(&plan, Settings::default(), &mut Silent).unwrap();
        let verdicts: Vec<&str> = report.steps.iter().map(|step| step.verdict.as_str()).collect();
        let expected = ["passed", "passed", "failed", "failed", "failed", "flaky", "failed", "passed", "passed"];
        assert_eq!(verdicts, expected, "round {round}: {report:?}");
        assert_eq!(report.zombies, Some(0), "round {round}");
        for step in &report.steps {
            for attempt in &step.attempts {
                assert!(attempt.run.as_ref().is_none_or(|run| run.clean), "round {round}: {step:?}");
            }
        }
        samples.push(Sample::take(u64::try_from(began.elapsed().as_millis()).unwrap()));
    }
    let (first, last) = (Sample::mean(&samples[..edge]), Sample::mean(&samples[times - edge..]));
    eprintln!("{times} plans       ms  descriptors  threads  RSS (KiB)  children");
    eprintln!("first {edge:>3}  {first}\nlast  {edge:>3}  {last}");
    assert_eq!(last.children, 0, "zombies are children too");
    assert_eq!((last.descriptors, last.threads), (first.descriptors, first.threads));
    let grown = last.resident_kib.saturating_sub(first.resident_kib);
    assert!(grown < 4096, "memory has grown by {grown} KiB");
}

#[test]
fn twenty_plans_leave_nothing() {
    again_and_again(20, 5);
}

#[test]
fn five_hundred_plans_leave_nothing_heavy() {
    if std::env::var_os("FELL_HEAVY").is_none() {
        eprintln!("skipped: set FELL_HEAVY=1 for 500 plans");
        return;
    }
    again_and_again(500, 50);
}
