//! The guardian: the process between the supervisor and the command, which fells the tree when the
//! supervisor can't.
//!
//! It is forked from a process that may have threads, so everything in this file works on memory that was there
//! before the fork or is mapped here: no allocation, no lock, no panic path that would unwind into the caller.
//!
//! Duties: be the reaper of all descendants; tell the supervisor how the command ended; end when no child is left,
//! and only then (`ECHILD`, never an empty list); and, when the supervisor is gone, or is stopped beyond the time limit,
//! end the tree: first signal, grace, force.

use super::clock::timespec;
use super::launch::{Launch, exec_command};
use super::link::{Message, Order, Step, receive_order, send};
use crate::signal::Signal;
use crate::sys::parse;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions};
use std::mem::MaybeUninit;
use std::time::Duration;

/// What the guardian was told before it was forked.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// The first signal.
    pub(crate) signal: Signal,
    /// How long the tree may take to obey it.
    pub(crate) grace: Duration,
    /// The time limit, on the clock since boot; for when the supervisor is stopped.
    pub(crate) deadline: Option<Duration>,
    /// Whether orphans come home to the guardian.
    pub(crate) subreaper: bool,
}

/// The guardian's exit status when it was told to leave the tree alone.
pub(crate) const RELEASED: i32 = 3;
/// The guardian's exit status when a step of its own set-up failed; the command was not started.
pub(crate) const FAILED: i32 = 4;

/// How many processes one sweep remembers; those beyond are found by the next.
const REMEMBERED: usize = 1 << 15;
/// How long the supervisor may be late before the guardian looks whether it is stopped.
const LATENESS: Duration = Duration::from_millis(250);
/// How often newcomers may show up while the tree is being stopped.
const FREEZE_PASSES: usize = 32;

/// Becomes the guardian: forks the command, guards it, and exits.
///
/// # Safety
///
/// To be called in a process that was just forked, has one thread, and has every signal blocked.
pub(super) unsafe fn become_guardian(launch: &Launch, link: BorrowedFd<'_>, supervisor: Option<BorrowedFd<'_>>) -> ! {
    // SAFETY: as the caller promises.
    let children = unsafe { prepare(launch, link) };
    let guardian = rustix::process::getpid();
    // SAFETY: this process has one thread; the child execs or exits.
    let command = match unsafe { libc::fork() } {
        -1 => fail(link, Step::ForkCommand, errno()),
        // SAFETY: just forked, one thread, every signal blocked.
        0 => unsafe { exec_command(launch, link, guardian) },
        pid => pid,
    };
    stand_apart(launch, link, supervisor, &children);
    send(link, Message::Started { pid: command, guardian: guardian.as_raw_pid() });
    Guard::new(Role::Guardian, launch, link, supervisor, children, command).watch()
}

/// Becomes the second guardian: forks the guardian, and ends the tree if that is killed. For a caller who can't be the
/// subreaper itself.
///
/// # Safety
///
/// As [`become_guardian`].
pub(super) unsafe fn become_keeper(launch: &Launch, link: BorrowedFd<'_>, supervisor: Option<BorrowedFd<'_>>) -> ! {
    // SAFETY: as the caller promises.
    let children = unsafe { prepare(launch, link) };
    // SAFETY: this process has one thread.
    let guardian = match unsafe { libc::fork() } {
        -1 => fail(link, Step::ForkGuardian, errno()),
        0 => {
            drop(children);
            // SAFETY: just forked, one thread, every signal blocked.
            unsafe { become_guardian(launch, link, supervisor) }
        }
        pid => pid,
    };
    stand_apart(launch, link, supervisor, &children);
    Guard::new(Role::Keeper, launch, link, supervisor, children, guardian).watch()
}

/// Becomes a subreaper that sees its children end.
///
/// # Safety
///
/// Every signal is blocked.
unsafe fn prepare(launch: &Launch, link: BorrowedFd<'_>) -> OwnedFd {
    if launch.terms.subreaper
        && let Err(errno) = rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
    {
        fail(link, Step::Subreaper, errno.raw_os_error());
    }
    // An ignored SIGCHLD would make the kernel collect the children itself, and their status would be lost.
    // SAFETY: the default disposition runs no code.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // SAFETY: signalfd with a valid set; every signal is blocked, as the caller promises.
    let children = unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
        libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    if children < 0 {
        fail(link, Step::Signalfd, errno());
    }
    // SAFETY: just opened, and owned by nobody else.
    unsafe { OwnedFd::from_raw_fd(children) }
}

