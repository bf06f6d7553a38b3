//! A plan in a folder of its own, whose processes are known by a mark.

use fell_plan::document::{StepDocument, ValidateDocument};
use rustix::event::{PollFd, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes on a loaded machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Carries the mark of a trial in the environment of all that it starts.
const MARK: &str = "FELL_TRIAL_MARK";

/// The variables of runners, which a trial must not inherit.
const FOREIGN: [&str; 9] = [
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "FELL_TIMEOUT",
    "TIMEOUT_SECONDS",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "FELL_SET",
    "FELL_OUTPUT",
];

/// A plan in a folder of its own.
pub(crate) struct Trial {
    folder: TempDir,
    mark: String,
}

impl Trial {
    pub(crate) fn new(plan: &str) -> Trial {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::Builder::new().prefix("trial-").tempdir().unwrap();
        fs::write(folder.path().join("fell.toml"), plan).unwrap();
        let mark = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        Trial { folder, mark }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `fell validate` there.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fell"));
        command.arg("validate").args(words).current_dir(self.folder.path()).env(MARK, &self.mark);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
    }

    /// The variable that its processes are known by.
    pub(crate) fn mark(&self) -> (&'static str, &str) {
        (MARK, &self.mark)
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn report(&self) -> ValidateDocument {
        serde_json::from_str(&self.read("out/report.json")).unwrap()
    }

    /// Who carries the mark and is alive.
    pub(crate) fn living_pids(&self) -> Vec<i32> {
        let pid = |line: &String| line.strip_prefix("/proc/")?.split(':').next()?.parse().ok();
        self.living().iter().filter_map(pid).collect()
    }

    /// Who carries the mark and is alive: `/proc/PID: command`.
    pub(crate) fn living(&self) -> Vec<String> {
        let wanted = format!("{MARK}={}", self.mark);
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let path = entry.path();
            let Ok(environment) = fs::read(path.join("environ")) else { continue };
            if environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes()) {
                let command = fs::read(path.join("cmdline")).unwrap_or_default();
                found.push(format!("{}: {}", path.display(), String::from_utf8_lossy(&command)));
            }
        }
        found
    }

    pub(crate) fn assert_nobody_within(&self, limit: Duration, context: &str) {
        let end = Instant::now() + limit;
        loop {
            let living = self.living();
            if living.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "{context}: still alive: {living:?}");
            pause(Duration::from_millis(20));
        }
    }
}

/// The step of this name.
pub(crate) fn step<'r>(report: &'r ValidateDocument, name: &str) -> &'r StepDocument {
    report.steps.iter().find(|step| step.name == name).unwrap_or_else(|| panic!("no step {name} in {report:?}"))
}

/// Sends a child that was not waited for a signal.
pub(crate) fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let handle = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    pidfd_send_signal(&handle, signal).unwrap();
}

/// Waits for this long, on nothing.
pub(crate) fn pause(time: Duration) {
    let mut nothing: [PollFd<'_>; 0] = [];
    let timeout = Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap(), tv_nsec: i64::from(time.subsec_nanos()) };
    poll(&mut nothing, Some(&timeout)).unwrap();
}

/// Waits until a file is there: a step has come so far.
pub(crate) fn wait_for(path: &std::path::Path) {
    let end = Instant::now() + LONG;
    while !path.exists() {
        assert!(Instant::now() < end, "{} never came", path.display());
        pause(Duration::from_millis(10));
    }
}

/// Whether a program is on this machine; says what is skipped if not.
pub(crate) fn needs(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        eprintln!("skipped: {program} is not on this machine");
    }
    found
}
