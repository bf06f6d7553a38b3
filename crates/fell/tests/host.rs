//! A program that uses the library keeps what is its own: children, their statuses, SIGCHLD, descriptors.

use fell::zombie::Reaping;
use fell::{Cause, KillPolicy, Leftovers, Pid, Pinned, ProcessId, Stream, Supervisor, kill_tree, look, reap, zombies};
use fell_testkit::{Bystander, Placement, Trick, Victim};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The tests count what this process has: one at a time, where they share it.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shell(script: &str) -> Child {
    Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap()
}

/// Waits until a child has ended, and leaves it uncollected.
fn await_end(child: &Child) {
    let id = WaitId::Pid(rustix::process::Pid::from_child(child));
    waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
}

fn id(child: &Child) -> ProcessId {
    ProcessId::unborn(Pid::new(child.id()).unwrap())
}

fn open_descriptors() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    // The one that this listing itself uses has a path below /proc.
    let mut open: Vec<String> = entries
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .map(|target| target.display().to_string())
        .filter(|target| !target.starts_with("/proc/"))
        .map(|target| target.split(':').next().unwrap().to_owned())
        .collect();
    open.sort();
    open
}

fn line_of_status(name: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
}

/// Signals that are caught, ignored and blocked.
fn signals() -> [String; 3] {
    ["SigCgt", "SigIgn", "SigBlk"].map(line_of_status)
}

fn run(script: &str) -> Supervisor {
    Supervisor::new("sh")
        .args(["-c", script])
        .stdin(Stream::Null)
        .kill_policy(KillPolicy { grace: Duration::from_millis(500), ..KillPolicy::default() })
}

/// One of several runs with different ends.
fn one_of_the_runs(number: usize) {
    match number % 4 {
        0 => {
            let report = run("exit 3").spawn().unwrap().wait().unwrap();
            assert_eq!(report.status.and_then(|status| status.code()), Some(3), "{report:#?}");
            assert_eq!(report.cause, Cause::Exited);
        }
        1 => {
            let limit = Some(Duration::from_millis(100));
            let report =
                run("sleep 300 & setsid sleep 300 & sleep 300").timeout(limit).spawn().unwrap().wait().unwrap();
            assert_eq!((report.cause, report.survivors().count()), (Cause::TimedOut, 0), "{report:#?}");
        }
        2 => {
            let report = run("setsid sleep 300 & exit 0").leftovers(Leftovers::Kill).settle(Duration::ZERO);
            let report = report.spawn().unwrap().wait().unwrap();
            assert_eq!((report.leftovers.len(), report.survivors().count()), (1, 0), "{report:#?}");
        }
        _ => {
            let report = Supervisor::new("/no/such/program").spawn().unwrap().wait();
            assert!(matches!(report, Err(fell::Error::NotFound { .. })), "{report:?}");
        }
    }
}

#[test]
fn concurrent_runs_steal_no_status() {
    let _alone = alone();
    // Ended before, during and after the runs; and one that is ended by a signal.
    let mut before: Vec<Child> = (0..8).map(|number| shell(&format!("exit {}", 40 + number))).collect();
    before.iter().for_each(await_end);
    let mut while_they_run: Vec<Child> = (0..8).map(|number| shell(&format!("read x; exit {}", 60 + number))).collect();
    let mut signalled = shell("kill -USR1 $$");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for number in 0..5 {
                    one_of_the_runs(thread + number);
                    // Children of this very thread as well.
                    let mut own = shell(&format!("exit {}", 80 + number));
                    assert_eq!(own.wait().unwrap().code(), Some(80 + i32::try_from(number).unwrap()));
                }
            });
        }
        for child in while_they_run.iter_mut().step_by(2) {
            drop(child.stdin.take());
            await_end(child);
        }
    });
    for (number, child) in (0..).zip(&mut while_they_run) {
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().code(), Some(60 + number));
    }
    for (number, child) in (0..).zip(&mut before) {
        assert_eq!(child.wait().unwrap().code(), Some(40 + number));
    }
    let status = signalled.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(10));
}