/// Leaves the session and the files of the process that it was forked from.
///
/// Not before the fork of the command, which stays in the supervisor's session, where the terminal is.
fn stand_apart(launch: &Launch, link: BorrowedFd<'_>, supervisor: Option<BorrowedFd<'_>>, children: &OwnedFd) {
    // Fails for a group leader only, which a process is not that was just forked.
    rustix::process::setsid().ok();
    // Permitted to root and by RLIMIT_NICE; anybody else keeps the ordinary priority.
    rustix::process::setpriority_process(None, -20).ok();
    close_others([
        link.as_raw_fd(),
        supervisor.map_or(-1, |fd| fd.as_raw_fd()),
        children.as_raw_fd(),
        launch.keep_open(),
    ]);
}

fn fail(link: BorrowedFd<'_>, step: Step, errno: i32) -> ! {
    send(link, Message::SetupFailed { step, errno });
    exit(FAILED)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Stands between supervisor and command.
    Guardian,
    /// Stands between a supervisor that is no subreaper and the guardian.
    Keeper,
}

struct Guard<'a> {
    role: Role,
    launch: &'a Launch,
    link: BorrowedFd<'a>,
    supervisor: Option<BorrowedFd<'a>>,
    children: OwnedFd,
    /// The child that this process was made for: the command, or the guardian.
    charge: i32,
    charge_ended: bool,
    /// Whoever else would end the tree is gone.
    is_alone: bool,
    sweep: Option<Sweep>,
}

impl<'a> Guard<'a> {
    fn new(
        role: Role,
        launch: &'a Launch,
        link: BorrowedFd<'a>,
        supervisor: Option<BorrowedFd<'a>>,
        children: OwnedFd,
        charge: i32,
    ) -> Guard<'a> {
        Guard { role, launch, link, supervisor, children, charge, charge_ended: false, is_alone: false, sweep: None }
    }

    fn watch(mut self) -> ! {
        loop {
            self.reap();
            if self.sweep.is_none() && self.must_sweep() {
                if !self.is_alone {
                    send(self.link, Message::Overdue);
                }
                self.sweep = Some(Sweep::new(&self.launch.terms, self.launch.cgroup_dir()));
            }
            if let Some(sweep) = &mut self.sweep {
                sweep.step();
            }
            self.wait();
        }
    }

    fn must_sweep(&self) -> bool {
        if self.is_alone || self.role == Role::Keeper {
            return self.is_alone;
        }
        let is_late = |deadline: Duration| now() >= deadline.saturating_add(LATENESS);
        self.launch.terms.deadline.is_some_and(is_late) && is_stopped(self.launch.supervisor_pid)
    }

    fn wait(&mut self) {
        let timeout = match &self.sweep {
            Some(sweep) => Some(sweep.pause()),
            // A supervisor that is late and not stopped is looked at again, each second.
            None if !self.charge_ended && self.role == Role::Guardian => self.launch.terms.deadline.map(|deadline| {
                let rest = deadline.saturating_add(LATENESS).saturating_sub(now());
                if rest.is_zero() { Duration::from_secs(1) } else { rest }
            }),
            None => None,
        };
        let never = [];
        let input = PollFlags::IN;
        let mut fds = [
            PollFd::new(&self.children, input),
            PollFd::from_borrowed_fd(self.link, input),
            PollFd::from_borrowed_fd(self.supervisor.unwrap_or(self.link), input),
        ];
        // The keeper watches the guardian, which watches the others; when alone, the closed link would wake this up for ever.
        let is_watching = !self.is_alone && self.role == Role::Guardian;
        let count = if is_watching { fds.len() } else { 1 };
        let timeout = timeout.map(timespec);
        if poll(&mut fds[..count], timeout.as_ref()).is_err() {
            // EINTR can't be: every signal is blocked. Anything else: the next turn looks at everything again.
            pause(&never);
        }
        let (has_order, is_gone) = match is_watching {
            false => (false, false),
            true => (!fds[1].revents().is_empty(), self.supervisor.is_some() && !fds[2].revents().is_empty()),
        };
        drain(&self.children);
        if has_order {
            match receive_order(self.link) {
                Order::Release => exit(RELEASED),
                Order::None => {}
                Order::Closed => self.is_alone = true,
            }
        }
        self.is_alone |= is_gone;
    }

    /// Collects every child that has ended, and exits when none is left.
    fn reap(&mut self) {
        loop {
            match wait_child() {
                Ok(Some((pid, status))) if pid == self.charge && !self.charge_ended => {
                    self.charge_ended = true;
                    self.charge_has_ended(status);
                }
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(Errno::CHILD) => self.finish(),
                Err(_) => return,
            }
        }
    }

    fn charge_has_ended(&mut self, status: i32) {
        let is_last = matches!(peek_child(), Err(Errno::CHILD));
        match self.role {
            Role::Guardian => send(self.link, Message::Ended { status, is_last }),
            // As the guardian ended, so does this: it has said what there was to say.
            Role::Keeper if libc::WIFEXITED(status) => exit(libc::WEXITSTATUS(status)),
            Role::Keeper => {
                send(self.link, Message::GuardianLost);
                self.is_alone = true;
            }
        }
    }

    fn finish(&self) -> ! {
        if self.is_alone {
            self.launch.tidy_up();
        }
        send(self.link, Message::Empty);
        exit(0)
    }
}

