//! What the end-to-end tests share: fell as root and as somebody else, on a leash, and what it told.

#![allow(dead_code, reason = "each test takes what it needs")]

mod leash;
mod told;

pub(crate) use leash::Leash;
#[allow(unused_imports, reason = "each test takes what it needs")]
pub(crate) use told::{Started, Told};

use fell_testkit::{NOBODY, UserCommand, as_user};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, OwnedFd};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Longer than anything here takes on a loaded machine; a test that waits for this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(40);
/// How long the kernel may take to let go of what a dead process held.
pub(crate) const PROMPTLY: Duration = Duration::from_secs(5);

/// Who runs fell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the tests.
    Own,
    /// Somebody else, for tests that are run by root.
    Uid(u32),
}

/// The caller, and an ordinary user if the caller is root.
pub(crate) fn users() -> Vec<User> {
    if is_root() {
        return vec![User::Own, User::Uid(NOBODY)];
    }
    eprintln!("skipped as another user: these tests are not run by root");
    vec![User::Own]
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether the caller is root; says what is skipped if not.
pub(crate) fn needs_root(what: &str) -> bool {
    if !is_root() {
        eprintln!("skipped {what}: it needs root");
    }
    is_root()
}

/// Whether a program is on this machine; says what is skipped if not.
pub(crate) fn needs(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        eprintln!("skipped: {program} is not on this machine");
    }
    found
}

/// Where one user runs fell, unseen by all other runs on this machine: on a leash, with a runtime directory of its own.
pub(crate) struct House {
    pub(crate) user: User,
    pub(crate) leash: Option<Leash>,
    folder: TempDir,
    program: UserCommand,
}

impl House {
    pub(crate) fn new(user: User) -> House {
        let folder = tempfile::Builder::new().prefix("house-").tempdir().unwrap();
        if let User::Uid(uid) = user {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(uid)).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = as_user(Path::new(env!("CARGO_BIN_EXE_fell")), NOBODY).unwrap();
        House { user, leash: Leash::new(), folder, program }
    }

    /// A scratch folder of the user.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary, where the user can reach it.
    pub(crate) fn fell_program(&self) -> &Path {
        self.program.program()
    }

    /// `fell WORDS`.
    pub(crate) fn fell(&self, words: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.command(self.fell_program());
        command.args(words);
        command
    }

    /// `fell run OPTIONS -- COMMAND`.
    pub(crate) fn fell_run(&self, options: &[&str], command: &[impl AsRef<OsStr>]) -> Command {
        let mut fell = self.fell(&["run"]);
        fell.args(options).arg("--").args(command);
        fell
    }

    /// This program, run by the user, on the leash.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.prepared("", program)
    }

    /// The same after a shell has executed some lines: as the caller, before the user is changed.
    pub(crate) fn prepared(&self, lines: &str, program: impl AsRef<OsStr>) -> Command {
        let mut command = match &self.leash {
            // A process joins by a write of its own: every exec that follows keeps the PID.
            Some(leash) => {
                let mut command = Command::new("sh");
                let join = format!("echo 0 >{}/cgroup.procs || exit 99; {lines}\nexec \"$@\"", leash.path().display());
                command.args(["-c", join.as_str(), "sh"]);
                command
            }
            None => {
                let mut command = Command::new("sh");
                command.args(["-c", format!("{lines}\nexec \"$@\"").as_str(), "sh"]);
                command
            }
        };
        if let User::Uid(uid) = self.user {
            command.args(["setpriv", "--clear-groups", &format!("--reuid={uid}"), &format!("--regid={uid}"), "--"]);
        }
        command.arg(program);
        command.env("XDG_RUNTIME_DIR", self.folder.path()).env("TMPDIR", self.folder.path());
        if let User::Uid(_) = self.user {
            // The caller's may hold directories that others can't look into.
            command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        for variable in ["FELL_RUN", "FELL_LOG", "FELL_QUIET", "FELL_VERBOSE"] {
            command.env_remove(variable);
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What runs have left in the file system: cgroup directories and records.
    pub(crate) fn traces(&self) -> Vec<PathBuf> {
        let records = Some(self.folder.path().join("fell"));
        let cgroups = self.leash.as_ref().map(|leash| leash.path().to_owned());
        [records, cgroups]
            .into_iter()
            .flatten()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flat_map(|entries| entries.map(|entry| entry.unwrap().path()))
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fell-")))
            .collect()
    }

    /// Panics unless no process of this house is alive, and no run has left a trace.
    #[track_caller]
    pub(crate) fn assert_empty(&self, context: &dyn std::fmt::Debug) {
        self.assert_nobody(context);
        assert_eq!(self.traces(), Vec::<PathBuf>::new(), "left in the file system: {context:?}");
    }

    /// Panics unless no process of this house is alive.
    #[track_caller]
    pub(crate) fn assert_nobody(&self, context: &dyn std::fmt::Debug) {
        if let Some(leash) = &self.leash {
            let left = leash.wait_empty(PROMPTLY);
            assert!(left.is_empty(), "{:?}: survivors: {left:?}: {context:?}", self.user);
        }
    }
}

/// Waits on a descriptor; `true` if it is ready in time.
pub(crate) fn wait_readable(fd: impl AsFd, limit: Duration) -> bool {
    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap(), tv_nsec: i64::from(limit.subsec_nanos()) };
    loop {
        match rustix::event::poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)) {
            Ok(count) => return count > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll: {error}"),
        }
    }
}

/// Gives way for a moment that has no event.
pub(crate) fn pause(span: Duration) {
    let span = Timespec { tv_sec: 0, tv_nsec: i64::from(span.subsec_nanos()) };
    rustix::event::poll(&mut [], Some(&span)).unwrap();
}

/// A pidfd; `None` if there is no such process.
pub(crate) fn pidfd(pid: u32) -> Option<OwnedFd> {
    match rustix::process::pidfd_open(Pid::from_raw(pid.cast_signed()).unwrap(), PidfdFlags::empty()) {
        Ok(pidfd) => Some(pidfd),
        Err(rustix::io::Errno::SRCH) => None,
        Err(error) => panic!("pidfd_open: {error}"),
    }
}

pub(crate) fn send(pidfd: impl AsFd, signal: Signal) {
    match rustix::process::pidfd_send_signal(pidfd, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("{signal:?}: {error}"),
    }
}

/// A small generator of numbers; a test prints its seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(name: &str) -> Random {
        let seed = std::env::var("FELL_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let seed = seed.unwrap_or_else(|| clock.tv_nsec.cast_unsigned() | 1);
        eprintln!("{name}: FELL_SEED={seed}");
        Random(seed)
    }

    /// From 0 to `below`, exclusive.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}
