//! The games that are to be played, and the workers that play them.

use super::args::{Args, Isolate};
use super::board::Column;
use super::case::{Case, is_dangerous};
use super::contestant::{Contestant, FELL};
use super::mode::Mode;
use super::nursery::Nursery;
use super::record::{Record, Verdict};
use super::warden::{Warden, Watched};
use super::worker::Briefing;
use fell_testkit::{Cage, NOBODY, Trick, UserCommand, as_user, victim_binary};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// Everything that was asked for.
pub(crate) struct Field {
    contestants: Vec<Contestant>,
    columns: Vec<Column>,
    tricks: Vec<Trick>,
    modes: Vec<Mode>,
    rounds: u32,
    jobs: u32,
    isolate: Isolate,
    is_strict: bool,
    fell: PathBuf,
    is_verbose: bool,
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message.into())
}

/// The user that this process is.
fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn uid(user: &str) -> io::Result<u32> {
    match user {
        "nobody" => Ok(NOBODY),
        "root" => Ok(0),
        number => number.parse().map_err(|_| invalid(format!("{number:?} is neither a number nor nobody nor root"))),
    }
}

/// The name of a user, as [`uid`] reads it.
fn user_name(uid: u32) -> String {
    match uid {
        0 => String::from("root"),
        NOBODY => String::from("nobody"),
        other => other.to_string(),
    }
}

impl Field {
    /// Reads the command line.
    pub(crate) fn new(args: &Args) -> io::Result<Self> {
        let mut contestants = Contestant::known();
        for description in &args.contestant {
            Contestant::take_in(&mut contestants, description).map_err(invalid)?;
        }
        let user = args.user.as_deref().map_or_else(|| Ok(own_uid()), uid)?;
        let mut entries: Vec<(String, u32)> = Vec::new();
        for entry in &args.contestants {
            entries.push(match entry.split_once('@') {
                Some((name, user)) => (name.to_owned(), uid(user)?),
                None => (entry.clone(), user),
            });
        }
        if entries.is_empty() {
            for one in &contestants {
                entries.push((one.name.clone(), user));
                if one.name == FELL && user == 0 && args.user.is_none() {
                    entries.push((one.name.clone(), NOBODY));
                }
            }
        }
        let mut columns = Vec::new();
        for (name, uid) in entries {
            if !contestants.iter().any(|one| one.name == name) {
                return Err(invalid(format!("no contestant is called {name:?}; --list names them all")));
            }
            if uid != own_uid() && own_uid() != 0 {
                return Err(invalid(format!("only root can play as {}", user_name(uid))));
            }
            let must_win = args.must_win.contains(&name);
            columns.push(Column { name, user: user_name(uid), is_own_user: uid == own_uid(), must_win });
        }
        let needs_fell = |column: &Column| {
            let one = contestants.iter().find(|one| one.name == column.name);
            one.is_some_and(|one| [&one.run, &one.kill].into_iter().flatten().any(|line| line.names("{fell}")))
        };
        let fell = match locate_fell(args.fell.as_deref()) {
            Err(error) if columns.iter().any(needs_fell) && !args.list => return Err(error),
            found => found.unwrap_or_default(),
        };
        let innocent = |trick: &Trick| *trick != Trick::Bystander;
        Ok(Self {
            contestants,
            columns,
            tricks: if args.only.is_empty() {
                Trick::ALL.iter().copied().filter(innocent).collect()
            } else {
                args.only.clone()
            },
            modes: if args.modes.is_empty() { Mode::ALL.to_vec() } else { args.modes.clone() },
            rounds: args.rounds,
            jobs: args.jobs,
            isolate: args.isolate,
            is_strict: args.strict,
            fell,
            is_verbose: args.verbose,
        })
    }

    /// The columns of the board.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Victims and contestants, for the reader.
    pub(crate) fn list(&self) -> String {
        let mut text = String::new();
        for trick in self.tricks.iter() {
            // Writing to a string can't fail.
            writeln!(text, "{:28} {}", trick.name(), trick.about()).unwrap_or_default();
        }
        let names: Vec<_> = self.contestants.iter().map(|one| one.name.as_str()).collect();
        writeln!(text, "\ncontestants: {}", names.join(", ")).unwrap_or_default();
        text
    }