#[test]
fn a_kill_steals_no_status() {
    let _alone = alone();
    let bystander = Bystander::spawn(Placement::OwnGroup).unwrap();
    let mut ended = shell("exit 5");
    await_end(&ended);
    let mut victim = Victim::of(Trick::Wide).count(10).spawn().unwrap();
    victim.wait_ready().unwrap();
    let mut obeys = shell("trap 'exit 9' TERM; sleep 300 & wait");
    let policy = KillPolicy { grace: Duration::from_secs(5), ..KillPolicy::default() };
    // Told the end only once the trap is set: the sleep is its child by then.
    while look().rows.iter().filter(|row| row.parent == Some(id(&obeys).pid)).count() == 0 {
        std::thread::yield_now();
    }
    let report = kill_tree(id(&obeys), &policy).unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.processes[0].uncollected_by, Pid::new(std::process::id()), "{report:#?}");
    assert_eq!(obeys.wait().unwrap().code(), Some(9));
    let report = kill_tree(ProcessId::unborn(Pid::new(victim.pid().unwrap()).unwrap()), &policy).unwrap();
    assert!(report.is_clean(), "{report:#?}");
    let status = victim.wait().unwrap().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
    assert_eq!(ended.wait().unwrap().code(), Some(5));
    bystander.assert_untouched();
}

#[test]
fn reaping_takes_the_one_that_is_meant() {
    let _alone = alone();
    let mut children: Vec<Child> = (0..10).map(|number| shell(&format!("exit {}", 20 + number))).collect();
    children.iter().for_each(await_end);
    let own = Pid::new(std::process::id());
    let listed = zombies();
    let ours = listed.list.iter().filter(|zombie| zombie.is_ours && zombie.info.parent == own).count();
    assert!(ours >= 10, "{listed:#?}");
    let exact = Pinned::new(&id(&children[4])).unwrap().id();
    assert!(matches!(reap(&exact), Reaping::Reaped(status) if status.code() == Some(24)));
    assert!(matches!(reap(&exact), Reaping::AlreadyGone));
    for (number, child) in (0..).zip(&mut children) {
        match number {
            4 => assert!(child.wait().is_err(), "it was collected"),
            _ => assert_eq!(child.wait().unwrap().code(), Some(20 + number)),
        }
    }
}

#[test]
fn signals_and_descriptors_are_as_they_were() {
    let _alone = alone();
    one_of_the_runs(1);
    let (before, open, threads) = (signals(), open_descriptors(), line_of_status("Threads"));
    for number in 0..24 {
        one_of_the_runs(number);
    }
    // One that is dropped half-way, and kills that find nobody.
    for _ in 0..4 {
        let running = run("setsid sleep 300 & sleep 300").spawn().unwrap();
        drop(running);
    }
    let mut gone = shell("exit 0");
    let exact = Pinned::new(&id(&gone)).unwrap().id();
    drop(gone.stdin.take());
    gone.wait().unwrap();
    assert!(kill_tree(exact, &KillPolicy::default()).unwrap().processes.is_empty());
    assert_eq!(signals(), before);
    assert_eq!(open_descriptors(), open);
    assert_eq!(line_of_status("Threads"), threads, "no thread stays");
    let children = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
    assert_eq!(children.err(), Some(rustix::io::Errno::CHILD), "no child stays, alive or not");
}

#[test]
fn two_hundred_runs_leave_nothing_heavy() {
    let _alone = alone();
    one_of_the_runs(0);
    let (open, threads) = (open_descriptors(), line_of_status("Threads"));
    for number in 0..200 {
        match number % 8 {
            0..=6 => assert!(run("exit 0").spawn().unwrap().wait().unwrap().status.unwrap().success()),
            _ => one_of_the_runs(number / 8),
        }
    }
    assert_eq!((open_descriptors(), line_of_status("Threads")), (open, threads));
    let children = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
    assert_eq!(children.err(), Some(rustix::io::Errno::CHILD), "no child stays, alive or not");
    let own = std::process::id();
    let traces: Vec<_> = [std::env::temp_dir().join(format!("fell-{}", rustix::process::geteuid().as_raw()))]
        .into_iter()
        .chain([
            "/sys/fs/cgroup".into(),
            "/sys/fs/cgroup/unified".into(),
            std::path::PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_default()).join("fell"),
        ])
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(&format!("fell-{own}-")))
        .collect();
    assert_eq!(traces, Vec::<String>::new());
}
