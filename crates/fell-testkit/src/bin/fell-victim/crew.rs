//! A process of a victim tree, and the only place where such processes are made.

use crate::deadline::Deadline;
use crate::options::{Options, Part};
use crate::signals;
use fell_testkit::{Ledger, MOST_FORKS};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// How a child is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Birth {
    /// As `fork` does.
    Fork,
    /// As `vfork` does: the parent is blocked until the child execs or dies.
    Vfork,
    /// As a child of the caller's own parent.
    Sibling,
}

#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) options: Options,
    pub(crate) ledger: Ledger,
    deadline: Deadline,
    slot: AtomicU32,
    ready: Option<OwnedFd>,
}

/// Above what shells and daemons close or use.
const HIGH: i32 = 100;

impl Crew {
    /// Enters the tree that the options name; the deadline is armed before anything else.
    pub(crate) fn join(options: Options) -> Self {
        let deadline = match options.deadline {
            Some(at) => Deadline::at(at),
            None => Deadline::after(options.limit),
        };
        deadline.arm();
        let die = |what: &str, error: io::Error| -> ! {
            eprintln!("fell-victim: {what}: {error}");
            std::process::exit(70)
        };
        let ledger = ledger(&options).unwrap_or_else(|error| die("ledger", error));
        let ready = options.ready.as_ref().map(|place| ready(place).unwrap_or_else(|error| die("--ready", error)));
        let slot = options.slot;
        let crew = Self { options, ledger, deadline, slot: AtomicU32::new(slot), ready };
        if let Err(error) = crew.ledger.hold_anyone() {
            die("ledger", error);
        }
        if let Part::Trick(trick) = crew.options.part {
            crew.ledger.set_expected(trick.shape(crew.count()).ready);
            crew.ledger.record(slot).describe("root", slot);
        }
        crew.enter(slot);
        crew
    }

    fn enter(&self, slot: u32) {
        self.slot.store(slot, SeqCst);
        if self.ledger.hold(slot).is_err() {
            // SAFETY: _exit ends the process and runs nothing of it.
            unsafe { libc::_exit(70) };
        }
    }

    /// The number that the trick is played with.
    pub(crate) fn count(&self) -> u32 {
        let own = match self.options.part {
            Part::Trick(trick) => trick.count(),
            _ => 0,
        };
        self.options.count.unwrap_or(own)
    }

    pub(crate) fn slot(&self) -> u32 {
        self.slot.load(SeqCst)
    }

    pub(crate) fn rest(&self) {
        signals::rest(self.options.pace);
    }

