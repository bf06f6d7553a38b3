//! Cleans up behind a worker, or the starter of the workers, that is killed.
//!
//! The warden is a process in a session of its own. It is told of each tree before that begins and after it
//! has ended; when the other end of the pipe closes, whatever is still on the list is ended and removed.
//! If the warden is killed at the same instant, the victims' own time limits end them.

use super::clock::pause;
use super::mark::Mark;
use fell_testkit::{Cage, Ledger, Victim, end_all};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, BufRead, PipeWriter, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// What has to be cleaned up of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Charge {
    /// A victim tree.
    Tree { ledger: PathBuf, cgroups: Vec<PathBuf> },
    /// Whatever carries this mark.
    Carriers(Mark),
    /// A cage, once it is empty.
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

    /// Tells it of a victim tree.
    pub(crate) fn watch(&self, victim: &Victim) -> io::Result<Watched<'_>> {
        let argv = victim.argv();
        let after = |flag: &str| {
            let pairs = argv.windows(2).filter(|pair| pair[0] == flag);
            pairs.map(|pair| PathBuf::from(&pair[1])).collect::<Vec<_>>()
        };
        let ledger = after("--ledger").pop().ok_or(io::ErrorKind::InvalidInput)?;
        self.begin(Charge::Tree { ledger, cgroups: after("--cgroup") })
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
            Notice::Ended(ended) => charges.retain(|charge| *charge != ended),
        }
    }
    let mut code = ExitCode::SUCCESS;
    // Trees first: most of what carries a mark ends with them.
    charges.sort_by_key(|charge| match charge {
        Charge::Tree { .. } => 0,
        Charge::Carriers(_) => 1,
        Charge::Cage(_) => 2,
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
    let timed_out = || io::Error::from(io::ErrorKind::TimedOut);
    match charge {
        Charge::Carriers(mark) => mark.end_carriers(PATIENCE)?.then_some(()).ok_or_else(timed_out),
        Charge::Cage(path) => {
            let end = Instant::now() + PATIENCE;
            loop {
                match fs::remove_dir(path) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < end => pause()?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                    done => return done,
                }
            }
        }
        Charge::Tree { ledger, cgroups } => {
            let opened = match Ledger::open(ledger) {
                // The worker had removed it and was killed before it could say so.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                opened => opened?,
            };
            if !end_all(&opened, PATIENCE)? {
                return Err(timed_out());
            }
            for cgroup in cgroups {
                fs::remove_dir(cgroup)?;
            }
            ledger.parent().map_or(Ok(()), fs::remove_dir_all)
        }
    }
}
