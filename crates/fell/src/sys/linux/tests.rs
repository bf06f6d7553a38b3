//! The machine against this kernel, each rung of the ladder of fallbacks forced by a switch or by a real condition.

use super::*;
use crate::outcome::Mechanism;
use crate::signal::Signal;
use crate::sys::SignalError;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;

const LONG: Duration = Duration::from_secs(30);
const NO_PIDFD: Abilities = Abilities { pidfd: false, ..Abilities::ALL };
const RUNGS: [Abilities; 2] = [Abilities::ALL, NO_PIDFD];

/// A child that lives until its input is closed.
struct Waiter {
    child: Child,
    input: Option<ChildStdin>,
}

impl Waiter {
    fn new() -> Waiter {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // It is `cat` once it answers; before, it is a copy of this process.
        input.write_all(b"?").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Waiter { child, input: Some(input) }
    }

    fn pid(&self) -> Pid {
        Pid::new(self.child.id()).unwrap()
    }

    /// Lets it end, and waits until it has.
    fn end(&mut self) {
        self.input = None;
        let handle = Linux::new().open(self.pid()).unwrap();
        wait_for_end(&Linux::new(), &handle);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.input = None;
        self.child.wait().unwrap();
    }
}

fn wait_for_end(machine: &Linux, handle: &LinuxHandle) {
    let deadline = machine.now() + LONG;
    while !handle.has_ended() {
        assert!(machine.now() < deadline, "it never ended");
        machine.wait(&[handle], LONG);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn last_error() -> io::Error {
    io::Error::last_os_error()
}

#[test]
fn a_handle_follows_its_process_to_the_end() {
    for rung in RUNGS {
        let machine = Linux::with(rung);
        let mut waiter = Waiter::new();
        let pid = waiter.pid();
        let handle = machine.open(pid).unwrap();
        let row = machine.read(pid).unwrap();
        assert_eq!((row.name.as_str(), row.parent, row.threads), ("cat", Some(machine.own()), Some(1)));
        assert!(row.id.birth.start.unwrap() <= machine.ticks());
        assert_ne!(handle.id().compare(&row.id), Sameness::Different);
        assert_eq!(machine.variable(pid, "PATH").unwrap(), std::env::var_os("PATH"));
        assert_eq!(machine.command_line(pid).unwrap(), ["cat"]);
        assert!(!handle.has_ended() && !handle.is_collected());

        waiter.end();
        assert!(handle.has_ended() && !handle.is_collected() && !handle.is_gone());
        let row = machine.read(pid).unwrap();
        assert_eq!((row.state, row.exit_status), (State::Zombie, Some(0)));
        assert_eq!(machine.living_threads(pid).unwrap(), 0);
        assert!(machine.command_line(pid).unwrap().is_empty());
        assert!(handle.signal(Signal::CONT).is_ok(), "a zombie takes signals");
        assert!(!handle.wait_until_collected(Duration::from_millis(3)));

        drop(waiter);
        assert!(handle.has_ended() && handle.is_collected() && handle.wait_until_collected(LONG));
        // Without a pidfd, asking costs as much as a row.
        assert_eq!(handle.is_gone(), handle.fd().is_some());
        assert!(matches!(handle.signal(Signal::KILL), Err(SignalError::Gone)));
        assert!(matches!(machine.read(pid), Err(ReadError::Gone)));
        assert!(matches!(machine.open(pid), Err(OpenError::Gone)));
        assert!(matches!(machine.children(pid), Err(ReadError::Gone)));
    }
}

#[test]
fn a_signal_arrives() {
    for (rung, mechanism) in RUNGS.into_iter().zip([Mechanism::Pidfd, Mechanism::CheckedPid]) {
        let machine = Linux::with(rung);
        let mut waiter = Waiter::new();
        let handle = machine.open(waiter.pid()).unwrap();
        assert_eq!(handle.mechanism(), mechanism);
        handle.signal(Signal::TERM).unwrap();
        wait_for_end(&machine, &handle);
        assert_eq!(machine.read(waiter.pid()).unwrap().exit_status, Some(15));
        assert_eq!(waiter.child.wait().unwrap().signal(), Some(15));
    }
}

#[test]
fn signals_above_the_named_ones_are_sent_too() {
    let machine = Linux::new();
    let mut waiter = Waiter::new();
    machine.open(waiter.pid()).unwrap().signal(Signal::from_number(64).unwrap()).unwrap();
    assert_eq!(waiter.child.wait().unwrap().signal(), Some(64));
}

#[test]
fn collects_its_own_child_alone() {
    for rung in RUNGS {
        let machine = Linux::with(rung);
        let other = Waiter::new();
        // Not a Waiter, whose end would look for the child.
        let mut child = Command::new("sh").args(["-c", "read x; exit 7"]).stdin(Stdio::piped()).spawn().unwrap();
        let handle = machine.open(Pid::new(child.id()).unwrap()).unwrap();
        assert!(matches!(handle.collect().unwrap(), Collected::Alive));
        drop(child.stdin.take());
        wait_for_end(&machine, &handle);
        assert!(matches!(handle.collect().unwrap(), Collected::Status(status) if status.code() == Some(7)));
        assert!(matches!(handle.collect().unwrap(), Collected::NoChild));
        assert!(child.wait().is_err());
        assert!(matches!(machine.open(Pid::INIT).map(|init| init.collect()), Ok(Ok(Collected::NoChild)) | Err(_)));
        drop(other);
    }
}

#[test]
fn a_killed_child_is_collected_with_its_signal() {
    let machine = Linux::new();
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let handle = machine.open(Pid::new(child.id()).unwrap()).unwrap();
    handle.signal(Signal::KILL).unwrap();
    wait_for_end(&machine, &handle);
    assert!(matches!(handle.collect().unwrap(), Collected::Status(status) if status.signal() == Some(9)));
    assert!(child.wait().is_err(), "collected already");
}

#[test]
fn a_thread_is_no_process() {
    let (tell, told) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        tell.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        released.recv().unwrap_err();
    });
    let tid = Pid::from_raw(told.recv().unwrap()).unwrap();
    for rung in RUNGS {
        assert!(matches!(Linux::with(rung).open(tid), Err(OpenError::Gone)), "{rung:?}");
    }
    drop(release);
    thread.join().unwrap();
}

