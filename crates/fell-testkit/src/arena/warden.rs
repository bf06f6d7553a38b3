//! Cleans up behind a worker, or the starter of the workers, that is killed.
//!
//! The warden is a process in a session of its own. It is told of what is made before that is used and after it
//! was removed; when the other end of the pipe closes, whatever is still on the list is ended and removed.
//! If the warden is killed at the same instant, the victims' own time limits end them.

use super::clock::pause;
use super::mark::Mark;
use fell_testkit::{Cage, Ledger, Victim, end_all};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, BufRead, PipeWriter, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// What has to be cleaned up of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Charge {
    /// A folder, and the victim trees whose scratch folders lie in it: known before the first process of a tree is.
    Folder(PathBuf),
    /// A cgroup of a victim, once it is empty.
    Cgroup(PathBuf),
    /// Whatever carries this mark.
    Carriers(Mark),
    /// A cage, once it is empty. Its owner may fail to remove it while the last of the dead is leaving it.
    Cage(PathBuf),
}

#[derive(Debug, Serialize, Deserialize)]
enum Notice {
    Begins(Charge),
    Ended(Charge),
}

/// The side of whoever is watched.
#[derive(Debug)]
pub(crate) struct Warden {
    child: Child,
    pipe: PipeWriter,
}

/// A charge that the warden knows of until this is dropped.
#[derive(Debug)]
pub(crate) struct Watched<'a>(&'a Warden, Charge);

impl Warden {
    /// Starts one.
    pub(crate) fn start(spawn: impl FnOnce(&mut Command) -> io::Result<Child>) -> io::Result<Self> {
        let (reader, pipe) = io::pipe()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(super::WARDEN).stdin(reader).stdout(Stdio::null());
        let leave = || rustix::process::setsid().map(drop).map_err(Into::into);
        // SAFETY: setsid is async-signal-safe.
        unsafe { command.pre_exec(leave) };
        Ok(Self { child: spawn(&mut command)?, pipe })
    }

    /// Its PID.
    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Tells it of a folder.
    pub(crate) fn watch_folder(&self, folder: &Path) -> io::Result<Watched<'_>> {
        self.begin(Charge::Folder(folder.to_owned()))
    }

    /// Tells it of the cgroups of a victim.
    pub(crate) fn watch_cgroups(&self, victim: &Victim) -> io::Result<Vec<Watched<'_>>> {
        let pairs = victim.argv().windows(2).filter(|pair| pair[0] == "--cgroup");
        pairs.map(|pair| self.begin(Charge::Cgroup(PathBuf::from(&pair[1])))).collect()
    }

    /// Tells it of a cage.
    pub(crate) fn watch_cage(&self, cage: &Cage) -> io::Result<Watched<'_>> {
        self.begin(Charge::Cage(cage.path().to_owned()))
    }

    /// Tells it of a mark.
    pub(crate) fn watch_mark(&self, mark: &Mark) -> io::Result<Watched<'_>> {
        self.begin(Charge::Carriers(mark.clone()))
    }

    fn begin(&self, charge: Charge) -> io::Result<Watched<'_>> {
        self.tell(&Notice::Begins(charge.clone()))?;
        Ok(Watched(self, charge))
    }

    fn tell(&self, notice: &Notice) -> io::Result<()> {
        let mut line = serde_json::to_string(notice)?;
        line.push('\n');
        (&self.pipe).write_all(line.as_bytes())
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.tell(&Notice::Ended(self.1.clone())) {
            eprintln!("fell-arena: the warden can't be told: {error}");
        }
    }
}

/// The warden's side.
pub(crate) fn stand() -> io::Result<ExitCode> {
    let mut charges = Vec::new();
    for line in io::stdin().lock().lines() {
        match serde_json::from_str(&line?)? {
            Notice::Begins(charge) => charges.push(charge),
            Notice::Ended(Charge::Cage(_)) => {}
            Notice::Ended(ended) => charges.retain(|charge| *charge != ended),
        }
    }
    let mut code = ExitCode::SUCCESS;
    // Trees first: most of what carries a mark ends with them.
    charges.sort_by_key(|charge| match charge {
        Charge::Folder(_) => 0,
        Charge::Carriers(_) => 1,
        Charge::Cgroup(_) | Charge::Cage(_) => 2,
    });
    for charge in charges {
        if let Err(error) = clean_up(&charge) {
            eprintln!("fell-arena: {charge:?}: {error}");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn clean_up(charge: &Charge) -> io::Result<()> {
    match charge {
        Charge::Carriers(mark) => {
            mark.end_carriers(PATIENCE)?.then_some(()).ok_or_else(|| io::ErrorKind::TimedOut.into())
        }
        Charge::Cgroup(path) | Charge::Cage(path) => insist(|| fs::remove_dir(path)),
        Charge::Folder(path) => {
            for entry in fs::read_dir(path)? {
                match Ledger::open(&entry?.path().join("ledger")) {
                    Ok(ledger) if !end_all(&ledger, PATIENCE)? => return Err(io::ErrorKind::TimedOut.into()),
                    // Not a scratch folder, or one that was just being made.
                    Ok(_) | Err(_) => {}
                }
            }
            insist(|| fs::remove_dir_all(path))
        }
    }
}

/// Tries again while the last of the dead is leaving a directory. One that is gone is removed.
fn insist(remove: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match remove() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) if Instant::now() < end => pause()?,
            done => return done,
        }
    }
}