    /// Plays everything; the records in the order of the board.
    pub(crate) fn play(&self) -> io::Result<Vec<Record>> {
        let nursery = Nursery::open()?;
        let warden = Warden::start(|command| nursery.spawn(command))?;
        let mut users: Vec<&str> = self.columns.iter().map(|column| column.user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        let total = self.columns.len() * self.tricks.len() * self.modes.len() * self.rounds as usize;
        let desk = Desk { cases: Mutex::default(), records: Mutex::default(), total, is_verbose: self.is_verbose };
        for user in users {
            *desk.cases.lock().map_err(|_| poisoned())? = self.cases(user);
            let camp = Camp::new(self, uid(user)?, &nursery, &warden)?;
            std::thread::scope(|scope| {
                let workers: Vec<_> = (0..self.jobs).map(|_| scope.spawn(|| desk.employ(&camp))).collect();
                workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| poisoned())?)
            })?;
        }
        desk.clear_line();
        let mut records = desk.records.into_inner().map_err(|_| poisoned())?;
        let place = |record: &Record| {
            let case = &record.case;
            let trick = self.tricks.iter().position(|trick| trick.name() == case.victim);
            let column = self.columns.iter().position(|column| column.is_of(case));
            (trick, column, case.mode, case.round)
        };
        records.sort_by_key(place);
        Ok(records)
    }

    fn cases(&self, user: &str) -> VecDeque<Case> {
        let mut cases = VecDeque::new();
        for round in 0..self.rounds {
            for trick in &self.tricks {
                for column in self.columns.iter().filter(|column| column.user == user) {
                    for mode in &self.modes {
                        let isolated = match self.isolate {
                            Isolate::Always => true,
                            Isolate::Never => false,
                            Isolate::Auto => is_dangerous(*trick) && !column.must_win,
                        };
                        cases.push_back(Case {
                            victim: trick.name().to_owned(),
                            mode: *mode,
                            contestant: column.name.clone(),
                            user: user.to_owned(),
                            round,
                            isolated,
                            strict: self.is_strict,
                        });
                    }
                }
            }
        }
        cases
    }
}

fn poisoned() -> io::Error {
    io::Error::other("a part of the suite panicked")
}

fn locate_fell(said: Option<&Path>) -> io::Result<PathBuf> {
    if let Some(said) = said {
        return said.canonicalize().map_err(|error| invalid(format!("{}: {error}", said.display())));
    }
    let beside = std::env::current_exe()?.with_file_name(FELL);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&folders).map(|folder| folder.join(FELL));
    std::iter::once(beside)
        .chain(in_path)
        .find(|path| path.is_file())
        .ok_or_else(|| invalid("there is no fell beside this program or in $PATH: build it, or say --fell FILE"))
}

/// The programs, where a user can reach them.
struct Camp<'a> {
    uid: u32,
    arena: PathBuf,
    victim: PathBuf,
    briefing: Briefing,
    nursery: &'a Nursery,
    warden: &'a Warden,
    /// Holds the copies, if there are some.
    _copies: Vec<(Option<Watched<'a>>, UserCommand)>,
}

impl<'a> Camp<'a> {
    fn new(field: &Field, uid: u32, nursery: &'a Nursery, warden: &'a Warden) -> io::Result<Self> {
        let (arena, victim) = (std::env::current_exe()?, victim_binary()?);
        let mut copies = Vec::new();
        let mut reachable = |program: &Path| -> io::Result<PathBuf> {
            if uid == own_uid() || program.as_os_str().is_empty() {
                return Ok(program.to_owned());
            }
            let copy = as_user(program, uid)?;
            let path = copy.program().to_owned();
            // Where the original can be reached, there is no copy, and its folder is not ours.
            let folder = path.parent().filter(|_| path.canonicalize().ok() != program.canonicalize().ok());
            copies.push((folder.map(|folder| warden.watch_folder(folder)).transpose()?, copy));
            Ok(path)
        };
        let (arena, victim, fell) = (reachable(&arena)?, reachable(&victim)?, reachable(&field.fell)?);
        let briefing = Briefing { starter: std::process::id(), fell, contestants: field.contestants.clone() };
        Ok(Self { uid, arena, victim, briefing, nursery, warden, _copies: copies })
    }