#[test]
fn children_of_every_thread_are_listed() {
    let machine = Linux::new();
    let here = Waiter::new();
    let there = std::thread::spawn(Waiter::new);
    let (tell, told) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let waiter = Waiter::new();
        tell.send(waiter.pid()).unwrap();
        released.recv().unwrap_err();
    });
    let living = told.recv().unwrap();
    // Its thread has ended.
    let there = there.join().unwrap();
    let children = machine.children(machine.own()).unwrap();
    let row = machine.read(machine.own()).unwrap();
    assert!(row.threads > Some(1), "{row:?}");
    let by_row = machine.children_of(&row).unwrap();
    for pid in [here.pid(), there.pid(), living] {
        assert!(children.contains(&pid), "{pid} in {children:?}");
        assert!(by_row.contains(&pid), "{pid} in {by_row:?}");
    }
    drop(release);
    thread.join().unwrap();
    let without = Linux::with(Abilities { children: false, ..Abilities::ALL });
    assert!(matches!(without.children(machine.own()), Err(ReadError::Unsupported)));
}

#[test]
fn a_list_of_more_than_one_page_is_read_whole() {
    let mut shell = Command::new("sh")
        .args(["-c", "i=0; while [ $i -lt 900 ]; do true & i=$((i+1)); done; echo done; exec cat >&2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::new(shell.id()).unwrap();
    shell.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
    // The shell may collect some while it forks others; once it has become `cat`, it keeps them.
    let machine = Linux::new();
    let mut name = String::new();
    while name != "cat" {
        name = machine.read(pid).unwrap().name;
    }
    let before = machine.children(pid).unwrap();
    let table = machine.table();
    let by_table = table.rows.iter().filter(|row| row.parent == Some(pid)).count();
    assert_eq!(before.len(), by_table);
    drop(shell.stdin.take());
    shell.wait().unwrap();
}

#[test]
fn the_table_holds_everybody_and_counts_its_cost() {
    let waiter = Waiter::new();
    let machine = Linux::new();
    let table = machine.table();
    let row = table.row(waiter.pid()).unwrap();
    assert_eq!(row.parent, Some(machine.own()));
    assert!(row.memory.unwrap() > 0);
    assert!(table.row(machine.own()).is_some());
    let rows = u64::try_from(table.rows.len()).unwrap();
    assert!(table.cost.files >= rows && table.cost.directories == 1, "{:?}", table.cost);
    assert_eq!(table.coverage, Coverage::Table);
}

#[test]
fn waiting_ends_with_the_first_process() {
    for rung in RUNGS {
        let machine = Linux::with(rung);
        let (mut first, second) = (Waiter::new(), Waiter::new());
        let handles = [machine.open(first.pid()).unwrap(), machine.open(second.pid()).unwrap()];
        let before = machine.now();
        machine.wait(&handles.each_ref(), Duration::from_millis(1));
        assert!(machine.now() - before >= Duration::from_millis(1));
        first.input = None;
        wait_for_end(&machine, &handles[0]);
        machine.wait(&handles.each_ref(), LONG);
        assert!(machine.now() - before < LONG && !handles[1].has_ended());
    }
}

#[test]
fn the_inode_names_a_process_for_good() {
    let machine = Linux::new();
    let waiter = Waiter::new();
    let handle = machine.open(waiter.pid()).unwrap();
    let row = machine.read(waiter.pid()).unwrap();
    let inode = machine.inode(&row.id);
    assert_eq!(inode, handle.id().birth.inode);
    assert_eq!(inode.is_some(), kernel_version() >= (6, 9));
    let other = ProcessId::started(waiter.pid(), row.id.birth.start.unwrap() + 1);
    assert_eq!(machine.inode(&other), None);
}

#[test]
fn tells_for_how_long_a_zombie_has_been_dead() {
    let machine = Linux::new();
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    if machine.exec_start(b"/proc/self/sched").is_none() {
        return;
    }
    let processors = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).take(4);
    let waiters: Vec<_> = processors
        .map(|cpu| {
            let mut waiter = std::thread::spawn(move || {
                let mut only = rustix::thread::CpuSet::new();
                only.set(cpu);
                rustix::thread::sched_setaffinity(None, &only).unwrap();
                Waiter::new()
            })
            .join()
            .unwrap();
            let alive = machine.dead_for(waiter.pid());
            assert_eq!(alive, None, "it lives");
            let began = clock::awake();
            waiter.end();
            (waiter, began, clock::awake())
        })
        .collect();
    machine.wait(&[], Duration::from_millis(60));
    let slack = Duration::from_millis(20);
    for (waiter, began, ended) in &waiters {
        let before = clock::awake();
        let dead_for = machine.dead_for(waiter.pid()).unwrap();
        let after = clock::awake();
        assert!(dead_for + slack >= before - *ended, "{dead_for:?} of at least {:?}", before - *ended);
        assert!(dead_for <= after - *began + slack, "{dead_for:?} of at most {:?}", after - *began);
    }
    let now = rustix::thread::sched_getaffinity(None).unwrap();
    assert!(now == allowed, "the caller is bound as before");
}

/// Runs in a thread of its own, since what it does to that thread can't be undone.
fn on_a_thread(test: impl FnOnce() + Send + 'static) {
    std::thread::spawn(test).join().unwrap();
}

/// Makes a system call fail with this error for the calling thread and its children.
fn forbid(call: libc::c_long, errno: i32) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf: 0, k };
    let number = u32::try_from(call).unwrap();
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        libc::sock_filter { jt: 0, jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number) },
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
    // SAFETY: plain numbers.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0, "{}", last_error());
    // SAFETY: the filter lives during the call, which copies it.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) };
    assert_eq!(result, 0, "{}", last_error());
}

