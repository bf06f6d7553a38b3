//! Starting a command below a guardian. Everything is prepared before the first fork; nothing is allocated after it.

use super::birth::Birth;
use super::cgroup::Cgroup;
use super::entry::inherited_sigpipe;
use super::guard::{Terms, become_guardian, become_keeper};
use super::link::{self, Message, Step, send};
use super::mask::SignalMask;
use super::namespace::Namespace;
use super::raw::{collect, errno, exit};
use super::record::Record;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use rustix::process::{Pid, PidfdFlags};
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::ptr;

/// What the exit status of a command is that could not be executed: nobody sees it but the guardian.
const NOT_EXECUTED: i32 = 127;

/// A command, ready to be forked and executed.
pub(crate) struct Launch {
    /// What the guardian has to know.
    pub(crate) terms: Terms,
    /// The supervisor's PID, to see whether it is stopped.
    pub(crate) supervisor_pid: i32,
    /// Where the program may be, in order.
    paths: Vec<CString>,
    arguments: Strings,
    /// For a script without an interpreter line: `/bin/sh PATH ARGUMENTS`, one for each path.
    by_shell: Vec<Strings>,
    environment: Strings,
    directory: Option<CString>,
    stdio: [Option<OwnedFd>; 3],
    own_group: bool,
    mask: SignalMask,
    sigchld: libc::sighandler_t,
    sigpipe: libc::sighandler_t,
    cgroup: Option<Cgroup>,
    cgroup_required: bool,
    /// Told by a command that was forked into the cgroup.
    birth: Option<Birth>,
    record: Option<Record>,
    namespace: Option<Namespace>,
}

/// The parts of a command that the caller chooses.
pub(crate) struct Command {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: Option<OsString>,
    pub(crate) stdio: [Option<OwnedFd>; 3],
    pub(crate) own_group: bool,
    pub(crate) mask: SignalMask,
}

/// The near end of a launched command.
pub(crate) struct Launched {
    /// The guardian, or the second guardian above it: a child of this process.
    pub(crate) child: i32,
    /// The link to it.
    pub(crate) link: OwnedFd,
}

impl Launch {
    /// Prepares a command.
    ///
    /// # Errors
    ///
    /// An argument holds a NUL byte, or no descriptor is left.
    pub(crate) fn prepare(
        command: Command,
        terms: Terms,
        cgroup: Option<(Cgroup, bool)>,
        record: Option<Record>,
        namespace: Option<Namespace>,
    ) -> io::Result<Launch> {
        let Command { program, args, environment, directory, stdio, own_group, mask } = command;
        let search_path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
        let paths = candidates(&program, search_path.as_deref())?;
        let mut words = vec![c_string(program)?];
        for argument in args {
            words.push(c_string(argument)?);
        }
        let by_shell = paths
            .iter()
            .map(|path| {
                let mut words: Vec<CString> = words.clone();
                words[0] = path.clone();
                words.insert(0, c"/bin/sh".to_owned());
                Strings::new(words)
            })
            .collect();
        let mut variables = Vec::new();
        for (mut name, value) in environment {
            name.push("=");
            name.push(value);
            variables.push(c_string(name)?);
        }
        let [input, output, error] = stdio;
        let (cgroup, cgroup_required) = match cgroup {
            Some((cgroup, required)) => (Some(cgroup), required),
            None => (None, false),
        };
        // Without memory to share, the command is forked outside, and goes in by itself.
        let birth = cgroup.as_ref().and_then(|_| Birth::new().ok());
        Ok(Launch {
            terms,
            supervisor_pid: rustix::process::getpid().as_raw_pid(),
            paths,
            arguments: Strings::new(words),
            by_shell,
            environment: Strings::new(variables),
            directory: directory.map(c_string).transpose()?,
            stdio: [above_stdio(input)?, above_stdio(output)?, above_stdio(error)?],
            own_group,
            mask,
            sigchld: libc::SIG_DFL,
            sigpipe: inherited_sigpipe(),
            cgroup,
            cgroup_required,
            birth,
            record,
            namespace,
        })
    }

