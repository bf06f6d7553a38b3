//! The end of a tree by its guardian: first signal, grace, force. No allocation, as in all of the guardian.

use super::clock::since_boot;
use super::guard::Terms;
use super::raw::{close, exit, for_each_child, is_own_child, is_readable, parent_of};
use crate::signal::Signal;
use rustix::fd::{BorrowedFd, IntoRawFd, RawFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions};
use std::time::Duration;

/// How many processes one sweep remembers; those beyond are found by the next.
const REMEMBERED: usize = 1 << 15;
/// How often newcomers may show up while the tree is being stopped.
const FREEZE_PASSES: usize = 32;
/// Between two probes.
const BLIND_PAUSE: Duration = Duration::from_millis(20);
/// Every so many probes, one goes through all numbers, which takes a good part of a second.
const WHOLE_PROBE: u32 = 64;

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
pub(super) struct Sweep {
    signal: Signal,
    stage: Stage,
    cgroup_dir: RawFd,
    held: &'static mut [Held],
    count: usize,
    began: Duration,
    /// There is no `/proc`: children are found by probing every number.
    is_blind: bool,
    /// How often children were looked for by probing.
    probes: u32,
}

impl Sweep {
    pub(super) fn new(terms: &Terms, cgroup_dir: RawFd) -> Sweep {
        let began = since_boot();
        raise_file_limit();
        Sweep {
            signal: terms.signal,
            stage: Stage::Grace { until: began.saturating_add(terms.grace) },
            cgroup_dir,
            held: map_held(),
            count: 0,
            began,
            is_blind: false,
            // The whole range comes last.
            probes: 1,
        }
    }

    /// Short at first: being given a child by the kernel wakes nobody up.
    pub(super) fn pause(&self) -> Duration {
        if self.is_blind {
            return BLIND_PAUSE;
        }
        let age = since_boot().saturating_sub(self.began);
        match self.stage {
            Stage::Grace { .. } => Duration::from_millis(if age < Duration::from_millis(100) { 1 } else { 10 }),
            Stage::Force { .. } => Duration::from_millis(if age < Duration::from_secs(60) { 1 } else { 100 }),
        }
    }

    pub(super) fn step(&mut self) {
        self.forget_ended();
        match self.stage {
            Stage::Grace { until } if since_boot() < until => {
                self.discover();
                let signal = self.signal;
                for held in &mut self.held[..self.count] {
                    if !held.is_told {
                        held.is_told = true;
                        // CONT alone may go where the first signal may not: to any process of the session.
                        if tell(*held, signal) {
                            tell(*held, Signal::CONT);
                        }
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
            self.probe();
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

    /// Finds our own children without `/proc`, by asking for each number whether it is one.
    ///
    /// All descendants were forked after this process, and numbers are handed out in a cycle: so they lie between this
    /// process's number and the newest, unless so many were forked since that the cycle has come round.
    fn probe(&mut self) {
        self.is_blind = true;
        let own = rustix::process::getpid().as_raw_pid();
        let (first, rest) = match newest_pid() {
            _ if self.probes.is_multiple_of(WHOLE_PROBE) => (2..=max_pid(), None),
            Some(newest) if newest > own => (own + 1..=newest, None),
            Some(newest) => (own + 1..=max_pid(), Some(2..=newest)),
            None => (2..=max_pid(), None),
        };
        self.probes = self.probes.wrapping_add(1);
        for pid in first.chain(rest.into_iter().flatten()) {
            if is_own_child(pid) {
                self.take(pid, None);
            }
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
            // Forked by one that was told to end, and lives: it may need this one to clean up.
            if parent.is_told && matches!(self.stage, Stage::Grace { .. }) {
                close(fd);
                return;
            }
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
fn tell(held: Held, signal: Signal) -> bool {
    // A process that ended meanwhile, or may not be signalled, is looked at again by the next step.
    if held.fd >= 0 {
        // SAFETY: an open pidfd and a valid signal number.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, held.fd, signal.as_raw(), 0, 0) == 0 }
    } else {
        // SAFETY: a signal to one PID, that of an uncollected child.
        unsafe { libc::kill(held.pid, signal.as_raw()) == 0 }
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

/// The number that the kernel hands out now, learnt by a fork that ends at once.
fn newest_pid() -> Option<i32> {
    // SAFETY: this process has one thread; the child exits at once.
    match unsafe { libc::fork() } {
        0 => exit(0),
        -1 => None,
        pid => {
            let child = Pid::from_raw(pid);
            while matches!(rustix::process::waitpid(child, WaitOptions::empty()), Err(Errno::INTR)) {}
            Some(pid)
        }
    }
}

/// The largest PID to probe: the kernel's limit on 64-bit systems.
fn max_pid() -> i32 {
    1 << 22
}