#[test]
fn a_seccomp_filter_leads_to_the_checked_pid() {
    for errno in [libc::EPERM, libc::ENOSYS] {
        on_a_thread(move || {
            forbid(libc::SYS_pidfd_open, errno);
            let machine = Linux::new();
            let mut waiter = Waiter::new();
            let handle = machine.open(waiter.pid()).unwrap();
            assert_eq!(handle.mechanism(), Mechanism::CheckedPid);
            handle.signal(Signal::TERM).unwrap();
            assert_eq!(waiter.child.wait().unwrap().signal(), Some(15));
            assert!(handle.has_ended());
        });
    }
}

#[test]
fn any_other_refusal_is_no_reason_for_a_weaker_hold() {
    on_a_thread(|| {
        forbid(libc::SYS_pidfd_open, libc::ENOMEM);
        assert!(matches!(Linux::new().open(Linux::new().own()), Err(OpenError::Failed(_))));
    });
}

/// Gives the calling thread a mount namespace of its own.
fn own_mounts() {
    // SAFETY: plain numbers; CLONE_NEWNS concerns the calling thread alone.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, 0, "{}", last_error());
    mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE, c"");
}

fn mount(source: &std::ffi::CStr, target: &std::ffi::CStr, kind: &std::ffi::CStr, flags: u64, data: &std::ffi::CStr) {
    // SAFETY: the strings live during the call.
    let result = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) };
    assert_eq!(result, 0, "{target:?}: {}", last_error());
}