    /// Forks the guardian, which forks the command; below a second guardian, unless this process itself is the
    /// subreaper that the orphans of a killed guardian come home to.
    ///
    /// # Errors
    ///
    /// No link or process is to be had; nothing runs then.
    pub(crate) fn start(&mut self, exclusive: bool) -> io::Result<Launched> {
        let (near, far) = link::pair()?;
        // Opened before the fork: it can't be somebody else's. Without one, the closed link tells as much, but for
        // descendants that are between fork and exec.
        let own = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).ok();
        let former = SignalMask::block_all();
        self.sigchld = current_sigchld();
        // SAFETY: the child runs `become_guardian` only, which keeps to what is allowed after a fork.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: just forked, one thread, every signal blocked. The far end stays open: this never returns.
            unsafe {
                libc::close(near.as_raw_fd());
                let supervisor = own.as_ref().map(AsFd::as_fd);
                if exclusive {
                    become_guardian(self, far.as_fd(), supervisor)
                } else {
                    become_keeper(self, far.as_fd(), supervisor)
                }
            }
        }
        let error = io::Error::last_os_error();
        former.restore();
        if child < 0 {
            return Err(error);
        }
        // The command has its own copies.
        self.stdio = [None, None, None];
        Ok(Launched { child, link: near })
    }

    /// The directory of the run's cgroup; -1 if there is none.
    pub(crate) fn cgroup_dir(&self) -> RawFd {
        self.cgroup.as_ref().map_or(-1, |cgroup| cgroup.directory().as_raw_fd())
    }

    /// The descriptor that has to stay open while the run lives: it holds the lock on its record, or on its cgroup.
    pub(crate) fn keep_open(&self) -> RawFd {
        self.record.as_ref().map_or(self.cgroup_dir(), |record| record.lock().as_raw_fd())
    }

    /// Forks the command, into its cgroup if that is to be had: 0 in the child. Says as well where it is.
    ///
    /// # Errors
    ///
    /// There is no process to be had.
    ///
    /// # Safety
    ///
    /// As for `fork(2)`: a child of a process with threads may do only what is async-signal-safe.
    pub(super) unsafe fn fork(&self) -> Result<(i32, Place), i32> {
        if let (Some(cgroup), Some(birth)) = (&self.cgroup, &self.birth) {
            // SAFETY: as the caller promises.
            match unsafe { cgroup.fork_inside() } {
                Ok(0) => {
                    birth.tell();
                    return Ok((0, Place::Inside));
                }
                Ok(pid) if birth.wait(pid) => return Ok((pid, Place::Inside)),
                // The kernel has killed it before its first instruction: see `fork_inside`.
                Ok(pid) => collect(pid),
                // What is wrong shows by the fork outside, or by the way in from there.
                Err(_) => {}
            }
        }
        // SAFETY: as the caller promises.
        match unsafe { libc::fork() } {
            -1 => Err(errno()),
            pid => Ok((pid, Place::Outside)),
        }
    }

    /// The PID namespace to run in, if one was asked for.
    pub(super) fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The run's cgroup, if there is one.
    pub(crate) fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.as_ref()
    }

    /// Leaves the run's traces to the guardian, which goes on. What is dropped otherwise takes them away.
    pub(crate) fn leave(&mut self) {
        std::mem::forget((self.cgroup.take(), self.record.take()));
    }

    /// Removes what the run has put into the file system, once its tree is gone. Async-signal-safe.
    pub(crate) fn tidy_up(&self) {
        if let Some(cgroup) = &self.cgroup {
            // A directory that could not be removed is found by the next run.
            cgroup.remove();
        }
        if let Some(record) = &self.record {
            record.remove();
        }
    }
}

/// Where a command is forked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the run's cgroup.
    Inside,
    /// In the cgroup of the process that forks it; it then moves to its own, if there is one.
    Outside,
}