/// A descendant that a sweep has in hand.
#[derive(Clone, Copy)]
struct Held {
    pid: i32,
    /// Its pidfd; -1 for a child of our own where there is none to be had: only we can collect it, so that its PID stays its own.
    fd: RawFd,
    /// It had the signal of this phase.
    is_told: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Grace { until: Duration },
    Force { round: u32, least: usize },
}

/// The end of a tree by the guardian: first signal, grace, force.
struct Sweep {
    signal: Signal,
    stage: Stage,
    cgroup_dir: RawFd,
    held: &'static mut [Held],
    count: usize,
    began: Duration,
}

impl Sweep {
    fn new(terms: &Terms, cgroup_dir: RawFd) -> Sweep {
        let began = now();
        raise_file_limit();
        Sweep {
            signal: terms.signal,
            stage: Stage::Grace { until: began.saturating_add(terms.grace) },
            cgroup_dir,
            held: map_held(),
            count: 0,
            began,
        }
    }

    /// Short at first: being given a child by the kernel wakes nobody up.
    fn pause(&self) -> Duration {
        let age = now().saturating_sub(self.began);
        match self.stage {
            Stage::Grace { .. } => Duration::from_millis(if age < Duration::from_millis(100) { 1 } else { 10 }),
            Stage::Force { .. } => Duration::from_millis(if age < Duration::from_secs(60) { 1 } else { 100 }),
        }
    }

    fn step(&mut self) {
        self.forget_ended();
        match self.stage {
            Stage::Grace { until } if now() < until => {
                self.discover();
                let signal = self.signal;
                for held in &mut self.held[..self.count] {
                    if !held.is_told {
                        held.is_told = true;
                        tell(*held, signal);
                        tell(*held, Signal::CONT);
                    }
                }
            }
            Stage::Grace { .. } => {
                self.stage = Stage::Force { round: 0, least: usize::MAX };
                self.force();
            }
            Stage::Force { .. } => self.force(),
        }
    }

    /// One round of force, as the supervisor's kill loop does it: the cgroup's kill, otherwise stop to a fixpoint and kill
    /// leaves first; while the population does not fall, every second round kills without stopping.
    fn force(&mut self) {
        let Stage::Force { round, least } = self.stage else { return };
        if round == 0 && self.cgroup_dir >= 0 {
            kill_cgroup(self.cgroup_dir);
        }
        self.discover();
        let population = self.count;
        self.stage = Stage::Force { round: round.saturating_add(1), least: least.min(population) };
        if round > 0 && population >= least && round % 2 == 1 {
            for held in &self.held[..self.count] {
                tell(*held, Signal::KILL);
            }
            return;
        }
        let mut next = 0;
        for _ in 0..FREEZE_PASSES {
            while next < self.count {
                tell(self.held[next], Signal::STOP);
                next += 1;
            }
            self.discover();
            if next == self.count {
                break;
            }
        }
        for held in self.held[..self.count].iter().rev() {
            tell(*held, Signal::KILL);
        }
    }

    fn forget_ended(&mut self) {
        let mut kept = 0;
        for position in 0..self.count {
            let held = self.held[position];
            let has_ended = if held.fd >= 0 { is_readable(held.fd) } else { !is_own_child(held.pid) };
            if has_ended {
                close(held.fd);
            } else {
                self.held[kept] = held;
                kept += 1;
            }
        }
        self.count = kept;
    }

    /// Takes every descendant in hand that is not yet.
    fn discover(&mut self) {
        let own = rustix::process::getpid().as_raw_pid();
        let mut buffer = [0_u8; 1 << 14];
        if !for_each_child(own, &mut buffer, |child| self.take(child, None)) {
            // Without /proc, a probe of every number tells our own children.
            for pid in 2..=max_pid() {
                if is_own_child(pid) {
                    self.take(pid, None);
                }
            }
        }
        let mut position = 0;
        while position < self.count {
            let parent = self.held[position];
            if parent.fd >= 0 {
                for_each_child(parent.pid, &mut buffer, |child| self.take(child, Some(parent)));
            }
            position += 1;
        }
    }

