//! Parents that are made to collect their dead, and go on undisturbed.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use fell::sys::{Host, Machine};
use fell::zombie::{InjectError, Reaping, inject};
use fell::{Pid, ProcessId, State, zombies};
use fell_testkit::{Account, Negligent};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

const QUIET: Account = Account { interrupted: 0, wrong: 0 };

fn id(pid: u32) -> ProcessId {
    Host::new().read(Pid::new(pid).unwrap()).unwrap().id
}

/// The dead children of a process, from its own list.
fn dead_children(parent: &ProcessId) -> Vec<ProcessId> {
    let host = Host::new();
    let children = host.children(parent.pid).unwrap();
    let rows = children.iter().filter_map(|child| host.read(*child).ok());
    rows.filter(|row| row.state == State::Zombie).map(|row| row.id).collect()
}

fn collected(results: &[Reaping]) -> usize {
    results.iter().filter(|result| matches!(result, Reaping::Injected { .. })).count()
}

#[test]
fn every_kind_of_wait_goes_on_undisturbed() {
    for wait in Negligent::WAITS {
        let mut parent = Negligent::spawn(wait, 3).unwrap();
        let target = id(parent.pid());
        for round in 0..4 {
            let dead = dead_children(&target);
            assert_eq!(dead.len(), if round == 0 { 3 } else { 1 }, "{wait}, round {round}");
            let results = inject(&target, &dead).unwrap_or_else(|error| panic!("{wait}, round {round}: {error}"));
            assert_eq!(collected(&results), dead.len(), "{wait}, round {round}: {results:?}");
            assert_eq!(dead_children(&target), [], "{wait}, round {round}");
            assert_eq!(parent.account().unwrap(), QUIET, "{wait}, round {round}");
            parent.one_more().unwrap();
        }
        assert!(parent.end().unwrap().success(), "{wait}");
    }
}

#[test]
fn calls_that_are_never_begun_again_see_eintr_and_nothing_else() {
    for wait in Negligent::WAITS_WITH_EINTR {
        let mut parent = Negligent::spawn(wait, 1).unwrap();
        let target = id(parent.pid());
        let results = inject(&target, &dead_children(&target)).unwrap();
        assert_eq!(collected(&results), 1, "{wait}: {results:?}");
        let Account { interrupted, wrong } = parent.account().unwrap();
        assert!(interrupted <= 1 && wrong == 0, "{wait}: {interrupted} {wrong}");
        assert!(parent.end().unwrap().success(), "{wait}");
    }
}

#[test]
fn a_thousand_heavy_zombies_are_listed_with_their_parent_and_reaped() {
    let mut parent = Negligent::spawn("poll", 1000).unwrap();
    let target = id(parent.pid());
    let found = zombies().of_parent(target.pid);
    assert_eq!(found.list.len(), 1000);
    let [owner] = found.owners.as_slice() else { panic!("{:?}", found.owners) };
    assert_eq!((owner.pid, owner.zombies, owner.is_init), (Some(target.pid), 1000, Some(false)));
    assert!(owner.detail.command_line.as_ref().is_some_and(|words| words.ends_with(&["poll".into(), "1000".into()])));
    assert!(
        owner
            .info
            .as_ref()
            .is_some_and(|info| info.name == "fell-negligent" && info.id.birth.inode == Host::new().inode(&target))
    );
    for zombie in &found.list {
        assert_eq!(zombie.parent.as_ref().map(|parent| parent.pid()), Some(target.pid));
        assert_eq!(zombie.info.exit_status, Some(7 << 8));
    }
    let ids: Vec<ProcessId> = found.list.iter().map(|zombie| zombie.info.id).collect();
    let results = inject(&target, &ids).unwrap();
    assert_eq!(collected(&results), 1000);
    assert_eq!(dead_children(&target), []);
    assert_eq!(parent.account().unwrap(), QUIET);
}