#[test]
fn without_proc_a_pidfd_still_holds() {
    if !is_root() {
        return;
    }
    on_a_thread(|| {
        let mut waiter = Waiter::new();
        own_mounts();
        mount(c"none", c"/proc", c"tmpfs", 0, c"");
        let machine = Linux::new();
        let handle = machine.open(waiter.pid()).unwrap();
        assert_eq!(handle.mechanism(), Mechanism::Pidfd);
        assert!(matches!(machine.read(waiter.pid()), Err(ReadError::Unsupported)));
        assert!(matches!(machine.children(machine.own()), Err(ReadError::Unsupported)));
        assert!(machine.read(machine.own()).unwrap().parent.is_some());
        let table = machine.table();
        assert_eq!((table.rows.len(), table.gaps.len()), (0, 1));
        let seen = crate::look::look_at_on(&machine, &ProcessId::unborn(waiter.pid()));
        assert_eq!(seen.rows.len(), 1);
        assert!(!seen.gaps.is_empty());
        assert!(matches!(Linux::with(NO_PIDFD).open(waiter.pid()), Err(OpenError::Failed(_))));
        handle.signal(Signal::KILL).unwrap();
        assert_eq!(waiter.child.wait().unwrap().signal(), Some(9));
    });
}

#[test]
fn hidden_processes_leave_a_gap_and_can_be_held() {
    if !is_root() {
        return;
    }
    on_a_thread(|| {
        let waiter = Waiter::new();
        own_mounts();
        mount(c"proc", c"/proc", c"proc", 0, c"hidepid=2");
        // SAFETY: plain numbers. The bare system calls concern this thread alone, unlike the C library's.
        let switched = unsafe {
            libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()) == 0
                && libc::syscall(libc::SYS_setresgid, 65534, 65534, 65534) == 0
                && libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) == 0
        };
        assert!(switched, "{}", last_error());
        let machine = Linux::new();
        let table = machine.table();
        assert!(table.row(Pid::INIT).is_none() && table.row(waiter.pid()).is_none());
        assert!(table.gaps[0].what.contains("hidepid"), "{:?}", table.gaps);
        assert!(matches!(machine.read(waiter.pid()), Err(ReadError::Gone)), "hidden");
        let handle = machine.open(waiter.pid()).unwrap();
        assert!(!handle.has_ended());
        assert!(matches!(handle.signal(Signal::TERM), Err(SignalError::Denied)));
        let seen = crate::look::look_at_on(&machine, &ProcessId::unborn(waiter.pid()));
        assert_eq!(seen.rows.len(), 1);
        assert_eq!(seen.gaps.len(), 2, "row and children: {:?}", seen.gaps);
    });
}

