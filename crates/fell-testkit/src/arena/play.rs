//! One game, from its preparation to its clean-up.

use super::case::Case;
use super::clock::{GLANCE, pause};
use super::contestant::Contestant;
use super::expectation::{Expectation, escapes, root_leaves};
use super::mark::Mark;
use super::mode::Mode;
use super::record::{Left, Loss, Record, Verdict};
use super::table::Table;
use super::warden::Warden;
use fell_testkit::{Bystander, Needs, Page, Placement, Victim};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a victim may live: longer than any game that goes as it should, shorter than the victims' own last limit.
const VICTIM_LIMIT: Duration = Duration::from_secs(30);
/// How long a victim may take until its trick has been played.
const READY: Duration = Duration::from_secs(20);
/// How long a contestant may take to return after the end has begun: twice its grace, and much for a loaded machine.
const RETURN: Duration = Duration::from_secs(15);
/// How long the dead may take to die after the contestant has returned.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// The same for a contestant that was killed, while processes of its own go on.
const AFTER_CRASH: Duration = Duration::from_secs(10);
/// The same for one that was killed and has none: nobody is left who could end the tree.
const AFTER_LONELY_CRASH: Duration = Duration::from_secs(3);
/// Longer than a contestant takes until its command runs.
const SETTING_UP: Duration = Duration::from_millis(30);
/// How much of what a contestant said is kept.
const MOST_OUTPUT: usize = 600;

/// What a worker plays with.
pub(crate) struct Player<'a> {
    pub(crate) contestant: &'a Contestant,
    pub(crate) fell: &'a Path,
    pub(crate) warden: &'a Warden,
    /// The folder for temporary files that the contestant is told of: not that of this game.
    pub(crate) temporary: Option<&'a OsStr>,
}

/// Where temporary files lie.
pub(crate) const TMPDIR: &str = "TMPDIR";

impl Player<'_> {
    /// Plays a game.
    pub(crate) fn play(&self, case: Case) -> Record {
        let (trick, mode) = (case.trick(), case.mode);
        let record = Record::new(case);
        if self.contestant.template(mode).is_none() {
            return record.not_played(Verdict::NotApplicable, "it has no way to do that");
        }
        if mode.tells_pid() && root_leaves(trick) {
            return record.not_played(Verdict::NotApplicable, "the PID is gone before anybody can be told it");
        }
        if trick.needs() == Needs::Root && !rustix::process::geteuid().is_root() {
            return record.not_played(Verdict::Skipped, "only root can set the victim up");
        }
        let fallen = record.clone();
        self.game(record).unwrap_or_else(|error| fallen.failed(error.to_string()))
    }

    fn game(&self, record: Record) -> io::Result<Record> {
        let (trick, mode) = (record.case.trick(), record.case.mode);
        let setup = Victim::of(trick).limit(VICTIM_LIMIT);
        let victim = if mode == Mode::Leftover { setup.leave() } else { setup }.prepare()?;
        let mark = Mark::new();
        let placement = if mode == Mode::KillShared { Placement::OwnGroup } else { Placement::OwnSession };
        let bystander = Bystander::spawn(placement)?;
        // Before the game, so that they are dropped after it.
        let _watched = (self.warden.watch_cgroups(&victim)?, self.warden.watch_mark(&mark)?);
        let output = victim.file().with_file_name("output");
        let mut game = Game {
            player: self,
            record,
            victim,
            bystander,
            mark,
            output: File::create(&output)?,
            root: None,
            contestant: None,
            escaped: HashSet::new(),
            began: Instant::now(),
            last_death: None,
        };
        game.play()?;
        game.record.output = tail(&fs::read(&output)?);
        game.finish()
    }
}

/// The last that was said, on one line.
fn tail(output: &[u8]) -> String {
    let start = output.len().saturating_sub(MOST_OUTPUT);
    String::from_utf8_lossy(&output[start..]).lines().map(str::trim_end).collect::<Vec<_>>().join(" | ")
}

struct Game<'a> {
    player: &'a Player<'a>,
    record: Record,
    victim: Victim,
    bystander: Bystander,
    mark: Mark,
    output: File,
    /// The victim's root, where the contestant is told its PID.
    root: Option<Child>,
    contestant: Option<Child>,
    /// The slots of those that had left the tree before the contestant was told of it.
    escaped: HashSet<u32>,
    /// When the end began: the limit, the signal, the root's exit, the contestant's start.
    began: Instant,
    last_death: Option<Instant>,
}

