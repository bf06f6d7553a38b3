//! Linux: pidfds, and `/proc` for what they don't tell.

mod abilities;
mod birth;
pub(crate) mod cgroup;
pub(crate) mod child;
pub(crate) mod clock;
mod connector;
pub(crate) mod detail;
pub(crate) mod entry;
mod guard;
pub(crate) mod headroom;
pub(crate) mod inbox;
pub mod init;
#[cfg(target_arch = "x86_64")]
pub(crate) mod inject;
pub(crate) mod inside;
pub(crate) mod launch;
pub(crate) mod link;
pub(crate) mod mask;
pub(crate) mod namespace;
mod path;
mod pidfd;
mod ports;
mod probe;
mod proc;
pub(crate) mod pump;
mod raw;
pub(crate) mod record;
pub(crate) mod signals;
pub(crate) mod start;
mod sweep;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod trace;

pub(crate) use clock::timespec;
pub(crate) use guard::Terms;
pub use pidfd::{Collected, LinuxHandle};
pub use ports::Listening;
/// A file, pipe, socket or event that this process holds open.
pub type OwnedDescriptor = rustix::fd::OwnedFd;
/// One that is open for as long as it is borrowed.
pub type BorrowedDescriptor<'a> = rustix::fd::BorrowedFd<'a>;
/// The number by which other languages know one.
pub type RawDescriptor = rustix::fd::RawFd;

use crate::id::{Birth, ProcessId, Sameness};
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::snapshot::{Cost, Coverage, Gap, Snapshot};
use crate::sys::parse::{self, Stat};
use crate::sys::{Handle, Lives, Machine, OpenError, ReadError};
use pidfd::RECHECK;
use proc::{Files, is_over, proc_path, read_error};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, getpid, getppid, pidfd_open};
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// How often a list of children is read again at most, while it changes under the reader.
const PASSES: usize = 8;
/// How much of a command line, and of an environment, is read at most.
const COMMAND_LINE: usize = 64 * 1024;
const ENVIRONMENT: usize = 8 * 1024 * 1024;

/// Which facilities of the system may be used: all, unless a test forces the next rung of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// `pidfd_open(2)`.
    pub pidfd: bool,
    /// `/proc/PID/task/TID/children`.
    pub children: bool,
    /// `/proc`.
    pub proc: bool,
}

impl Abilities {
    /// All of them.
    pub const ALL: Abilities = Abilities { pidfd: true, children: true, proc: true };
}

/// This system.
///
/// It needs no `/proc` to be made, and opens nothing until it is asked. Where `/proc` is missing, or
/// shows another PID namespace (whose PIDs are other processes here), rows are
/// [`Unsupported`](ReadError::Unsupported), and handles still work.
#[derive(Debug)]
pub struct Linux {
    abilities: Abilities,
    files: OnceLock<Arc<Files>>,
    proc: OnceLock<ProcFs>,
    inodes: OnceLock<bool>,
    buffer: Mutex<Vec<u8>>,
    /// For each processor, how many nanoseconds its scheduler's clock lies behind the clock since boot, or before it.
    lags: Mutex<BTreeMap<u32, Option<i128>>>,
}

/// What `/proc` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProcFs {
    /// It shows the caller's own PID namespace.
    Own,
    /// It shows another PID namespace.
    Foreign,
    /// It is not there.
    Absent,
}

impl Default for Linux {
    fn default() -> Linux {
        Linux::new()
    }
}

impl Linux {
    /// This system with all that it offers.
    pub const fn new() -> Linux {
        Linux::with(Abilities::ALL)
    }

    /// This system without some of what it offers.
    pub const fn with(abilities: Abilities) -> Linux {
        Linux {
            abilities,
            files: OnceLock::new(),
            proc: OnceLock::new(),
            inodes: OnceLock::new(),
            buffer: Mutex::new(Vec::new()),
            lags: Mutex::new(BTreeMap::new()),
        }
    }