    /// `parent` is `None` for our own children, whose PIDs are their own until we collect them.
    fn take(&mut self, pid: i32, parent: Option<Held>) {
        if self.count == self.held.len() || self.held[..self.count].iter().any(|held| held.pid == pid) {
            return;
        }
        let fd = Pid::from_raw(pid)
            .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok())
            .map_or(-1, IntoRawFd::into_raw_fd);
        if let Some(parent) = parent {
            // Opened, then verified: its row names a parent that is alive after the read, so that both PIDs were their own.
            let is_child = fd >= 0 && parent_of(pid) == Some(parent.pid) && !is_readable(parent.fd);
            if !is_child {
                close(fd);
                return;
            }
        } else if fd >= 0 && is_readable(fd) {
            close(fd);
            return;
        }
        self.held[self.count] = Held { pid, fd, is_told: false };
        self.count += 1;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "without a pidfd only our own uncollected children are signalled by number"
)]
fn tell(held: Held, signal: Signal) {
    // A process that ended meanwhile, or may not be signalled, is looked at again by the next step.
    if held.fd >= 0 {
        // SAFETY: an open pidfd and a valid signal number.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, held.fd, signal.as_raw(), 0, 0) };
    } else {
        // SAFETY: a signal to one PID, that of an uncollected child.
        unsafe { libc::kill(held.pid, signal.as_raw()) };
    }
}

/// Memory for the sweep; private, and touched only as far as it is used.
fn map_held() -> &'static mut [Held] {
    let bytes = REMEMBERED * size_of::<Held>();
    // SAFETY: a fresh anonymous mapping, never unmapped; all-zero bytes are valid `Held`s.
    unsafe {
        let memory = libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        if memory == libc::MAP_FAILED {
            return &mut [];
        }
        std::slice::from_raw_parts_mut(memory.cast::<Held>(), REMEMBERED)
    }
}

fn raise_file_limit() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    if rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).is_err() {
        // Fewer processes are held at once; the others follow.
    }
}

fn kill_cgroup(dir: RawFd) {
    // SAFETY: the directory is kept open for the guardian's whole life.
    let dir = unsafe { BorrowedFd::borrow_raw(dir) };
    if let Ok(file) = rustix::fs::openat(dir, c"cgroup.kill", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
        // The walk that follows kills one by one.
        rustix::io::write(&file, b"1").ok();
    }
}