/// The listing of a thousand zombies against a plain scan of the same table.
#[test]
fn a_heavy_listing_costs_little_more_than_a_scan() {
    if std::env::var_os("FELL_HEAVY").is_none() {
        eprintln!("skipped: a measurement; FELL_HEAVY=1 runs it");
        return;
    }
    let _parent = Negligent::spawn("poll", 1000).unwrap();
    let best = |deed: &dyn Fn()| {
        let once = |_| {
            let begin = Instant::now();
            deed();
            begin.elapsed()
        };
        (0..7).map(once).min().unwrap()
    };
    let scan = best(&|| drop(fell::look()));
    let listing = best(&|| drop(zombies()));
    eprintln!("scan {scan:?}, listing {listing:?}");
    // The measure is meant for what is shipped.
    let more = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });
    assert!(listing < scan + more, "scan {scan:?}, listing {listing:?}");
}

#[test]
fn the_heavy_tracer_is_killed_at_random_moments() {
    let kills = if std::env::var_os("FELL_HEAVY").is_some() { 200 } else { 12 };
    let seed = std::env::var("FELL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand_seed);
    eprintln!("FELL_SEED={seed}");
    let mut random = seed;
    let mut waits = Negligent::WAITS.iter().cycle();
    let mut within = 0;
    let mut done = 0;
    while done < kills {
        let wait = waits.next().unwrap();
        let mut parent = Negligent::spawn(wait, 150).unwrap();
        let target = id(parent.pid());
        // Each kill leaves some bytes that are not used again.
        for _ in 0..6 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let delay = Duration::from_micros((random >> 33) % 6000);
            let before = dead_children(&target);
            within += u32::from(killed_after(&target, &before, delay));
            let account = parent.account().unwrap_or_else(|error| panic!("{wait} after {delay:?}: {error}"));
            assert_eq!(account, QUIET, "{wait} after {delay:?}");
            for _ in dead_children(&target).len()..150 {
                parent.one_more().unwrap();
            }
            done += 1;
        }
        // Whole and still to be helped.
        let dead = dead_children(&target);
        assert_eq!(collected(&inject(&target, &dead).unwrap()), dead.len(), "{wait}");
        assert!(parent.end().unwrap().success(), "{wait}");
    }
    eprintln!("{within} of {done} tracers were killed while they worked");
    assert!(within > 0, "none of {done}");
}

fn rand_seed() -> u64 {
    std::process::id().into()
}

/// Injects, and kills the tracer after this time; whether that came before its work was done.
fn killed_after(target: &ProcessId, dead: &[ProcessId], delay: Duration) -> bool {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let injecting = scope.spawn(move || {
            sender.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
            inject(target, dead)
        });
        let thread = receiver.recv().unwrap();
        let children = format!("/proc/self/task/{thread}/children");
        let tracer = loop {
            let list = fs::read_to_string(&children).unwrap_or_default();
            match list.trim().parse().ok().and_then(rustix::process::Pid::from_raw) {
                None if injecting.is_finished() => break None,
                None => {}
                found => break found,
            }
        };
        let begin = Instant::now();
        while begin.elapsed() < delay {}
        if let Some(tracer) = tracer
            && let Ok(handle) = pidfd_open(tracer, PidfdFlags::empty())
        {
            pidfd_send_signal(&handle, Signal::KILL).ok();
        }
        match injecting.join().unwrap() {
            Ok(results) => collected(&results) < dead.len(),
            Err(InjectError::Busy) => true,
            Err(error) => panic!("{error}"),
        }
    })
}

#[test]
fn an_interpreter_goes_on() {
    let python = "import sys, time\nprint('ready', flush=True)\nfor line in sys.stdin:\n  time.sleep(0.01)\n  \
        print('pong interrupted=0 wrong=%d' % (sum(range(1000)) != 499500), flush=True)\n";
    let node = "console.log('ready'); setInterval(() => {}, 1000); process.stdin.on('data', () => setTimeout(() => \
        console.log('pong interrupted=0 wrong=0'), 5)); process.stdin.on('end', () => process.exit(0))";
    for (program, option, script) in [("python3", "-c", python), ("node", "-e", node)] {
        if Command::new(program).arg("--version").output().is_err() {
            eprintln!("skipped: {program} is not on this machine");
            continue;
        }
        // The shell leaves a child to the program that it becomes, which knows nothing of it.
        let mut command = Command::new("sh");
        command.args(["-c", "(exit 5) & (exit 6) & exec timeout -k1 50 \"$@\"", "sh", "sh", "-c"]);
        command.args(["(exit 5) & (exit 6) & exec \"$@\"", "sh", program, option, script]);
        let mut parent = Negligent::start(&mut command).unwrap();
        let target = grown_from(parent.pid(), program);
        for _ in 0..3 {
            let dead = dead_children(&target);
            let results = inject(&target, &dead).unwrap();
            assert_eq!(collected(&results), dead.len(), "{program}: {results:?}");
            parent.order(b"p\n").unwrap();
            assert_eq!(parent.read_account().unwrap(), QUIET, "{program}");
        }
        assert_eq!(dead_children(&target), [], "{program}");
        assert!(parent.end().unwrap().success(), "{program}");
    }
}