    /// What was read so far through this value and its handles.
    pub fn cost(&self) -> Cost {
        self.files.get().map_or_else(Cost::default, |files| files.cost())
    }

    fn files(&self) -> &Arc<Files> {
        self.files.get_or_init(Arc::default)
    }

    /// Whether `/proc` can be relied upon.
    fn proc(&self) -> Result<(), ReadError> {
        let known = match self.proc.get() {
            Some(known) => *known,
            None => {
                let found = self.find_proc().map_err(|errno| ReadError::Failed(errno.into()))?;
                *self.proc.get_or_init(|| found)
            }
        };
        if known == ProcFs::Own { Ok(()) } else { Err(ReadError::Unsupported) }
    }

    fn find_proc(&self) -> Result<ProcFs, Errno> {
        if !self.abilities.proc {
            return Ok(ProcFs::Absent);
        }
        let mut bytes = Vec::new();
        match self.files().read(b"/proc/self/status", &mut bytes, usize::MAX) {
            Ok(_) => {}
            Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => return Err(errno),
            Err(_) => return Ok(ProcFs::Absent),
        }
        let status = parse::status(&bytes);
        // One PID alone: the namespace that is shown is the innermost one of this process.
        let shown = match status.namespace_pids.as_slice() {
            [] => status.group_leader,
            [only] => Some(*only),
            [_, ..] => None,
        };
        Ok(if shown == Some(self.own()) { ProcFs::Own } else { ProcFs::Foreign })
    }

    /// Whether the inodes of pidfds tell processes apart here.
    fn inodes(&self, fd: &rustix::fd::OwnedFd) -> bool {
        *self.inodes.get_or_init(|| pidfd::has_own_inode(fd))
    }

    /// The PID of a process whose start was read just now, or why not.
    fn open_checked(&self, pid: Pid, instead_of: Errno) -> Result<LinuxHandle, OpenError> {
        match self.proc() {
            Ok(()) => {}
            Err(ReadError::Failed(error)) => return Err(OpenError::Failed(error)),
            Err(ReadError::Gone | ReadError::Unsupported) => return Err(OpenError::Failed(instead_of.into())),
        }
        // The number of a thread that is no process has a row too.
        let mut bytes = Vec::new();
        let leader = match self.files().read(proc_path!("/proc/{pid}/status").as_bytes(), &mut bytes, usize::MAX) {
            Ok(_) => parse::status(&bytes).group_leader,
            Err(errno) => return Err(open_error(read_error(errno))),
        };
        if leader.is_some_and(|leader| leader != pid) {
            return Err(OpenError::Gone);
        }
        let start = self.files().stat(proc_path!("/proc/{pid}/stat").as_bytes(), |stat| stat.start);
        let start = start.map_err(open_error)?;
        Ok(LinuxHandle::checked(pid, start, Arc::clone(self.files())))
    }

    fn row(&self, stat: &Stat<'_>) -> ProcessInfo {
        ProcessInfo {
            id: ProcessId { pid: stat.pid, birth: Birth { start: Some(stat.start), inode: None } },
            parent: stat.parent,
            name: String::from_utf8_lossy(stat.comm).into_owned(),
            state: stat.state,
            group: stat.group,
            session: stat.session,
            kernel_thread: stat.is_kernel_thread(),
            cpu: stat.user_ticks.checked_add(stat.system_ticks).map(clock::from_ticks),
            memory: stat.resident_pages.and_then(|pages| pages.checked_mul(clock::page_size())),
            threads: Some(stat.threads),
            exit_status: self.exit_status(stat),
        }
    }

