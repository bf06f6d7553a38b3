//! The tracer ends at each of its steps, and whom it held goes on.

use super::collect_within;
use crate::pid::Pid;
use crate::sys::inject::{InjectError, Verdict, Wanted};
use crate::sys::linux::Linux;
use crate::sys::linux::raw::exit;
use crate::sys::{Machine, ReadError};
use fell_testkit::{Account, Negligent, Trick, Victim};
use std::cell::Cell;
use std::process::{Command, Stdio};

thread_local! {
    /// How many calls of ptrace the next tracer makes before it ends in the middle of its work; `None` for all.
    static STEPS: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Called behind each call of ptrace that changes something. In the tracer, which is a copy of the thread that asked for it.
pub(super) fn after_a_step() {
    let left = STEPS.get().map(|steps| steps.saturating_sub(1));
    STEPS.set(left);
    if left == Some(0) {
        exit(9);
    }
}

fn pid(number: u32) -> Pid {
    Pid::new(number).unwrap()
}

/// The dead children of a process.
fn dead(host: &Linux, parent: Pid) -> Vec<Wanted> {
    let rows = host.children(parent).unwrap().into_iter().filter_map(|child| host.read(child).ok());
    let dead = rows.filter(|row| row.state == crate::info::State::Zombie);
    dead.map(|row| Wanted { pid: row.pid(), start: row.id.birth.start.unwrap() }).collect()
}

fn collect(host: &Linux, parent: Pid) -> Result<Vec<Verdict>, InjectError> {
    let start = host.read(parent).unwrap().id.birth.start.unwrap();
    collect_within(parent, start, &dead(host, parent))
}

#[test]
fn the_tracer_may_end_at_each_step() {
    let host = Linux::new();
    for wait in Negligent::WAITS.into_iter().chain(Negligent::WAITS_WITH_EINTR) {
        let mut ended_within = 0;
        let mut parent = Negligent::spawn(wait, 1).unwrap();
        for step in 1.. {
            // What a killed tracer leaves in the room is not used again: a fresh parent before there is none left.
            if step % 12 == 0 {
                parent = Negligent::spawn(wait, 1).unwrap();
            }
            if dead(&host, pid(parent.pid())).is_empty() {
                parent.one_more().unwrap();
            }
            STEPS.set(Some(step));
            let result = collect(&host, pid(parent.pid()));
            STEPS.set(None);
            let Account { interrupted, wrong } = parent.account().unwrap_or_else(|error| {
                panic!("{wait} does not go on after step {step}: {error}");
            });
            let expected = if Negligent::WAITS_WITH_EINTR.contains(&wait) { step } else { 0 };
            assert!(interrupted <= expected && wrong == 0, "{wait}, step {step}: {interrupted} {wrong}");
            match result {
                Ok(verdicts) if matches!(verdicts.as_slice(), [Verdict::Collected]) && step > 30 => break,
                Ok(_) | Err(InjectError::Busy) => ended_within += 1,
                Err(error) => panic!("{wait}, step {step}: {error}"),
            }
            assert!(step < 100, "{wait}: never done");
        }
        assert!(ended_within >= 25, "{wait}: {ended_within}");
        assert!(parent.end().unwrap().success(), "{wait}");
    }
}

#[test]
fn a_stopped_parent_is_left_alone() {
    let host = Linux::new();
    let mut parent = Negligent::spawn("read", 2).unwrap();
    let target = pid(parent.pid());
    let held = crate::pin::Pinned::on(&host, &crate::id::ProcessId::unborn(target)).unwrap();
    held.signal(crate::signal::Signal::STOP).unwrap();
    while host.read(target).unwrap().state != crate::info::State::Stopped {
        std::thread::yield_now();
    }
    assert!(matches!(collect(&host, target), Err(InjectError::Stopped)));
    assert_eq!(host.read(target).unwrap().state, crate::info::State::Stopped);
    held.signal(crate::signal::Signal::CONT).unwrap();
    assert_eq!(parent.account().unwrap(), Account { interrupted: 0, wrong: 0 });
}

#[test]
fn a_signal_still_interrupts_the_call() {
    let host = Linux::new();
    let mut parent = Negligent::spawn("interruptible", 1).unwrap();
    let target = pid(parent.pid());
    let held = crate::pin::Pinned::on(&host, &crate::id::ProcessId::unborn(target)).unwrap();
    for turn in 1..=20 {
        let verdicts = collect(&host, target).unwrap();
        assert!(matches!(verdicts.as_slice(), [Verdict::Collected]), "{verdicts:?}");
        held.signal("USR1".parse().unwrap()).unwrap();
        assert_eq!(parent.read_account().unwrap(), Account { interrupted: turn, wrong: 0 });
        parent.one_more().unwrap();
    }
}

#[test]
fn who_must_not_be_disturbed_is_refused() {
    let host = Linux::new();
    let traced =
        Victim::of(Trick::Ptraced).spawn().and_then(|mut victim| victim.wait_ready().map(|()| victim)).unwrap();
    let root = pid(traced.pid().unwrap());
    let members = host.children(root).unwrap();
    let refused = |member: &Pid| {
        let start = host.read(*member).unwrap().id.birth.start.unwrap();
        // What is to be collected does not matter: it does not come to that.
        collect_within(*member, start, &[Wanted { pid: root, start: 0 }])
    };
    let errors: Vec<_> = members.iter().filter_map(|member| refused(member).err()).collect();
    assert!(
        errors.iter().any(|error| matches!(error, InjectError::Traced(Some(by)) if members.contains(by))),
        "{errors:?}"
    );
}

#[test]
fn who_is_filtered_is_refused() {
    let host = Linux::new();
    let script = "import ctypes, os, sys\nlibc = ctypes.CDLL(None)\nlibc.prctl(38, 1, 0, 0, 0)\n\
        class F(ctypes.Structure): _fields_ = [('code', ctypes.c_ushort), ('jt', ctypes.c_ubyte), ('jf', ctypes.c_ubyte), ('k', ctypes.c_uint)]\n\
        class P(ctypes.Structure): _fields_ = [('len', ctypes.c_ushort), ('filter', ctypes.POINTER(F))]\n\
        allow = (F * 1)(F(6, 0, 0, 0x7fff0000))\n\
        assert libc.prctl(22, 2, ctypes.byref(P(1, allow)), 0, 0) == 0\n\
        if os.fork() == 0: os._exit(1)\nprint('ready', flush=True)\nsys.stdin.read()\n";
    let spawned = Negligent::start(Command::new("python3").args(["-c", script]).stderr(Stdio::inherit()));
    let Ok(parent) = spawned else {
        eprintln!("skipped: python3 can't set a filter here");
        return;
    };
    let target = pid(parent.pid());
    while dead(&host, target).is_empty() {
        std::thread::yield_now();
    }
    assert!(matches!(collect(&host, target), Err(InjectError::Filtered)));
}

#[test]
fn who_handles_its_own_calls_is_refused() {
    let host = Linux::new();
    // The selector stays at "allow": every call goes through as it is.
    let script = "import ctypes, os, sys\nlibc = ctypes.CDLL(None)\nselector = ctypes.c_char(0)\n\
        assert libc.prctl(59, ctypes.c_long(1), ctypes.c_long(0), ctypes.c_long(0), ctypes.byref(selector)) == 0\n\
        if os.fork() == 0: os._exit(1)\nprint('ready', flush=True)\nsys.stdin.read()\n";
    let spawned = Negligent::start(Command::new("python3").args(["-c", script]).stderr(Stdio::null()));
    let Ok(parent) = spawned else {
        eprintln!("skipped: no python3, or a kernel before 5.11");
        return;
    };
    let target = pid(parent.pid());
    while dead(&host, target).is_empty() {
        std::thread::yield_now();
    }
    match collect(&host, target) {
        Err(InjectError::Dispatched) => {}
        // Before Linux 6.4 it can't be told, and the call is allowed here.
        Ok(verdicts) if crate::sys::linux::kernel_version() < (6, 4) => drop(verdicts),
        other => panic!("{other:?}"),
    }
}

/// A 32-bit program: it has a dead child and waits, for a minute at most.
const FOREIGN: [u8; 130] = {
    let code: [u8; 46] = [
        0xb8, 27, 0, 0, 0, 0xbb, 60, 0, 0, 0, 0xcd, 0x80, // alarm(60)
        0xb8, 2, 0, 0, 0, 0xcd, 0x80, // fork()
        0x85, 0xc0, 0x74, 9, // in the child, past the loop
        0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7, // pause(), and again
        0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80, // exit(0)
        0x90, 0x90, 0x90, 0x90, 0x90,
    ];
    let header: [u8; 84] = [
        0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, // 32 bits, little-endian
        2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0x80, 0x04, 0x08, 52, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0,
        0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x80, 0x04, 0x08, 0x00, 0x80, 0x04, 0x08, 130, 0, 0, 0, 130, 0, 0, 0,
        5, 0, 0, 0, 0, 0x10, 0, 0,
    ];
    let mut file = [0; 130];
    let mut at = 0;
    while at < file.len() {
        file[at] = if at < header.len() { header[at] } else { code[at - header.len()] };
        at += 1;
    }
    file
};

#[test]
fn a_32_bit_parent_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let host = Linux::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign");
    std::fs::write(&path, FOREIGN).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = match Command::new(&path).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped: 32-bit programs can't be run here: {error}");
            return;
        }
    };
    let target = pid(child.id());
    let found = loop {
        let found = dead(&host, target);
        if !found.is_empty() || child.try_wait().unwrap().is_some() {
            break found;
        }
        std::thread::yield_now();
    };
    let result = collect(&host, target);
    crate::pin::Pinned::on(&host, &crate::id::ProcessId::unborn(target))
        .unwrap()
        .signal(crate::signal::Signal::KILL)
        .unwrap();
    child.wait().unwrap();
    assert_eq!(found.len(), 1);
    assert!(matches!(result, Err(InjectError::Foreign)), "{result:?}");
}