/// Calls `visit` with every child of every thread. `false` if the lists can't be read at all.
fn for_each_child(pid: i32, buffer: &mut [u8; 1 << 14], mut visit: impl FnMut(i32)) -> bool {
    let mut path = PathBuffer::new();
    path.push(b"/proc/").number(pid).push(b"/task");
    let Ok(dir) =
        rustix::fs::open(path.as_c_str(), OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    else {
        return false;
    };
    let mut entries = [MaybeUninit::<u8>::uninit(); 2048];
    let mut threads = rustix::fs::RawDir::new(&dir, &mut entries);
    let mut is_readable = false;
    while let Some(Ok(entry)) = threads.next() {
        let name = entry.file_name().to_bytes();
        if name.first().is_some_and(u8::is_ascii_digit) {
            let mut path = PathBuffer::new();
            path.push(name).push(b"/children");
            if let Ok(file) = rustix::fs::openat(&dir, path.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            {
                is_readable = true;
                each_number(&file, buffer, &mut visit);
            }
        }
    }
    is_readable
}

/// Reads blank-separated numbers; the last one of a full buffer may be cut and is carried over.
fn each_number(file: &OwnedFd, buffer: &mut [u8; 1 << 14], visit: &mut impl FnMut(i32)) {
    let mut filled = 0;
    loop {
        let read = match rustix::io::read(file, &mut buffer[filled..]) {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        filled += read;
        let complete = buffer[..filled].iter().rposition(|byte| *byte == b' ').map_or(0, |at| at + 1);
        for word in buffer[..complete].split(|byte| *byte == b' ') {
            visit_number(word, visit);
        }
        buffer.copy_within(complete..filled, 0);
        filled -= complete;
    }
    visit_number(&buffer[..filled], visit);
}

fn visit_number(word: &[u8], visit: &mut impl FnMut(i32)) {
    if let Some(pid) = std::str::from_utf8(word).ok().and_then(|word| word.trim().parse().ok()) {
        visit(pid);
    }
}

fn read_stat<T>(pid: i32, then: impl FnOnce(&parse::Stat<'_>) -> T) -> Option<T> {
    let mut path = PathBuffer::new();
    path.push(b"/proc/").number(pid).push(b"/stat");
    let file = rustix::fs::open(path.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut buffer = [0_u8; 1024];
    let read = rustix::io::read(&file, &mut buffer).ok()?;
    parse::stat(&buffer[..read]).ok().map(|stat| then(&stat))
}

fn parent_of(pid: i32) -> Option<i32> {
    read_stat(pid, |stat| stat.parent.map(crate::pid::Pid::as_raw)).flatten()
}

fn is_stopped(pid: i32) -> bool {
    use crate::info::State;
    // Without /proc there is no telling, and a clock that nobody watches is worse than a second TERM.
    read_stat(pid, |stat| matches!(stat.state, State::Stopped | State::Traced)).unwrap_or(true)
}

/// The largest PID to probe: the kernel's limit on 64-bit systems.
fn max_pid() -> i32 {
    1 << 22
}

/// Whether this is a child of ours that has not ended.
fn is_own_child(pid: i32) -> bool {
    // SAFETY: `siginfo_t` is plain data, for which zero bytes are valid; WNOWAIT leaves the child uncollected.
    unsafe {
        let mut status: libc::siginfo_t = std::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        libc::waitid(libc::P_PID, pid.cast_unsigned(), &raw mut status, options) == 0 && status.si_pid() == 0
    }
}

/// Collects one child that has ended: its PID and its status in `wait(2)`'s encoding.
fn wait_child() -> Result<Option<(i32, i32)>, Errno> {
    let ended = rustix::process::wait(WaitOptions::NOHANG)?;
    Ok(ended.map(|(pid, status)| (pid.as_raw_pid(), status.as_raw())))
}

fn peek_child() -> Result<(), Errno> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT).map(|_| ())
}

fn is_readable(fd: RawFd) -> bool {
    // SAFETY: the caller holds it open.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    poll(&mut fds, Some(&timespec(Duration::ZERO))).is_ok_and(|ready| ready > 0)
}

fn drain(signals: &OwnedFd) {
    let mut buffer = [0_u8; 128 * 8];
    while rustix::io::read(signals, &mut buffer).is_ok_and(|read| read == buffer.len()) {}
}

fn close(fd: RawFd) {
    if fd >= 0 {
        // SAFETY: a descriptor of the sweep's own table, which forgets it now.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
}

/// Closes every descriptor but these: the guardian must not hold the command's pipes open.
fn close_others(mut kept: [RawFd; 4]) {
    kept.sort_unstable();
    let mut from: u32 = 0;
    for fd in kept {
        if let Ok(fd) = u32::try_from(fd) {
            if fd > from {
                close_range(from, fd - 1);
            }
            from = from.max(fd + 1);
        }
    }
    close_range(from, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    // SAFETY: nobody uses these descriptors any more in this process: it only runs the guard's loop.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result < 0 {
        // Before Linux 5.9.
        for fd in first..=last.min(65_535) {
            // SAFETY: as above.
            unsafe { libc::close(fd.cast_signed()) };
        }
    }
}

/// Waits a millisecond, on nothing.
fn pause(nothing: &[PollFd<'_>; 0]) {
    let mut nothing = nothing.clone();
    if poll(&mut nothing, Some(&timespec(Duration::from_millis(1)))).is_err() {
        // Then the loop turns at once, which is harmless.
    }
}

/// The clock since boot.
fn now() -> Duration {
    super::clock::since_boot()
}

fn errno() -> i32 {
    // SAFETY: this thread's own errno.
    unsafe { *libc::__errno_location() }
}

/// Ends this process without running anything of the program that it was forked from.
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: `_exit` runs no handlers.
    unsafe { libc::_exit(status) }
}

/// A path, built on the stack.
struct PathBuffer {
    bytes: [u8; 320],
    length: usize,
}

impl PathBuffer {
    fn new() -> PathBuffer {
        PathBuffer { bytes: [0; 320], length: 0 }
    }

    /// Appends; what would not fit is left out, and the path then names nothing.
    fn push(&mut self, text: &[u8]) -> &mut PathBuffer {
        // The last byte stays zero.
        let space = self.bytes.len() - 1 - self.length;
        let text = &text[..text.len().min(space)];
        self.bytes[self.length..self.length + text.len()].copy_from_slice(text);
        self.length += text.len();
        self
    }

    fn number(&mut self, number: i32) -> &mut PathBuffer {
        let mut digits = [0_u8; 10];
        let mut at = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            at -= 1;
            // A remainder of ten is one digit.
            digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                return self.push(&digits[at..]);
            }
        }
    }

    fn as_c_str(&self) -> &std::ffi::CStr {
        std::ffi::CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}