    fn hire(&self) -> io::Result<Worker<'a>> {
        // A bound from outside; where there is none, the victims' budgets have to do.
        let cage = Cage::new(Cage::ROOM);
        let watched = cage.as_ref().map(|cage| self.warden.watch_cage(cage)).transpose()?;
        let user;
        let mut command = if self.uid == own_uid() {
            Command::new(&self.arena)
        } else {
            // Can be reached already.
            user = as_user(&self.arena, self.uid)?;
            user.command
        };
        command.arg(super::WORKER).env("FELL_VICTIM", &self.victim);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(cage) = &cage {
            cage.join(&mut command)?;
        }
        let mut child = self.nursery.spawn(&mut command)?;
        let lost = || io::Error::other("a worker has no pipes");
        let orders = child.stdin.take().ok_or_else(lost)?;
        let reports = BufReader::new(child.stdout.take().ok_or_else(lost)?);
        let mut worker =
            Worker { child, nursery: self.nursery, orders: Some(orders), reports, _cage: cage, _watched: watched };
        worker.say(&serde_json::to_string(&self.briefing)?)?;
        Ok(worker)
    }
}

/// A worker as its starter sees it.
struct Worker<'a> {
    child: Child,
    nursery: &'a Nursery,
    orders: Option<ChildStdin>,
    reports: BufReader<ChildStdout>,
    // Dropped after the worker has ended, the cage before its watch.
    _cage: Option<Cage>,
    _watched: Option<Watched<'a>>,
}

impl Worker<'_> {
    fn say(&mut self, line: &str) -> io::Result<()> {
        match &mut self.orders {
            Some(orders) => writeln!(orders, "{line}"),
            None => Ok(()),
        }
    }

    fn play(&mut self, case: &Case) -> io::Result<Record> {
        self.say(&serde_json::to_string(case)?)?;
        let mut line = String::new();
        if self.reports.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        // The end of its orders is the end of a worker.
        self.orders = None;
        if let Err(error) = self.nursery.wait(&mut self.child) {
            eprintln!("fell-arena: a worker can't be waited for: {error}");
        }
    }
}

/// Where cases lie until they are played, and records after.
struct Desk {
    cases: Mutex<VecDeque<Case>>,
    records: Mutex<Vec<Record>>,
    total: usize,
    is_verbose: bool,
}

impl Desk {
    fn employ(&self, camp: &Camp<'_>) -> io::Result<()> {
        let mut worker = None;
        loop {
            let Some(case) = self.cases.lock().map_err(|_| poisoned())?.pop_front() else {
                return Ok(());
            };
            let mut hired = match worker.take() {
                Some(worker) => worker,
                None => camp.hire()?,
            };
            let record = match hired.play(&case) {
                Ok(record) => {
                    worker = Some(hired);
                    record
                }
                // Its warden cleans up; the next game has a new worker.
                Err(error) => Record::new(case).failed(format!("the worker has died: {error}")),
            };
            self.file(record)?;
        }
    }

    fn file(&self, record: Record) -> io::Result<()> {
        let mut records = self.records.lock().map_err(|_| poisoned())?;
        if self.is_verbose {
            let reasons = record.reasons().join("; ");
            let case = &record.case;
            eprintln!(
                "{} {} {}@{} {}: {reasons}",
                record.letter(),
                case.victim,
                case.contestant,
                case.user,
                case.mode.name()
            );
        } else if io::stderr().is_terminal() {
            let lost = records.iter().filter(|record| record.verdict == Verdict::Lost).count();
            eprint!("\r{} of {} played, {lost} lost ", records.len() + 1, self.total);
        }
        records.push(record);
        Ok(())
    }

    fn clear_line(&self) {
        if !self.is_verbose && io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }
}