impl Game<'_> {
    fn play(&mut self) -> io::Result<()> {
        let mode = self.record.case.mode;
        if mode.tells_pid() {
            self.start_root()?;
            if !self.wait_ready()? {
                return Ok(());
            }
            self.find_escaped()?;
        }
        let pidfd = self.start_contestant()?;
        if mode == Mode::CrashEarly {
            self.wait_at_random(&pidfd)?;
        } else if !mode.tells_pid() && !self.wait_ready()? {
            return Ok(());
        }
        let signal = match mode {
            Mode::Cancel => Some(Signal::TERM),
            Mode::Crash | Mode::CrashEarly => Some(Signal::KILL),
            Mode::Run | Mode::Leftover | Mode::Kill | Mode::KillShared => None,
        };
        if mode != Mode::Run && !mode.tells_pid() {
            self.began = Instant::now();
        }
        if let Some(signal) = signal {
            send(&pidfd, signal)?;
        }
        self.observe(&pidfd)
    }

    /// Starts the victim where the contestant is told its PID.
    fn start_root(&mut self) -> io::Result<()> {
        let mut command = self.victim.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.output.try_clone()?);
        if self.record.case.mode == Mode::KillShared {
            command.process_group(self.bystander.pid() as i32);
        } else {
            own_session(&mut command);
        }
        self.root = Some(command.spawn()?);
        Ok(())
    }

    fn start_contestant(&mut self) -> io::Result<OwnedFd> {
        let Self { player, record, victim, root, .. } = &*self;
        let pid = root.as_ref().map_or(0, Child::id);
        let line = player.contestant.line(record.case.mode, player.fell, victim.argv(), pid);
        let line: Vec<OsString> = line.unwrap_or_default();
        let (program, words) = line.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(words).current_dir("/");
        command.stdin(Stdio::null()).stdout(self.output.try_clone()?).stderr(self.output.try_clone()?);
        // Its options can come from the environment.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FELL_")) {
            command.env_remove(name);
        }
        match player.temporary {
            Some(folder) => command.env(TMPDIR, folder),
            None => command.env_remove(TMPDIR),
        };
        self.mark.put_on(&mut command);
        own_session(&mut command);
        self.began = Instant::now();
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("{} can't be started: {error}", program.display()))
        })?;
        if self.record.case.mode == Mode::Run {
            self.began += Duration::from_secs(self.record.case.mode.limit().into());
        }
        self.record.pid = Some(child.id());
        let pid = child.id() as i32;
        self.contestant = Some(child);
        // Not reaped yet, so the number is its.
        Ok(rustix::process::pidfd_open(Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?, PidfdFlags::empty())?)
    }

    /// Waits until a random moment of the contestant's set-up, and notes it.
    fn wait_at_random(&mut self, pidfd: &OwnedFd) -> io::Result<()> {
        use std::hash::BuildHasher;
        let random = std::hash::RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
        // Squared: most of the set-up is done in the first few milliseconds.
        let moment = SETTING_UP.mul_f64(random * random);
        self.record.note = format!("killed after {} µs", moment.as_micros());
        let left = moment.saturating_sub(self.began.elapsed());
        wait(pidfd, left.as_nanos() as i64)?;
        self.record.ready = self.victim.ledger().ready() > 0;
        Ok(())
    }

    /// Waits until the trick has been played; `false` if the game is over before it has begun.
    fn wait_ready(&mut self) -> io::Result<bool> {
        let Self { victim, contestant, root, record, .. } = self;
        let starter = contestant.as_mut().or(root.as_mut());
        let mut status = None;
        if let Some(starter) = starter {
            let expected = victim.shape().ready;
            let settled = |page: &Page| page.failed() != 0 || page.ready() >= expected;
            // The starter may end before its tree is ready: some roots do.
            let ended = || {
                status = starter.try_wait().ok().flatten();
                status.is_some() && !victim.anyone_alive().unwrap_or(false)
            };
            record.ready = victim.ledger().wait_until(READY, settled, ended);
        }
        let ledger = victim.ledger();
        if ledger.failed() != 0 {
            let cause = io::Error::from_raw_os_error(ledger.failed() as i32);
            *record = record.clone().not_played(Verdict::Skipped, format!("the victim can't be set up: {cause}"));
            return Ok(false);
        }
        let has_begun = ledger.ready() > 0 || ledger.forks() > 0;
        let may_be_late = record.case.mode == Mode::Run || root_leaves(record.case.trick());
        if record.ready || may_be_late && has_begun {
            return Ok(true);
        }
        let (ready, expected) = (ledger.ready(), victim.shape().ready);
        let how = status.map_or_else(String::new, |status| format!("; who started it has ended ({status})"));
        *record = record.clone().failed(format!("{ready} of {expected} processes of the victim were ready{how}"));
        Ok(false)
    }

    /// Notes who has left the tree already, to become a child of ours or of anybody else.
    fn find_escaped(&mut self) -> io::Result<()> {
        let root = self.root.as_ref().map_or(0, |root| root.id() as i32);
        let (holders, table) = (self.victim.ledger().holders()?, Table::look()?);
        let outside = holders.into_iter().filter(|(_, pid)| !table.descends(*pid, root));
        self.escaped = outside.map(|(slot, _)| slot).collect();
        Ok(())
    }

    /// Whether somebody had left the tree beforehand, or was forked by one who had.
    fn has_escaped(&self, mut slot: u32) -> bool {
        let mode = self.record.case.mode;
        let elusive = escapes(self.victim.trick()).filter(|_| mode.tells_pid());
        loop {
            let one = self.victim.ledger().record(slot);
            if self.escaped.contains(&slot) || elusive.is_some_and(|role| one.role() == role) {
                return true;
            }
            if slot == one.parent() || slot == 0 {
                return false;
            }
            slot = one.parent();
        }
    }

    /// Who is alive and should not be.
    fn alive(&self) -> io::Result<Vec<Left>> {
        let survivors = self.victim.survivors()?;
        let has_left = |slot| self.record.case.mode.tells_pid() && self.has_escaped(slot);
        Ok(survivors
            .into_iter()
            .filter(|who| !has_left(who.slot))
            .map(|who| Left { role: who.role, pid: who.pid })
            .collect())
    }

    fn is_anyone_alive(&self) -> io::Result<bool> {
        if !self.victim.anyone_alive()? {
            // Who has not begun yet may still begin, as long as there is somebody to start it.
            return Ok(self.record.case.mode == Mode::CrashEarly && self.may_begin()?);
        }
        let some_may_live = !self.escaped.is_empty() || escapes(self.victim.trick()).is_some();
        if self.record.case.mode.tells_pid() && some_may_live {
            // Those that have left hold the lock of all, too. No trick has both these and others that move from slot to slot.
            return Ok(!self.alive()?.is_empty());
        }
        Ok(true)
    }

    /// Waits for the contestant's return and for the last death.
    fn observe(&mut self, pidfd: &OwnedFd) -> io::Result<()> {
        let mode = self.record.case.mode;
        let end = self.began.max(Instant::now()) + RETURN;
        let status = loop {
            self.glance()?;
            if let Some(status) = self.contestant.as_mut().map(Child::try_wait).transpose()?.flatten() {
                break Some(status);
            }
            if Instant::now() >= end {
                break None;
            }
            wait(pidfd, GLANCE)?;
        };
        let returned = Instant::now();
        self.record.code = status.map(code);
        self.record.returned_ms = status.map(|_| milliseconds(returned.saturating_duration_since(self.began)));
        if status.is_none() {
            self.record.losses.push(Loss::Hung);
        }
        let patience = match mode {
            Mode::Crash | Mode::CrashEarly if self.has_keepers()? => AFTER_CRASH,
            Mode::Crash | Mode::CrashEarly => AFTER_LONELY_CRASH,
            _ => AFTERWARDS,
        };
        let end = returned + patience;
        self.glance()?;
        // Who reads in /proc of one that dies can hold its inherited lock for a moment longer; its own lock it can't.
        let was_clean = self.last_death.is_some() || self.alive()?.is_empty();
        while self.last_death.is_none() && Instant::now() < end {
            pause()?;
            self.glance()?;
        }
        let since = |moment: Instant| milliseconds(moment.saturating_duration_since(self.began));
        self.record.last_death_ms = self.last_death.map(since);
        let late = self.last_death.filter(|_| !was_clean);
        self.record.late_ms = late.map(|moment| milliseconds(moment.saturating_duration_since(returned)));
        if late.is_some() && !mode.crashes() && self.record.case.strict {
            self.record.losses.push(Loss::Late);
        }
        if self.last_death.is_none() {
            self.record.survivors = self.alive()?;
            // Those that carry the mark are named with the contestant's own.
            if self.record.survivors.is_empty() && self.victim.anyone_alive()? {
                self.record.survivors.push(Left { role: "somebody between two forks".into(), pid: 0 });
            }
            if !self.record.survivors.is_empty() {
                self.record.losses.push(Loss::Survivors);
            }
        }
        self.look_around(end)
    }

    /// Whether somebody may still start the victim, or has just done so.
    fn may_begin(&self) -> io::Result<bool> {
        // Twice: one that forks and exits can slip through one look.
        Ok(!self.mark.carriers(&[])?.is_empty()
            || !self.mark.carriers(&[])?.is_empty()
            || self.victim.anyone_alive()?)
    }

    /// Whether processes of the contestant itself are alive.
    fn has_keepers(&self) -> io::Result<bool> {
        let tree: Vec<i32> = self.victim.ledger().holders()?.into_iter().map(|(_, pid)| pid).collect();
        Ok(!self.mark.carriers(&tree)?.is_empty())
    }

    /// Looks once, and collects the root if it has ended.
    fn glance(&mut self) -> io::Result<()> {
        if self.last_death.is_none() && !self.is_anyone_alive()? {
            self.last_death = Some(Instant::now());
        }
        if let Some(root) = &mut self.root {
            root.try_wait()?;
        }
        Ok(())
    }

    /// What else is to be seen: the contestant's own processes, zombies, innocents, grace.
    fn look_around(&mut self, end: Instant) -> io::Result<()> {
        let tree: Vec<i32> = self.victim.ledger().holders()?.into_iter().map(|(_, pid)| pid).collect();
        if self.record.code.is_some() {
            loop {
                self.record.remains = self.mark.carriers(&tree)?;
                // Where the tree lives, its keepers do, too.
                let is_over = Instant::now() >= end || !self.record.survivors.is_empty();
                if self.record.remains.is_empty() || is_over {
                    break;
                }
                pause()?;
            }
        }
        if !self.record.remains.is_empty() {
            self.record.losses.push(Loss::Remains);
        }
        // Those that were born as our children before the contestant was told of the tree are ours to collect.
        self.record.zombies = if self.record.case.mode.tells_pid() { Vec::new() } else { self.zombies()? };
        if !self.record.zombies.is_empty() {
            self.record.losses.push(Loss::Zombies);
        }
        self.record.harm = self.bystander.harm()?;
        if self.record.harm.is_some() {
            self.record.losses.push(Loss::Innocents);
        }
        let expectation = Expectation::of(self.victim.trick(), self.record.case.mode);
        self.record.cleaned = self.victim.cleaned();
        self.record.cleaned_expected = expectation.cleaned;
        if expectation.cleaned.is_some_and(|expected| self.record.cleaned < expected) {
            self.record.losses.push(Loss::Grace);
        }
        if self.player.contestant.codes
            && !expectation.codes.is_empty()
            && self.record.code.is_some_and(|code| !expectation.codes.contains(&code))
        {
            self.record.losses.push(Loss::ExitCode);
        }
        let mut holders = self.victim.ledger().holders()?;
        holders.retain(|(slot, _)| self.record.case.mode.tells_pid() && self.has_escaped(*slot));
        self.record.escaped = holders.len();
        Ok(())
    }

    /// The zombies among our children that nobody here waits for.
    fn zombies(&self) -> io::Result<Vec<i32>> {
        let own = [self.root.as_ref(), self.contestant.as_ref()];
        let known = own.map(|child| child.map_or(0, |child| child.id() as i32));
        let others = [self.bystander.pid() as i32, self.player.warden.pid()];
        let mut zombies = Table::look()?.zombies_of(std::process::id() as i32);
        zombies.retain(|pid| !known.contains(pid) && !others.contains(pid));
        Ok(zombies)
    }

    /// Ends what is left, and gives the record.
    fn finish(mut self) -> io::Result<Record> {
        self.end()?;
        let mut record = self.record.clone();
        if record.verdict == Verdict::Passed && !record.losses.is_empty() {
            record.losses.sort_unstable();
            record.verdict = Verdict::Lost;
        }
        Ok(record)
    }

    fn end(&mut self) -> io::Result<()> {
        self.victim.end()?;
        if let Some(mut root) = self.root.take() {
            root.wait()?;
        }
        for zombie in self.zombies()? {
            rustix::process::waitpid(Pid::from_raw(zombie), WaitOptions::NOHANG)?;
        }
        if let Some(mut contestant) = self.contestant.take()
            && contestant.try_wait()?.is_none()
        {
            if let Some(pid) = Pid::from_raw(contestant.id() as i32) {
                // Not reaped yet, so the number is its.
                send(&rustix::process::pidfd_open(pid, PidfdFlags::empty())?, Signal::KILL)?;
            }
            contestant.wait()?;
        }
        if !self.mark.end_carriers(Duration::from_secs(10))? {
            return Err(io::Error::other("processes of the contestant can't be ended"));
        }
        Ok(())
    }
}

impl Drop for Game<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("fell-arena: {error}");
        }
    }
}

fn own_session(command: &mut Command) {
    let leave = || rustix::process::setsid().map(drop).map_err(Into::into);
    // SAFETY: setsid is async-signal-safe.
    unsafe { command.pre_exec(leave) };
}

fn send(pidfd: &OwnedFd, signal: Signal) -> io::Result<()> {
    match rustix::process::pidfd_send_signal(pidfd, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits for a death, but no longer than so many nanoseconds.
fn wait(pidfd: &OwnedFd, nanoseconds: i64) -> io::Result<()> {
    let timeout = Timespec { tv_sec: 0, tv_nsec: nanoseconds };
    match rustix::event::poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// As a shell shows it.
fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn milliseconds(span: Duration) -> u64 {
    span.as_millis() as u64
}
