//! The guardian: the process between the supervisor and the command, which fells the tree when the
//! supervisor can't.
//!
//! It is forked from a process that may have threads, so everything in this file works on memory that was there
//! before the fork or is mapped here: no allocation, no lock, no panic path that would unwind into the caller.
//!
//! Duties: be the reaper of all descendants; tell the supervisor how the command ended; end when no child is left,
//! and only then (`ECHILD`, never an empty list); and, when the supervisor is gone, or is stopped beyond the time limit,
//! end the tree: first signal, grace, force.

use super::clock::{since_boot, timespec};
use super::launch::{Launch, exec_command};
use super::link::{Message, Order, Step, receive_order, send};
use super::namespace::Namespace;
use super::raw::{close_others, drain, errno, exit, is_readable, is_stopped, pause, peek_child, wait_child};
use super::sweep::Sweep;
use crate::signal::Signal;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};
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

/// How long the supervisor may be late before the guardian looks whether it is stopped.
const LATENESS: Duration = Duration::from_millis(250);
/// How soon a system call that has failed is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// Becomes the guardian: forks the command, guards it, and exits.
///
/// # Safety
///
/// To be called in a process that was just forked, has one thread, and has every signal blocked.
pub(super) unsafe fn become_guardian(launch: &Launch, link: BorrowedFd<'_>, supervisor: Option<BorrowedFd<'_>>) -> ! {
    // SAFETY: as the caller promises.
    let children = unsafe { prepare(launch, link) };
    let guardian = rustix::process::getpid();
    let charge = match launch.namespace() {
        // SAFETY: this process has one thread.
        Some(namespace) => unsafe { fork_init(namespace, launch, link, guardian) },
        // SAFETY: this process has one thread.
        None => unsafe { fork_command(launch, link, guardian) },
    };
    stand_apart(launch, link, supervisor, &children);
    send(link, Message::Started { pid: charge, guardian: guardian.as_raw_pid() });
    Guard::new(Role::Guardian, launch, link, supervisor, children, charge).watch()
}

/// Forks the command below this process.
///
/// # Safety
///
/// This process has one thread, and every signal is blocked.
unsafe fn fork_command(launch: &Launch, link: BorrowedFd<'_>, parent: Pid) -> i32 {
    // SAFETY: the child execs or exits.
    match unsafe { launch.fork() } {
        Err(errno) => fail(link, Step::ForkCommand, errno),
        // SAFETY: just forked, one thread, every signal blocked.
        Ok((0, place)) => unsafe { exec_command(launch, link, parent, place) },
        Ok((pid, _)) => pid,
    }
}

/// Forks the first process of a PID namespace, which forks the command.
///
/// # Safety
///
/// As [`fork_command`].
unsafe fn fork_init(namespace: &Namespace, launch: &Launch, link: BorrowedFd<'_>, guardian: Pid) -> i32 {
    // Opened before the fork, to see in the child that the guardian has not ended before the child asked to be told.
    let watched = rustix::process::pidfd_open(guardian, PidfdFlags::empty());
    // SAFETY: as the caller promises.
    match unsafe { namespace.fork() } {
        Err(errno) => fail(link, Step::Namespace, errno),
        Ok(0) => {
            // SAFETY: prctl with a valid signal number.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            if watched.is_ok_and(|fd| is_readable(fd.as_raw_fd())) {
                exit(FAILED);
            }
            if let Err(errno) = namespace.furnish() {
                fail(link, Step::Namespace, errno.raw_os_error());
            }
            // SAFETY: every signal is blocked.
            let children = unsafe { prepare(launch, link) };
            // SAFETY: just forked, one thread, every signal blocked.
            let command = unsafe { fork_command(launch, link, rustix::process::getpid()) };
            stand_apart(launch, link, None, &children);
            Guard::new(Role::Init, launch, link, None, children, command).watch()
        }
        Ok(pid) => pid,
    }
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
    /// Is the first process of the run's PID namespace, between the guardian and the command.
    Init,
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
    /// The supervisor can't see the tree, and has told this process to end it.
    is_ordered: bool,
    /// The command was the last one, and the supervisor has been told so.
    is_last_said: bool,
    /// News for which there was no room, or no memory.
    unsent: Option<Message>,
    /// The last wait failed: what there is to collect was not seen.
    is_unsure: bool,
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
        Guard {
            role,
            launch,
            link,
            supervisor,
            children,
            charge,
            charge_ended: false,
            is_alone: false,
            is_ordered: false,
            is_last_said: false,
            unsent: None,
            is_unsure: false,
            sweep: None,
        }
    }

    fn watch(mut self) -> ! {
        loop {
            self.unsent = self.unsent.filter(|message| !send(self.link, *message));
            self.reap();
            if self.sweep.is_none() && self.must_sweep() {
                if !self.is_alone && !self.is_ordered {
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
        if self.is_alone || self.is_ordered || self.role != Role::Guardian {
            return self.is_alone || self.is_ordered;
        }
        let is_late = |deadline: Duration| since_boot() >= deadline.saturating_add(LATENESS);
        self.launch.terms.deadline.is_some_and(is_late) && is_stopped(self.launch.supervisor_pid)
    }

    fn wait(&mut self) {
        let timeout = match &self.sweep {
            Some(sweep) => Some(sweep.pause()),
            None if self.unsent.is_some() || self.is_unsure => Some(RETRY),
            // A supervisor that is late and not stopped is looked at again, each second.
            None if !self.charge_ended && self.role == Role::Guardian => self.launch.terms.deadline.map(|deadline| {
                let rest = deadline.saturating_add(LATENESS).saturating_sub(since_boot());
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
                Order::End => self.is_ordered = true,
                Order::None => {}
                Order::Closed => self.is_alone = true,
            }
        }
        self.is_alone |= is_gone;
    }

    /// Collects every child that has ended, and exits when none is left.
    fn reap(&mut self) {
        self.is_unsure = false;
        loop {
            match wait_child() {
                Ok(Some((pid, status))) if pid == self.charge && !self.charge_ended => {
                    self.charge_ended = true;
                    self.charge_has_ended(status);
                }
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(Errno::CHILD) => self.finish(),
                Err(_) => {
                    self.is_unsure = true;
                    return;
                }
            }
        }
    }

    fn charge_has_ended(&mut self, status: i32) {
        let is_last = matches!(peek_child(), Err(Errno::CHILD));
        match self.role {
            Role::Guardian | Role::Init => {
                let message = Message::Ended { status, is_last };
                self.is_last_said = is_last;
                self.unsent = Some(message).filter(|message| !send(self.link, *message));
            }
            // As the guardian ended, so does this: it has said what there was to say.
            Role::Keeper if libc::WIFEXITED(status) => exit(libc::WEXITSTATUS(status)),
            Role::Keeper => {
                send(self.link, Message::GuardianLost);
                self.is_alone = true;
            }
        }
    }

    fn finish(&self) -> ! {
        if let Some(message) = self.unsent {
            while !send(self.link, message) {
                pause(&[]);
            }
        }
        if self.is_alone {
            self.launch.tidy_up();
        }
        if self.role != Role::Init && !self.is_last_said {
            send(self.link, Message::Empty);
        }
        exit(0)
    }
}