    /// Makes a child that runs `body` and exits with 0; `None` if the budget refuses.
    pub(crate) fn fork(&'static self, role: &str, body: impl FnOnce(&'static Self)) -> Option<i32> {
        self.make(Birth::Fork, MOST_FORKS, role, body)
    }

    /// As `fork`, for a child without which there is no trick.
    pub(crate) fn must_fork(&'static self, role: &str, body: impl FnOnce(&'static Self)) -> i32 {
        match self.fork(role, body) {
            Some(pid) => pid,
            None => self.fail(io::Error::from_raw_os_error(libc::EAGAIN)),
        }
    }

    /// Goes on in a child and exits in the caller; returns in the caller only if the budget refuses.
    ///
    /// A chain of thousands of these must not grow the stack, as nested bodies would.
    pub(crate) fn hop(&'static self, role: &str) -> bool {
        let Some(slot) = self.reserve(MOST_FORKS, role) else {
            return false;
        };
        match self.split(Birth::Fork, slot) {
            0 => true,
            _ => self.leave(),
        }
    }

    /// Makes a child that runs `body` and exits with 0, unless `limit` forks have been made.
    pub(crate) fn make(
        &'static self,
        birth: Birth,
        limit: u32,
        role: &str,
        body: impl FnOnce(&'static Self),
    ) -> Option<i32> {
        let slot = self.reserve(limit, role)?;
        let pid = if birth == Birth::Vfork {
            self.vfork(slot, body)
        } else {
            match self.split(birth, slot) {
                0 => {
                    body(self);
                    self.leave()
                }
                pid => pid,
            }
        };
        (pid > 0).then_some(pid)
    }

    /// Every new process begins here: without a slot from the budget there is none.
    fn reserve(&self, limit: u32, role: &str) -> Option<u32> {
        let slot = self.ledger.reserve(limit)?;
        self.ledger.record(slot).describe(role, self.slot());
        Some(slot)
    }

    /// What every new process does first: the deadline before anything else.
    fn begin(&'static self, slot: u32) {
        self.deadline.arm();
        self.enter(slot);
        signals::set_record(self.ledger.record(slot));
    }

    /// Forks into a slot that was reserved; returns twice, with 0 in the child.
    fn split(&'static self, birth: Birth, slot: u32) -> i32 {
        // SAFETY: the child runs code of this program only, which takes no lock that another thread could hold: glibc makes its
        // allocator usable in a forked child. Without a stack and CLONE_VM, clone is a fork; only single-threaded tricks ask for it.
        let pid = unsafe {
            match birth {
                Birth::Sibling => libc::syscall(libc::SYS_clone, libc::CLONE_PARENT | libc::SIGCHLD, 0, 0, 0, 0) as i32,
                _ => libc::fork(),
            }
        };
        if pid == 0 {
            self.begin(slot);
        }
        pid
    }

    /// Makes a child that shares our memory while we are blocked.
    ///
    /// By `clone` with a stack of its own: a real vfork returns twice on one stack, which no Rust function may do.
    fn vfork<F: FnOnce(&'static Self)>(&'static self, slot: u32, body: F) -> i32 {
        struct Child<F>(&'static Crew, u32, Option<F>);
        extern "C" fn run<F: FnOnce(&'static Crew)>(child: *mut libc::c_void) -> i32 {
            // SAFETY: the pointer is the `&mut Child` below, and its owner is blocked until we are gone.
            let Child(crew, slot, body) = unsafe { &mut *child.cast::<Child<F>>() };
            crew.begin(*slot);
            if let Some(body) = body.take() {
                body(crew);
            }
            crew.leave()
        }
        let parent = self.slot();
        let mut child = Child(self, slot, Some(body));
        let mut stack = vec![0_u128; 16 * 1024];
        let top = stack.as_mut_ptr_range().end;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: the stack is aligned and, as `child`, lives until clone returns, that is, until the child is gone.
        let pid = unsafe { libc::clone(run::<F>, top.cast(), flags, (&raw mut child).cast()) };
        // The child has put its own slot into the memory that we share.
        self.slot.store(parent, SeqCst);
        signals::set_record(self.ledger.record(parent));
        pid
    }

    /// Becomes another image of this program, in the same slot and under the same deadline.
    pub(crate) fn become_part(&self, part: &str, edit: impl FnOnce(&mut Command)) -> ! {
        let mut command = Command::new(&self.options.program);
        command.args(self.part_arguments(part, self.slot()));
        edit(&mut command);
        self.fail(command.exec())
    }

    /// The arguments that make this program go on as `part` in a slot.
    pub(crate) fn part_arguments(&self, part: &str, slot: u32) -> Vec<String> {
        let mut arguments = vec![part.to_owned()];
        let mut option = |name: &str, value: u128| arguments.extend([name.to_owned(), value.to_string()]);
        option("--slot", slot.into());
        option("--ledger-fd", self.ledger.as_fd().as_raw_fd() as u128);
        option("--deadline", self.deadline.nanoseconds().into());
        option("--pace-us", self.options.pace.as_micros());
        if let Some(ready) = &self.ready {
            option("--ready", ready.as_raw_fd() as u128);
        }
        arguments
    }

    /// Reports this process ready.
    pub(crate) fn ready(&self) {
        if self.ledger.report_ready() == self.ledger.expected()
            && let Some(ready) = &self.ready
        {
            // SAFETY: the buffer lives through the call. Nobody may be there to read it.
            unsafe { libc::write(ready.as_raw_fd(), c"ready\n".as_ptr().cast(), 6) };
        }
    }

    /// Reports this process ready and waits to be killed.
    pub(crate) fn settle(&self) -> ! {
        self.ready();
        signals::idle()
    }

    /// Says that the trick is impossible here, and exits.
    pub(crate) fn fail(&self, error: io::Error) -> ! {
        eprintln!("fell-victim: {}: {error}", self.ledger.record(self.slot()).role());
        self.ledger.report_failed(error.raw_os_error().unwrap_or(libc::EIO));
        // SAFETY: _exit ends the process and runs nothing of it.
        unsafe { libc::_exit(77) }
    }

    /// Fails unless a system call did what it was asked.
    pub(crate) fn check(&self, result: i32) {
        if result < 0 {
            self.fail(io::Error::last_os_error());
        }
    }

    /// Exits with 0. Only the first of a tree would have buffers to flush, and they are empty.
    pub(crate) fn leave(&self) -> ! {
        // SAFETY: _exit ends the process and runs nothing of it.
        unsafe { libc::_exit(0) }
    }

    /// Waits until the process of another slot, the parent of this one, is dead and this one adopted.
    pub(crate) fn outlive(&self, slot: u32, parent: i32) {
        if let Err(error) = self.ledger.await_death(slot) {
            self.fail(error);
        }
        // The lock goes a moment before the children do.
        // SAFETY: getppid touches no memory.
        while unsafe { libc::getppid() } == parent {
            std::thread::yield_now();
        }
    }
}

fn ledger(options: &Options) -> io::Result<Ledger> {
    if let Some(number) = options.ledger_fd {
        // SAFETY: the image before the exec left this descriptor open for us and nobody else knows of it.
        return Ledger::adopt(unsafe { OwnedFd::from_raw_fd(number) });
    }
    let opened = match &options.ledger {
        Some(path) => Ledger::open(path)?,
        None => {
            let own = match options.part {
                Part::Trick(trick) => trick.shape(options.count.unwrap_or(trick.count())).budget + 1,
                _ => 0,
            };
            Ledger::anonymous(options.budget.unwrap_or(own))?
        }
    };
    // SAFETY: duplicates a descriptor that is open. Without CLOEXEC, since exec would close it and drop the locks.
    let high = unsafe { libc::fcntl(opened.as_fd().as_raw_fd(), libc::F_DUPFD, HIGH) };
    if high >= 0 {
        // SAFETY: the descriptor is fresh. `opened` is closed on return, before the first lock is taken.
        return Ledger::adopt(unsafe { OwnedFd::from_raw_fd(high) });
    }
    // A low RLIMIT_NOFILE leaves no room up there.
    // SAFETY: clears CLOEXEC of a descriptor that is open.
    unsafe { libc::fcntl(opened.as_fd().as_raw_fd(), libc::F_SETFD, 0) };
    Ok(opened)
}

fn ready(place: &std::ffi::OsStr) -> io::Result<OwnedFd> {
    if let Some(number) = place.to_str().and_then(|text| text.parse::<i32>().ok()) {
        // SAFETY: the caller says that this descriptor is for us.
        return Ok(unsafe { OwnedFd::from_raw_fd(number) });
    }
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE | rustix::fs::OFlags::APPEND;
    Ok(rustix::fs::open(place, flags, rustix::fs::Mode::from_raw_mode(0o644))?)
}
