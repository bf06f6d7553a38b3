//! A victim tree as its harness sees it.

use crate::cage::Cage;
use crate::cgroup::{Directory, Hierarchy};
use crate::ledger::Ledger;
use crate::locate::victim_binary;
use crate::placement::Placement;
use crate::survivor::Survivor;
use crate::trick::{Needs, Shape, Trick};
use crate::user::{Reachable, world_folder};
use crate::{HARD_LIMIT, end};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long [`Victim::wait_ready`] waits: far above what any trick takes on a loaded machine.
const READY: Duration = Duration::from_secs(20);

/// How a victim is to be.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    trick: Trick,
    count: u32,
    limit: Duration,
    pace: Duration,
    budget: Option<u32>,
    leave: bool,
    placement: Placement,
    cage: Option<&'a Cage>,
    user: Option<u32>,
}

impl<'a> Setup<'a> {
    /// Plays the trick with another number than its own.
    #[must_use]
    pub fn count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Lets each process live no longer than this; never longer than [`HARD_LIMIT`].
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit.min(HARD_LIMIT);
        self
    }

    /// How long rabbits, bombs and exec loops rest between two forks or execs (1 ms if not said).
    #[must_use]
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// How often the tree may fork in its life; never more than [`crate::MOST_FORKS`].
    #[must_use]
    pub fn budget(mut self, forks: u32) -> Self {
        self.budget = Some(forks);
        self
    }

    /// Puts the whole trick below a root that exits with 0 as soon as all are ready.
    #[must_use]
    pub fn leave(mut self) -> Self {
        self.leave = true;
        self
    }

    /// Where [`Setup::spawn`] puts the root: a session of its own if not said.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Puts the tree into a cage, for [`Setup::spawn`].
    #[must_use]
    pub fn cage(mut self, cage: &'a Cage) -> Self {
        self.cage = Some(cage);
        self
    }

    /// Runs the tree with this uid and gid, for [`Setup::spawn`]. Only for root.
    #[must_use]
    pub fn user(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// Makes everything but the process: somebody else spawns [`Victim::argv`].
    ///
    /// # Errors
    ///
    /// When the program has not been built, or the scratch folder or ledger can't be made.
    pub fn prepare(self) -> io::Result<Victim> {
        let shape = self.trick.shape(self.count);
        let folder = world_folder()?;
        let path = folder.path().join("ledger");
        let ledger = Ledger::create(&path, self.budget.unwrap_or(shape.budget + u32::from(self.leave)))?;
        ledger.set_expected(shape.ready);
        let file = folder.path().join("file");
        std::fs::write(&file, "")?;
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
        let mut cgroups = Vec::new();
        if matches!(self.trick.needs(), Needs::Cgroup | Needs::Freezer) {
            // Not the pids hierarchy: leaving that would leave the cage.
            for hierarchy in [Hierarchy::V2, Hierarchy::V1("freezer")] {
                cgroups.extend(Directory::make(hierarchy).ok().flatten());
            }
        }
        let program = Reachable::by_others(&victim_binary()?)?;

        let mut argv: Vec<OsString> = vec![program.path.clone().into(), self.trick.name().into()];
        let mut option = |name: &str, value: OsString| argv.extend([name.into(), value]);
        option("--ledger", path.into());
        option("--count", self.count.to_string().into());
        option("--limit-ms", self.limit.as_millis().to_string().into());
        option("--pace-us", self.pace.as_micros().to_string().into());
        option("--file", file.clone().into());
        for cgroup in &cgroups {
            option("--cgroup", cgroup.path().into());
        }
        if self.leave {
            argv.push("--leave".into());
        }
        Ok(Victim {
            trick: self.trick,
            shape,
            argv,
            file,
            child: None,
            ledger,
            _program: program,
            _folder: folder,
            _cgroups: cgroups,
        })
    }

    /// Starts the victim as a child of this process.
    ///
    /// # Errors
    ///
    /// As [`Setup::prepare`], and when the process can't be spawned.
    pub fn spawn(self) -> io::Result<Victim> {
        self.spawn_with(|_| {})
    }

    /// Starts the victim as a child of this process, with a last word on its command, for instance its standard streams.
    ///
    /// # Errors
    ///
    /// As [`Setup::spawn`].
    pub fn spawn_with(self, edit: impl FnOnce(&mut Command)) -> io::Result<Victim> {
        let (placement, cage, user) = (self.placement, self.cage, self.user);
        let mut victim = self.prepare()?;
        let mut command = victim.command();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        placement.apply(&mut command);
        if let Some(cage) = cage {
            cage.join(&mut command)?;
        }
        if let Some(uid) = user {
            command.uid(uid).gid(uid).current_dir("/");
        }
        edit(&mut command);
        victim.child = Some(command.spawn()?);
        Ok(victim)
    }
}

/// A victim tree. What is left of it is ended on drop.
#[derive(Debug)]
pub struct Victim {
    trick: Trick,
    shape: Shape,
    argv: Vec<OsString>,
    file: PathBuf,
    child: Option<Child>,
    ledger: Ledger,
    _program: Reachable,
    _folder: TempDir,
    // Fields are dropped after `Drop::drop` has emptied them.
    _cgroups: Vec<Directory>,
}

