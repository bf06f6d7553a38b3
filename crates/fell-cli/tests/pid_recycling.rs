//! Identities of processes that are gone, while their PIDs belong to innocents: nobody is hit.

mod common;

use common::{House, Told, User, needs, needs_root};
use fell::sys::{Host, Machine};
use fell::{KillPolicy, Pid, Pinned, ProcessId, kill_tree, look};
use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Says that the test is inside of its PID namespace.
const INSIDE: &str = "FELL_TEST_PID_NAMESPACE";
const KILLS: u32 = 1_000;
/// The kernel goes on at 300 when it has used up the numbers.
const PID_MAX: u32 = 320;

#[test]
fn recycled_pids_hit_no_innocent_heavy() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    if !needs_root("a PID namespace") || !needs("unshare") {
        return;
    }
    let house = House::new(User::Own);
    let mut command = house.command("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "recycled_pids_hit_no_innocent_heavy", "--nocapture"]).env(INSIDE, "1");
    let told = common::Started::new(command).finish_within(Duration::from_secs(200));
    assert_eq!(told.code, 0, "{}\n{}", told.text(), told.err);
    eprintln!("{}", told.err);
    house.assert_nobody(&"recycling");
}

/// The kernel's version, as far as it decides whose `pid_max` is written to.
fn kernel() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Makes PIDs scarce in this namespace. Before Linux 6.14, `pid_max` is the whole host's, and stays as it is.
fn make_pids_scarce() -> bool {
    assert_eq!(fs::read_link("/proc/self").unwrap().to_str(), Some(std::process::id().to_string().as_str()));
    if kernel() < (6, 14) {
        return false;
    }
    fs::write("/proc/sys/kernel/pid_max", PID_MAX.to_string()).unwrap();
    // The numbers below are given out once only.
    fs::write("/proc/sys/kernel/ns_last_pid", "300").unwrap();
    true
}

/// A process that waits until its input is closed, and whether it is still as it was.
struct Waiter(Child);

impl Waiter {
    fn new() -> Waiter {
        Waiter(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends it by its own will. Gives whether it was unharmed.
    fn end(mut self) -> bool {
        drop(self.0.stdin.take());
        let mut rest = Vec::new();
        self.0.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
        self.0.wait().unwrap().success()
    }
}

/// An innocent that has just this PID.
fn innocent_at(pid: u32, pids_are_scarce: bool) -> Waiter {
    let mut others = Vec::new();
    for _ in 0..PID_MAX {
        if !pids_are_scarce {
            // The next fork of this namespace takes the number behind this one.
            fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).unwrap();
        }
        let waiter = Waiter::new();
        if waiter.pid() == pid {
            assert!(others.into_iter().all(Waiter::end));
            return waiter;
        }
        // Kept, so that its number is not given out again.
        others.push(waiter);
        if others.len() > 8 {
            assert!(others.remove(0).end());
        }
    }
    panic!("{pid} does not come again");
}

fn inside() {
    let pids_are_scarce = make_pids_scarce();
    eprintln!("{} PIDs", if pids_are_scarce { "scarce" } else { "chosen" });
    let host = Host::new();
    let policies =
        [Duration::ZERO, Duration::from_millis(50)].map(|grace| KillPolicy { grace, ..KillPolicy::default() });
    let (mut hits, mut misses) = (Vec::new(), 0);
    for round in 0..KILLS {
        let former = Waiter::new();
        let pid = Pid::new(former.pid()).unwrap();
        let id = match round % 3 {
            // As the library's own handle knows it, as a text, and as the table tells it.
            0 => Pinned::new(&ProcessId::unborn(pid)).unwrap().id(),
            1 => {
                let exact = Pinned::new(&ProcessId::unborn(pid)).unwrap().id().to_string();
                exact.parse().unwrap()
            }
            _ => look().row(pid).unwrap().id,
        };
        assert!(former.end());
        if id.birth.inode.is_none() {
            // The start alone tells two owners apart from the next tick on, as its documentation says.
            let started = id.birth.start.unwrap();
            while host.ticks() <= started {
                host.wait(&[], Duration::from_millis(1));
            }
        }
        let innocent = innocent_at(pid.get(), pids_are_scarce);
        let report = kill_tree(id, &policies[usize::try_from(round % 2).unwrap()]).unwrap();
        if !report.processes.is_empty() || !report.is_clean() {
            hits.push(format!("{round} {id:?}: {report:#?}"));
        }
        if innocent.end() {
            misses += 1;
        }
    }
    assert_eq!((hits.len(), misses), (0, KILLS), "{hits:?}");
    by_command_line(pids_are_scarce);
}

/// The same through `fell kill PID:INODE`.
fn by_command_line(pids_are_scarce: bool) {
    let house = House::new(User::Own);
    for _ in 0..30 {
        let former = Waiter::new();
        let pid = former.pid();
        let id = Pinned::new(&ProcessId::unborn(Pid::new(pid).unwrap())).unwrap().id();
        assert!(id.birth.inode.is_some());
        assert!(former.end());
        let innocent = innocent_at(pid, pids_are_scarce);
        for flags in [&["--grace", "0s"][..], &["--dry-run"], &[]] {
            let mut command = Command::new(house.fell_program());
            command.arg("kill").args(flags).arg(id.to_string());
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let told = Told::by(command);
            assert_eq!(told.code, 0, "{told:?}");
            assert!(told.err.contains("already gone"), "{told:?}");
        }
        assert!(innocent.end(), "{id} was hit");
    }
}