    /// The status of a zombie, if the kernel shows it to this caller.
    fn exit_status(&self, stat: &Stat<'_>) -> Option<i32> {
        let is_whole = stat.state == State::Zombie && stat.threads <= 1;
        let code = stat.exit_code.filter(|_| is_whole)?;
        // The kernel writes 0 as well for who may not see it. It hides the wait channel on the same condition, and from
        // Linux 5.16 shows one other than 0 for a zombie (`do_task_stat` in the kernel's fs/proc/array.c).
        let is_shown = code != 0
            || stat.wait_channel.is_some_and(|channel| channel != 0)
            || (kernel_version() < (5, 16)
                && self.user(stat.pid).is_ok_and(|uid| uid == rustix::process::geteuid().as_raw()));
        is_shown.then_some(code)
    }

    /// The lists of all threads, read until none may be missed. A process that had one thread just now is believed to have
    /// one, for the first pass.
    fn list_all(&self, pid: Pid, was_single: bool) -> Result<Vec<Pid>, ReadError> {
        self.proc()?;
        if !self.abilities.children {
            return Err(ReadError::Unsupported);
        }
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Children::default();
        for pass in 0..PASSES {
            match self.list_children(pid, was_single && pass == 0, &mut buffer, &mut found) {
                Ok(()) if found.may_miss && (pass == 0 || found.is_new) => {}
                Ok(()) => break,
                Err(ReadError::Gone) if pass > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(found.pids)
    }

    /// One pass over the lists of all threads.
    fn list_children(
        &self,
        pid: Pid,
        was_single: bool,
        buffer: &mut Vec<u8>,
        found: &mut Children,
    ) -> Result<(), ReadError> {
        let directory = proc_path!("/proc/{pid}/task");
        // Its link count is 2 and the number of threads: 3 spares the listing.
        let is_single = was_single || self.files().status(directory.as_bytes()).map_err(read_error)?.st_nlink == 3;
        let list = || self.files().pids(directory.as_bytes()).map_err(read_error);
        let threads = if is_single { vec![pid] } else { list()? };
        (found.is_new, found.may_miss) = (false, false);
        for thread in &threads {
            match self.files().read(proc_path!("/proc/{pid}/task/{thread}/children").as_bytes(), buffer, usize::MAX) {
                Ok(fills) => {
                    // Between two fills, an end of one child can hide another.
                    found.may_miss |= fills > 1;
                    for child in parse::children(buffer) {
                        found.add(child.map_err(|error| ReadError::Failed(error.into()))?);
                    }
                }
                Err(Errno::NOENT | Errno::SRCH) => {
                    if self.files().status(proc_path!("/proc/{pid}/task/{thread}").as_bytes()).is_ok() {
                        return Err(ReadError::Unsupported);
                    }
                    found.may_miss = true;
                }
                Err(errno) => return Err(ReadError::Failed(errno.into())),
            }
        }
        // The children of a thread that ends go to another thread, whose list may have been read already; the list of
        // one that ended after it was opened is empty, without an error.
        if !is_single {
            let still: HashSet<Pid> = list()?.into_iter().collect();
            found.may_miss |= !threads.iter().all(|thread| still.contains(thread));
        }
        Ok(())
    }

    /// The user that a process belongs to: its effective user ID.
    ///
    /// # Errors
    ///
    /// As [`Machine::read`].
    pub fn user(&self, pid: Pid) -> Result<u32, ReadError> {
        self.proc()?;
        self.files().status(proc_path!("/proc/{pid}").as_bytes()).map(|stat| stat.st_uid).map_err(read_error)
    }

    /// The words of a process's command line, of which at most 64 KiB are read. Empty for zombies and
    /// kernel threads. The process may have overwritten it.
    ///
    /// # Errors
    ///
    /// As [`Machine::read`].
    pub fn command_line(&self, pid: Pid) -> Result<Vec<OsString>, ReadError> {
        self.proc()?;
        let mut bytes = Vec::new();
        let path = proc_path!("/proc/{pid}/cmdline");
        self.files().read(path.as_bytes(), &mut bytes, COMMAND_LINE).map_err(read_error)?;
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(bytes.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect())
    }

    /// The value of a variable in the environment that a process was started with.
    ///
    /// # Errors
    ///
    /// As [`Machine::read`]; permission is denied unless the caller may trace the process.
    pub fn variable(&self, pid: Pid, name: &str) -> Result<Option<OsString>, ReadError> {
        self.proc()?;
        let mut bytes = Vec::new();
        let path = proc_path!("/proc/{pid}/environ");
        self.files().read(path.as_bytes(), &mut bytes, ENVIRONMENT).map_err(read_error)?;
        let value = bytes.split(|byte| *byte == 0).find_map(|entry| {
            let rest = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(std::ffi::OsStr::from_bytes(rest).to_owned())
        });
        Ok(value)
    }

    /// The inode of this process's pidfd, which completes its identity (`PID:INODE`). `None` where there is
    /// none, or where it can't be proved that the process still is who it was.
    pub fn inode(&self, id: &ProcessId) -> Option<u64> {
        let handle = self.open(id.pid).ok()?;
        let inode = handle.id().birth.inode?;
        // Who is not collected after the row was read had the PID when it was read.
        let row = self.read(id.pid).ok()?;
        (row.id.compare(id) == Sameness::Same && !handle.is_collected()).then_some(inode)
    }

    /// How many threads of a process still run. A leader in state Z may have some.
    ///
    /// # Errors
    ///
    /// As [`Machine::read`].
    pub fn living_threads(&self, pid: Pid) -> Result<usize, ReadError> {
        self.proc()?;
        self.files().living_threads(pid)
    }

    /// Zombies that the table does not list: none.
    pub fn unlisted_dead(&self, _table: &Snapshot) -> Vec<ProcessInfo> {
        Vec::new()
    }

    /// For how long the leader thread of a zombie has been dead, not counting times of suspension.
    /// `None` where the kernel does not tell.
    ///
    /// Every processor has a scheduler's clock of its own, and they drift apart by the time that interrupts and
    /// the hypervisor took. So the one that the zombie ran on last is read from there: the first call for
    /// a processor binds the calling thread to it for an instant.
    pub fn dead_for(&self, pid: Pid) -> Option<Duration> {
        self.proc().ok()?;
        let over =
            self.files().stat(proc_path!("/proc/{pid}/stat").as_bytes(), |stat| (is_over(stat.state), stat.processor));
        let (true, Some(processor)) = over.ok()? else { return None };
        let last_ran = self.exec_start(proc_path!("/proc/{pid}/sched").as_bytes())?;
        let lag = {
            let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
            (*lags.entry(processor).or_insert_with(|| self.measure_lag(processor)))?
        };
        let dead_for = nanoseconds(clock::awake()) - lag - nanoseconds(last_ran);
        Some(Duration::from_nanos(u64::try_from(dead_for.max(0)).unwrap_or(u64::MAX)))
    }

    fn exec_start(&self, path: &[u8]) -> Option<Duration> {
        let mut bytes = Vec::new();
        self.files().read(path, &mut bytes, usize::MAX).ok()?;
        parse::exec_start(&bytes)
    }

    /// How many nanoseconds a processor's scheduler clock lies behind the clock since boot.
    fn measure_lag(&self, processor: u32) -> Option<i128> {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity, sched_yield};
        let before = sched_getaffinity(None).ok()?;
        let mut only = CpuSet::new();
        let index = usize::try_from(processor).ok().filter(|index| *index < CpuSet::MAX_CPU)?;
        only.set(index);
        sched_setaffinity(None, &only).ok()?;
        // Going on after this, the thread has just been given the processor, and its clock was read for that.
        sched_yield();
        let lag =
            self.exec_start(b"/proc/thread-self/sched").map(|clock| nanoseconds(clock::awake()) - nanoseconds(clock));
        // Fails only if the processors were taken away meanwhile; then there is nothing to go back to.
        sched_setaffinity(None, &before).ok().and(lag)
    }

    /// Why processes of others may be missing from `/proc`, if they may.
    fn hides(&self) -> Option<String> {
        if probe::has_capability(rustix::thread::CapabilitySet::SYS_PTRACE) {
            return None;
        }
        let mut bytes = Vec::new();
        self.files().read(b"/proc/thread-self/mountinfo", &mut bytes, usize::MAX).ok()?;
        let mount = parse::mountinfo(&bytes).flatten().filter(|mount| mount.mount_point == b"/proc").last()?;
        let hidepid = mount.super_option(b"hidepid").filter(|value| !matches!(*value, b"0" | b"off"))?;
        let spared = mount.super_option(b"gid").and_then(|gid| std::str::from_utf8(gid).ok()?.parse().ok());
        let groups = rustix::process::getgroups().unwrap_or_default();
        let is_spared =
            |gid| rustix::process::getegid().as_raw() == gid || groups.iter().any(|own| own.as_raw() == gid);
        let is_strict = matches!(hidepid, b"4" | b"ptraceable");
        if !is_strict && is_spared(spared.unwrap_or(0)) {
            return None;
        }
        Some(format!("/proc is mounted with hidepid={}: processes of other users are hidden", hidepid.escape_ascii()))
    }
}

/// What the lists of a process's threads have given so far.
#[derive(Default)]
struct Children {
    pids: Vec<Pid>,
    seen: HashSet<Pid>,
    /// The last pass found a child that the ones before it had not.
    is_new: bool,
    /// The last pass may have missed a child.
    may_miss: bool,
}

impl Children {
    fn add(&mut self, pid: Pid) {
        if self.seen.insert(pid) {
            self.pids.push(pid);
            self.is_new = true;
        }
    }
}

fn nanoseconds(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX / 4)
}