impl Victim {
    /// Begins to describe a victim.
    pub fn of<'a>(trick: Trick) -> Setup<'a> {
        Setup {
            trick,
            count: trick.count(),
            limit: HARD_LIMIT,
            pace: Duration::from_millis(1),
            budget: None,
            leave: false,
            placement: Placement::default(),
            cage: None,
            user: None,
        }
    }

    /// The trick that this victim plays.
    pub fn trick(&self) -> Trick {
        self.trick
    }

    /// What the tree looks like once the trick has been played.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The command line. It says everything: the environment says nothing, since victims scrub theirs.
    pub fn argv(&self) -> &[OsString] {
        &self.argv
    }

    /// The command line as a command.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.argv[0]);
        command.args(&self.argv[1..]);
        command
    }

    /// The ledger, for what has no method here.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The scratch file that some tricks lock or write.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The PID of the root that this process spawned and has not reaped.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The root as a child of this process, to take its pipes or wait for it; `None` if somebody else started it.
    pub fn child(&mut self) -> Option<&mut Child> {
        self.child.as_mut()
    }

    /// Itself once the trick has been played; `None`, said aloud, where this host forbids it.
    ///
    /// # Panics
    ///
    /// When the root died or time ran out.
    pub fn ready(mut self) -> Option<Victim> {
        match self.wait_ready() {
            Ok(()) => Some(self),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                eprintln!("skipped {}: {error}", self.trick);
                None
            }
            Err(error) => panic!("{}: {error}", self.trick),
        }
    }

    /// Waits until the trick has been played.
    ///
    /// # Errors
    ///
    /// When the trick is impossible here ([`io::ErrorKind::Unsupported`]), the root died or time ran out.
    pub fn wait_ready(&mut self) -> io::Result<()> {
        let Self { ledger, child, trick, shape, .. } = self;
        let mut status = None;
        let mut looks_dead = 0;
        let dead = || {
            // Some roots exit before their tree is ready: only an empty tree, seen twice, is a dead one.
            status = status.or_else(|| child.as_mut()?.try_wait().ok()?);
            let empty = status.is_some() && !ledger.anyone_alive().unwrap_or(true);
            looks_dead = if empty { looks_dead + 1 } else { 0 };
            looks_dead > 1
        };
        let settled = |page: &crate::Page| page.failed() != 0 || page.ready() >= shape.ready;
        let settled = ledger.wait_until(READY, settled, dead);
        if ledger.failed() != 0 {
            let cause = io::Error::from_raw_os_error(ledger.failed() as i32);
            return Err(io::Error::new(io::ErrorKind::Unsupported, format!("{trick} is impossible here: {cause}")));
        }
        if settled {
            return Ok(());
        }
        let (ready, expected) = (ledger.ready(), shape.ready);
        let message = match status {
            Some(status) => format!("{trick} died ({status}) with {ready} of {expected} ready"),
            None => format!("{trick}: {ready} of {expected} are ready in time"),
        };
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    }

    /// Who is alive, by the locks that they hold.
    ///
    /// The locks are asked one after another: of a tree that moves meanwhile, some may be missed. Whether *anyone* is left,
    /// [`Victim::anyone_alive`] answers without that gap.
    ///
    /// # Errors
    ///
    /// As `fcntl` does.
    pub fn survivors(&self) -> io::Result<Vec<Survivor>> {
        let holders = self.ledger.holders()?;
        Ok(holders
            .into_iter()
            .map(|(slot, pid)| Survivor { slot, pid, role: self.ledger.record(slot).role() })
            .collect())
    }

    /// Whether anyone is alive, one that was forked an instant ago included.
    ///
    /// # Errors
    ///
    /// As `flock` does.
    pub fn anyone_alive(&self) -> io::Result<bool> {
        self.ledger.anyone_alive()
    }

    /// Waits until nobody is alive.
    ///
    /// # Errors
    ///
    /// When time runs out; the error names the survivors.
    pub fn wait_all_dead(&self, timeout: Duration) -> io::Result<()> {
        if end::wait_all(&self.ledger, timeout)? {
            return Ok(());
        }
        let names: Vec<_> = self.survivors()?.into_iter().map(|who| format!("{} ({})", who.role, who.pid)).collect();
        let message = format!("{}: {} alive after {timeout:?}: {}", self.trick, names.len(), names.join(", "));
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    }

    /// How many processes got TERM and finished their clean-up.
    pub fn cleaned(&self) -> u32 {
        self.ledger.cleaned()
    }

    /// Waits for the root that this process spawned; `None` if somebody else started it.
    ///
    /// # Errors
    ///
    /// As `waitpid` does.
    pub fn wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.as_mut().map(Child::wait).transpose()
    }

    /// Ends whatever is left of the tree, and reaps the root if it is ours.
    ///
    /// # Errors
    ///
    /// When some can't be signalled, or survive for ten seconds.
    pub fn end(&mut self) -> io::Result<()> {
        if !end::end_all(&self.ledger, Duration::from_secs(10))? {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} can't be ended", self.trick)));
        }
        self.wait().map(drop)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("fell-testkit: {error}; its own time limit will end it");
        }
    }
}