#[test]
fn who_does_not_stop_is_let_go() {
    let host = Linux::new();
    let victim =
        Victim::of(Trick::VforkWait).spawn().and_then(|mut victim| victim.wait_ready().map(|()| victim)).unwrap();
    let root = pid(victim.pid().unwrap());
    let [blocked] = host.children(root).unwrap()[..] else { panic!("one child is blocked in vfork") };
    let start = host.read(blocked).unwrap().id.birth.start.unwrap();
    let result = collect_within(blocked, start, &[Wanted { pid: root, start: 0 }]);
    assert!(matches!(result, Err(InjectError::Busy)), "{result:?}");
    assert_eq!(host.read(blocked).unwrap().state, crate::info::State::Uninterruptible);
    assert_eq!(victim.survivors().unwrap().len(), 3);
}

#[test]
fn who_has_ended_is_gone() {
    let host = Linux::new();
    let parent = Negligent::spawn("read", 0).unwrap();
    let target = pid(parent.pid());
    let start = host.read(target).unwrap().id.birth.start.unwrap();
    parent.end().unwrap();
    let wanted = [Wanted { pid: target, start }];
    assert!(matches!(host.read(target), Err(ReadError::Gone)));
    assert!(matches!(collect_within(target, start, &wanted), Err(InjectError::Gone)));
}