fn open_error(error: ReadError) -> OpenError {
    match error {
        ReadError::Gone => OpenError::Gone,
        ReadError::Unsupported => OpenError::Failed(io::ErrorKind::Unsupported.into()),
        ReadError::Failed(error) => OpenError::Failed(error),
    }
}

/// The kernel's release: `6.18.44`.
fn kernel_release() -> Option<String> {
    let mut names = std::mem::MaybeUninit::<libc::utsname>::uninit();
    // SAFETY: the pointer is valid for a write of its type.
    if unsafe { libc::uname(names.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: uname succeeded, so it has filled the structure in.
    let release = unsafe { names.assume_init() }.release;
    // Letters are signed on x86 and not on Arm.
    let bytes: Vec<u8> =
        release.iter().map(|byte| u8::from_ne_bytes(byte.to_ne_bytes())).take_while(|byte| *byte != 0).collect();
    String::from_utf8(bytes).ok()
}

/// The kernel's major and minor version; (0, 0) where it makes no sense.
fn kernel_version() -> (u32, u32) {
    let release = kernel_release().unwrap_or_default();
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

impl Machine for Linux {
    type Handle = LinuxHandle;

    fn own(&self) -> Pid {
        Pid::from_raw(getpid().as_raw_nonzero().get()).unwrap_or(Pid::INIT)
    }

    fn now(&self) -> Duration {
        clock::since_boot()
    }

    fn ticks(&self) -> u64 {
        clock::ticks(clock::since_boot())
    }

    /// With a pidfd; by PID and start time where pidfds are missing (Linux before 5.3), forbidden (seccomp) or
    /// no descriptor is left. The number of a thread that is no process is [`OpenError::Gone`].
    fn open(&self, pid: Pid) -> Result<LinuxHandle, OpenError> {
        if !self.abilities.pidfd {
            return self.open_checked(pid, Errno::NOSYS);
        }
        let Some(raw) = rustix::process::Pid::from_raw(pid.as_raw()) else { return Err(OpenError::Gone) };
        match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(fd) => {
                self.files().reserve();
                let inodes = self.inodes(&fd);
                Ok(LinuxHandle::pidfd(pid, fd, inodes))
            }
            // EINVAL, from Linux 6.16 ENOENT: a thread, but no leader of a group.
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => Err(OpenError::Gone),
            Err(errno @ (Errno::NOSYS | Errno::PERM | Errno::MFILE | Errno::NFILE)) => self.open_checked(pid, errno),
            Err(errno) => Err(OpenError::Failed(errno.into())),
        }
    }

    /// Without `/proc`, the one row that is known is the caller's own, with its parent.
    fn read(&self, pid: Pid) -> Result<ProcessInfo, ReadError> {
        match self.proc() {
            Err(ReadError::Unsupported) if pid == self.own() => {
                let parent = getppid().and_then(|parent| Pid::from_raw(parent.as_raw_nonzero().get()));
                return Ok(ProcessInfo::bare(ProcessId::unborn(pid), parent));
            }
            known => known?,
        }
        let path = proc_path!("/proc/{pid}/stat");
        // A row without threads is that of a task that was just removed. Either its process is gone, and the next open
        // fails, or another thread has taken over its PID in exec, and the next row is that thread's.
        for _ in 0..PASSES {
            let row = self.files().stat(path.as_bytes(), |stat| (stat.threads > 0).then(|| self.row(stat)))?;
            if let Some(row) = row {
                return Ok(row);
            }
        }
        Err(ReadError::Gone)
    }

    /// Reads the lists of all threads, since a child hangs on the thread that forked it.
    fn children(&self, pid: Pid) -> Result<Vec<Pid>, ReadError> {
        self.list_all(pid, false)
    }

    /// The row has told the number of threads.
    fn children_of(&self, row: &ProcessInfo) -> Result<Vec<Pid>, ReadError> {
        self.list_all(row.pid(), row.threads == Some(1))
    }

    fn table(&self) -> Snapshot {
        let before = self.cost();
        let mut snapshot = Snapshot::new(self.now(), Coverage::Table);
        let mut gap = |pid, what: String| snapshot.gaps.push(Gap { pid, what });
        match self.proc() {
            Ok(()) => match self.files().pids(b"/proc") {
                Ok(pids) => {
                    match self.hides() {
                        Some(why) => gap(None, why),
                        None if !pids.contains(&Pid::INIT) => gap(None, "/proc does not list PID 1".to_owned()),
                        None => {}
                    }
                    snapshot.rows.reserve(pids.len());
                    for pid in pids {
                        match self.read(pid) {
                            Ok(row) => snapshot.rows.push(row),
                            // It has ended since it was listed.
                            Err(ReadError::Gone) => {}
                            Err(error) => snapshot.gaps.push(Gap { pid: Some(pid), what: format!("row: {error}") }),
                        }
                    }
                }
                Err(errno) => gap(None, format!("/proc: {errno}")),
            },
            Err(error) => gap(None, format!("/proc: {error}")),
        }
        let after = self.cost();
        snapshot.cost = Cost { files: after.files - before.files, directories: after.directories - before.directories };
        snapshot
    }

    fn follow_lives(&self) -> Option<Box<dyn Lives + Send>> {
        connector::Connector::subscribe().map(|connector| Box::new(connector) as Box<dyn Lives + Send>)
    }

    /// Returns early when a signal arrives; and after 2 ms where a process has no pidfd.
    fn wait(&self, handles: &[&LinuxHandle], timeout: Duration) {
        let mut polled: Vec<_> = handles
            .iter()
            .filter_map(|handle| handle.fd())
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let timeout = if polled.len() < handles.len() { timeout.min(RECHECK) } else { timeout };
        for (fds, timeout) in [(polled.as_mut_slice(), timeout), (&mut [], timeout.min(RECHECK))] {
            match poll(fds, Some(&timespec(timeout))) {
                Ok(_) | Err(Errno::INTR) => break,
                // More descriptors than the limit that was lowered since, or no memory: come back soon, but don't spin.
                Err(_) => {}
            }
        }
    }
}