/// The process that runs this program, at or below this one.
fn grown_from(root: u32, program: &str) -> ProcessId {
    let host = Host::new();
    let mut pid = Pid::new(root).unwrap();
    loop {
        let row = host.read(pid).unwrap();
        // Some set their own name; what they were started as stays in the command line.
        let words = host.command_line(pid).unwrap();
        if words.first().is_some_and(|word| word.to_string_lossy().ends_with(program)) {
            return row.id;
        }
        let living = |child: &Pid| host.read(*child).is_ok_and(|row| row.state != State::Zombie);
        match host.children(pid).unwrap().into_iter().find(living) {
            Some(child) => pid = child,
            None => std::thread::yield_now(),
        }
    }
}

/// The danger that the documentation tells of.
#[test]
fn a_program_that_waits_after_all_is_told_something_else() {
    let script = "import subprocess, sys\nchild = subprocess.Popen(['sh', '-c', 'exit 5'])\nprint('ready', flush=True)\n\
        sys.stdin.readline()\nprint(child.poll(), flush=True)\nsys.stdin.read()\n";
    let mut command = Command::new("python3");
    let Ok(mut parent) = Negligent::start(command.args(["-c", script])) else {
        eprintln!("skipped: python3 is not on this machine");
        return;
    };
    let target = id(parent.pid());
    let dead = loop {
        match dead_children(&target).as_slice() {
            [one] => break *one,
            _ => std::thread::yield_now(),
        }
    };
    assert_eq!(collected(&inject(&target, &[dead]).unwrap()), 1);
    parent.order(b"go on\n").unwrap();
    assert_eq!(parent.answer().unwrap(), "0");
}

#[test]
fn the_first_process_of_a_container_is_helped_in_its_own_numbers() {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc"]).arg(Negligent::program().unwrap()).args(["read", "3"]);
    let Ok(mut parent) = Negligent::start(&mut command) else {
        eprintln!("skipped: no PID namespace is to be had here");
        return;
    };
    let target = grown_from(parent.pid(), "fell-negligent");
    let found = zombies().of_parent(target.pid);
    assert_eq!((found.list.len(), found.owners[0].is_init), (3, Some(true)));
    let dead = dead_children(&target);
    assert_eq!(collected(&inject(&target, &dead).unwrap()), 3);
    assert_eq!(dead_children(&target), []);
    assert_eq!(parent.account().unwrap(), QUIET);
    let refused = fell::zombie::kill_parent(target, &fell::KillPolicy::default()).unwrap_err();
    assert!(matches!(refused, fell::Error::Refused { refusal: fell::Refusal::Init, .. }), "{refused}");
    assert!(parent.end().unwrap().success());
}

#[test]
fn who_is_no_zombie_of_the_parent_is_left_alone() {
    let one = Negligent::spawn("read", 1).unwrap();
    let other = Negligent::spawn("read", 1).unwrap();
    let (one, other) = (id(one.pid()), id(other.pid()));
    let theirs = dead_children(&other);
    let mut stale = dead_children(&one)[0];
    stale.birth.start = stale.birth.start.map(|start| start - 1);
    let results = inject(&one, &[theirs[0], other, stale]).unwrap();
    let [Reaping::NotOurs { parent }, Reaping::NotOurs { .. }, Reaping::AlreadyGone] = results.as_slice() else {
        panic!("{results:?}")
    };
    assert_eq!(*parent, Some(other.pid));
    assert_eq!((dead_children(&one).len(), dead_children(&other).len()), (1, 1));
}

#[test]
fn own_children_are_reaped_and_not_injected() {
    let own = id(std::process::id());
    assert!(matches!(inject(&own, &[]), Err(InjectError::Own)));
}