/// Runs one of these tests alone in a process of its own, by way of this wrapper program; true in that process.
fn is_alone(test: &str, wrapper: &[&str]) -> bool {
    if std::env::var_os("FELL_TEST_ALONE").is_some() {
        return true;
    }
    let own = std::env::current_exe().unwrap();
    let mut words: Vec<std::ffi::OsString> = wrapper.iter().map(Into::into).collect();
    words.push(own.into());
    let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let output = Command::new(&words[0])
        .args(&words[1..])
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env("FELL_TEST_ALONE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    false
}

#[test]
fn when_descriptors_run_out_the_reserve_reads_on() {
    if !is_alone("when_descriptors_run_out_the_reserve_reads_on", &[]) {
        return;
    }
    let machine = Linux::new();
    let mut waiters: Vec<Waiter> = (0..4).map(|_| Waiter::new()).collect();
    let first = machine.open(waiters[0].pid()).unwrap();
    assert_eq!(first.mechanism(), Mechanism::Pidfd);
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
        assert!(hoard.len() < 1_000_000, "no limit on descriptors");
    }
    let handles: Vec<_> = waiters[1..].iter().map(|waiter| machine.open(waiter.pid()).unwrap()).collect();
    assert!(handles.iter().all(|handle| handle.mechanism() == Mechanism::CheckedPid));
    let children = machine.children(machine.own()).unwrap();
    assert!(waiters.iter().all(|waiter| children.contains(&waiter.pid())));
    assert!(machine.table().row(machine.own()).is_some());
    for handle in &handles {
        assert!(!handle.has_ended());
        handle.signal(Signal::KILL).unwrap();
        wait_for_end(&machine, handle);
    }
    for waiter in &mut waiters[1..] {
        assert_eq!(waiter.child.wait().unwrap().signal(), Some(9));
    }
    drop(hoard);
}

#[test]
fn the_proc_of_another_namespace_is_not_believed() {
    if !is_root() || !is_alone("the_proc_of_another_namespace_is_not_believed", &["unshare", "--pid", "--fork"]) {
        return;
    }
    let machine = Linux::new();
    assert_eq!(machine.own(), Pid::INIT, "alone in its namespace");
    let waiter = Waiter::new();
    assert!(matches!(machine.read(waiter.pid()), Err(ReadError::Unsupported)));
    assert!(matches!(machine.children(machine.own()), Err(ReadError::Unsupported)));
    assert_eq!(machine.table().rows, []);
    let handle = machine.open(waiter.pid()).unwrap();
    assert!(!handle.has_ended());
}

#[test]
fn a_kernel_without_close_range_closes_what_proc_lists() {
    let end = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let ((kept, first), (second, other)) = (end(), end());
    let closed = [first, second].map(std::os::fd::IntoRawFd::into_raw_fd);
    for fd in closed {
        let number = u32::try_from(fd).unwrap();
        assert!(raw::close_listed(number, number));
    }
    // What writes to the one and what reads from the other have gone, and nobody else.
    let mut nothing = Vec::new();
    File::from(kept).read_to_end(&mut nothing).unwrap();
    assert_eq!(nothing, b"");
    let error = rustix::io::write(&other, b"x").unwrap_err();
    assert_eq!(error, rustix::io::Errno::PIPE);
}

#[test]
fn reads_the_encoding_of_wait() {
    use crate::ending::Ending;
    assert_eq!(Ending::of_raw(0), Some(Ending::Code(0)));
    assert_eq!(Ending::of_raw(7 << 8), Some(Ending::Code(7)));
    assert_eq!(Ending::of_raw(9), Some(Ending::Signal(9)));
    assert_eq!(Ending::of_raw(0x137f), None, "stopped");
}