/// Becomes the command.
///
/// # Safety
///
/// To be called in a process that was just forked, has one thread, and has every signal blocked.
pub(super) unsafe fn exec_command(launch: &Launch, link: BorrowedFd<'_>, guardian: Pid, place: Place) -> ! {
    let fail = |step: Step, errno: i32| -> ! {
        send(link, Message::SetupFailed { step, errno });
        exit(NOT_EXECUTED)
    };
    if launch.own_group {
        // Can't fail for a process that was just forked and leads no session.
        rustix::process::setpgid(None, None).unwrap_or(());
    }
    // For the case that both supervisor and guardian are killed at once: a last word to the command alone. The guardian
    // may have died before the call, so its PID is compared after it.
    // SAFETY: prctl with a valid signal number.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, launch.terms.signal.as_raw()) };
    if rustix::process::getppid() != Some(guardian) {
        exit(NOT_EXECUTED);
    }
    if let (Place::Outside, Some(cgroup)) = (place, &launch.cgroup)
        && let Err(errno) = cgroup.join()
    {
        if launch.cgroup_required {
            fail(Step::JoinCgroup, errno.raw_os_error());
        }
        send(link, Message::NotEnclosed { errno: errno.raw_os_error() });
    }
    if let Some(directory) = &launch.directory
        && let Err(errno) = rustix::process::chdir(directory.as_c_str())
    {
        fail(Step::ChangeDirectory, errno.raw_os_error());
    }
    for (target, source) in (0..).zip(&launch.stdio) {
        if let Some(source) = source {
            // SAFETY: the source is open and above 2, so that no target is a source.
            if unsafe { libc::dup2(source.as_raw_fd(), target) } < 0 {
                fail(Step::Redirect, errno());
            }
        }
    }
    // SAFETY: default and inherited dispositions run no code.
    unsafe {
        libc::signal(libc::SIGPIPE, launch.sigpipe);
        libc::signal(libc::SIGCHLD, launch.sigchld);
    }
    launch.mask.restore();
    let mut failure = libc::ENOENT;
    for (path, by_shell) in launch.paths.iter().zip(&launch.by_shell) {
        // SAFETY: all pointers are to NUL-terminated strings in NULL-terminated arrays, which live in `launch`.
        unsafe { libc::execve(path.as_ptr(), launch.arguments.as_ptr(), launch.environment.as_ptr()) };
        match errno() {
            libc::ENOENT | libc::ENOTDIR => {}
            // As execvp(3): a later directory may hold one that may be executed.
            libc::EACCES => failure = libc::EACCES,
            libc::ENOEXEC => {
                // SAFETY: as above.
                unsafe { libc::execve(c"/bin/sh".as_ptr(), by_shell.as_ptr(), launch.environment.as_ptr()) };
                fail(Step::Exec, errno());
            }
            other => fail(Step::Exec, other),
        }
    }
    fail(Step::Exec, failure)
}

/// C strings and the NULL-terminated array of pointers to them.
struct Strings {
    pointers: Vec<*const libc::c_char>,
    _owned: Vec<CString>,
}

impl Strings {
    fn new(owned: Vec<CString>) -> Strings {
        let pointers = owned.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
        Strings { pointers, _owned: owned }
    }

    fn as_ptr(&self) -> *const *const libc::c_char {
        self.pointers.as_ptr()
    }
}

// SAFETY: the pointers are into heap memory that `_owned` keeps, unchanged, as long as they live.
unsafe impl Send for Strings {}

fn c_string(text: OsString) -> io::Result<CString> {
    CString::new(text.into_vec())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a NUL byte in a word of the command"))
}

/// Where `execvp(3)` would look: the path itself if it has a slash, otherwise each directory of PATH.
fn candidates(program: &OsStr, search_path: Option<&OsStr>) -> io::Result<Vec<CString>> {
    if program.is_empty() {
        return Ok(Vec::new());
    }
    if program.as_bytes().contains(&b'/') {
        return Ok(vec![c_string(program.to_owned())?]);
    }
    let search_path = search_path.unwrap_or(OsStr::new("/bin:/usr/bin"));
    search_path
        .as_bytes()
        .split(|byte| *byte == b':')
        .map(|directory| {
            let mut path = if directory.is_empty() { b".".to_vec() } else { directory.to_vec() };
            path.push(b'/');
            path.extend_from_slice(program.as_bytes());
            c_string(OsString::from_vec(path))
        })
        .collect()
}

/// The same file on a descriptor above 2, so that connecting one of the command's streams can't overwrite another's source.
fn above_stdio(fd: Option<OwnedFd>) -> io::Result<Option<OwnedFd>> {
    match fd {
        Some(fd) if fd.as_raw_fd() <= 2 => Ok(Some(rustix::io::fcntl_dupfd_cloexec(&fd, 3)?)),
        other => Ok(other),
    }
}

fn current_sigchld() -> libc::sighandler_t {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only asks; all zeroes are a valid `sigaction`.
    let action = unsafe {
        libc::sigaction(libc::SIGCHLD, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    // A handler of the host does not outlive the exec; being ignored does.
    if action.sa_sigaction == libc::SIG_IGN { libc::SIG_IGN } else { libc::SIG_DFL }
}
