//! A tree as it stands, from the inside: what each process waits in, and for whom; what it listens on, locks and holds open.
//!
//! Meant for the moment before a tree is ended: a kill without an explanation sends people back to the dark. Bounded in time and
//! size; what was cut is said in the gaps.

use crate::detail::{Detail, Details};
use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::redact::redact;
use crate::scene::{Descriptor, FileLock, Kind, LockId, Scene, Seen, Socket, Thing};
use crate::snapshot::{Gap, Snapshot};
use crate::sys::{self, Host, Machine};
use crate::why::{self, Reason};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The most letters of a command line that are kept.
const MOST_LETTERS: usize = 1024;
/// What a process without texts takes in a document.
const BARE: usize = 640;
/// The most reasons of one process.
const MOST_REASONS: usize = 8;

/// What a dump may take, and what it is to look for.
#[derive(Debug, Clone)]
pub struct DumpOptions {
    time: Duration,
    size: usize,
    root: Option<Pid>,
    secrets: bool,
    outputs: Option<Vec<Thing>>,
}

impl Default for DumpOptions {
    fn default() -> DumpOptions {
        DumpOptions { time: Duration::from_secs(2), size: 256 * 1024, root: None, secrets: false, outputs: None }
    }
}

impl DumpOptions {
    /// Tells who holds this file open, which is the tree's output.
    #[must_use]
    pub fn output_to(mut self, path: &Path) -> DumpOptions {
        self.outputs = sys::things_of_path(path);
        self
    }

    /// Tells who holds the caller's standard output or error open, if they are pipes or files.
    #[must_use]
    pub fn output_to_own_streams(mut self) -> DumpOptions {
        self.outputs = sys::things_of_own_output();
        self
    }

    /// How long it may take. Default: 2 s.
    #[must_use]
    pub fn time(mut self, time: Duration) -> DumpOptions {
        self.time = time;
        self
    }

    /// How large its document may be, in bytes. Default: 256 KiB.
    #[must_use]
    pub fn size(mut self, size: usize) -> DumpOptions {
        self.size = size;
        self
    }

    /// Whether secrets in command lines are shown. Default: no.
    #[must_use]
    pub fn secrets(mut self, shown: bool) -> DumpOptions {
        self.secrets = shown;
        self
    }

    /// The process that the tree hangs on, if it is in it. Who hangs on nobody else in the tree is an orphan.
    #[must_use]
    pub fn rooted(mut self, root: Option<Pid>) -> DumpOptions {
        self.root = root;
        self
    }
}

/// A tree as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dump {
    /// When it was begun, on the clock since boot.
    pub taken_at: Duration,
    /// Its processes, as many as there was room for.
    pub processes: Vec<Dumped>,
    /// How many more there were.
    pub more: usize,
    /// Those that wait for one another.
    pub deadlocks: Vec<Deadlock>,
    /// What could not be seen, or was cut.
    pub gaps: Vec<Gap>,
    /// What programs that were asked about the tree have said, by their command lines.
    pub told: Vec<(String, String)>,
}

/// How a process hangs in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the root.
    Root,
    /// Its parent is in the tree.
    Child,
    /// Its parent has ended, and this one was given it instead.
    Orphan {
        /// Whom it hangs on.
        adopted_by: Option<Pid>,
    },
}

/// Processes that wait for one another: each for the next, and the last for the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlock {
    /// Their PIDs and names.
    pub processes: Vec<(Pid, String)>,
    /// Whether every process of the host could be looked into. Otherwise one that could not may hold another end.
    pub is_certain: bool,
}

/// A lock that a process holds or waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockSeen {
    /// `flock`, `posix`, `ofdlck`, `lease`.
    pub kind: String,
    /// `read` or `write`.
    pub access: String,
    /// The path of the file.
    pub file: String,
    /// Whether it is waited for, and not held.
    pub waits: bool,
    pub(crate) id: LockId,
}

/// One process of a tree as it stands. `None` is what could not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dumped {
    /// Its row.
    pub info: ProcessInfo,
    /// Its user and its command line, in which secrets are hidden unless they were asked for.
    pub detail: Detail,
    /// How it hangs in the tree.
    pub place: Place,
    /// Whether it is in another session than the root, or than the first process of the tree.
    pub in_other_session: bool,
    /// Its cgroup.
    pub cgroup: Option<String>,
    /// The kernel's function that its first thread waits in.
    pub wait_channel: Option<String>,
    /// Why its threads do not go on, one line a thread and the most telling first; each line once.
    pub why: Vec<String>,
    /// How many of its threads were not looked at.
    pub more_threads: usize,
    /// The addresses that it listens on, TCP.
    pub listens: Option<Vec<SocketAddr>>,
    /// Whether these are addresses of the caller's network namespace.
    pub in_own_network: bool,
    /// The locks that it holds and waits for.
    pub locks: Option<Vec<LockSeen>>,
    /// Whether it holds the tree's output open.
    pub holds_output: Option<bool>,
}

/// Looks into the processes of this look.
pub fn dump(snapshot: &Snapshot, options: &DumpOptions) -> Dump {
    let host = Host::new();
    let until = host.now().saturating_add(options.time);
    // More have no room, whatever is told of them.
    let rows = snapshot.rows.get(..options.size / BARE).unwrap_or(&snapshot.rows);
    let mut details = Details::new();
    let mut unread = 0_usize;
    let mut read = |row: &ProcessInfo| match host.now() < until && may_be_read(&host, row) {
        true => hidden(details.of(&row.id), options.secrets),
        false => {
            unread += 1;
            Detail::default()
        }
    };
    let known: Vec<Detail> = rows.iter().map(&mut read).collect();
    let (mut scene, gaps) = sys::see_inside(&host, rows, until);
    scene.rows.clone_from(&snapshot.rows);
    let mut gaps: Vec<Gap> = snapshot.gaps.iter().cloned().chain(gaps).collect();
    let reasons: Vec<(Pid, Vec<Reason>)> =
        scene.processes.iter().map(|seen| (seen.info.pid(), why::reasons(&scene, seen))).collect();
    let deadlocks = deadlocks(&scene, &reasons);
    let mut reasons: BTreeMap<Pid, Vec<Reason>> = reasons.into_iter().collect();
    let seen: BTreeMap<Pid, &Seen> = scene.processes.iter().map(|seen| (seen.info.pid(), seen)).collect();
    let members: BTreeSet<Pid> = snapshot.rows.iter().map(ProcessInfo::pid).collect();
    let session =
        options.root.and_then(|root| snapshot.row(root)).or(snapshot.rows.first()).and_then(|row| row.session);
    let mut processes = Vec::new();
    let mut left = options.size;
    for (row, detail) in rows.iter().zip(known) {
        let pid = row.pid();
        let inside = seen.get(&pid).copied();
        let dumped = Dumped {
            info: row.clone(),
            detail,
            place: match row.parent {
                _ if options.root == Some(pid) => Place::Root,
                Some(parent) if members.contains(&parent) => Place::Child,
                parent => Place::Orphan { adopted_by: parent },
            },
            in_other_session: row.session != session,
            cgroup: inside.and_then(|seen| seen.cgroup.clone()),
            wait_channel: inside.and_then(|seen| seen.threads.as_ref()?.first()?.channel.clone()),
            why: lines(reasons.remove(&pid).unwrap_or_default()),
            more_threads: inside.map_or(0, |seen| seen.more_threads),
            listens: inside.and_then(|seen| listens(&scene, seen)),
            in_own_network: inside.is_none_or(|seen| seen.in_own_network),
            locks: inside.and_then(|seen| locks(&scene, seen)),
            holds_output: inside.and_then(|seen| {
                let descriptors = seen.descriptors.as_ref()?;
                let outputs = options.outputs.as_ref()?;
                Some(descriptors.iter().filter(|one| one.writes).any(|one| is_one_of(one, outputs)))
            }),
        };
        match left.checked_sub(weight(&dumped)) {
            Some(rest) => left = rest,
            None => break,
        }
        processes.push(dumped);
    }
    if unread > 0 {
        let what = format!("command lines of {unread} processes: out of time, or in an uninterruptible wait");
        gaps.push(Gap { pid: None, what });
    }
    let more = snapshot.rows.len() - processes.len();
    if more > 0 {
        gaps.push(Gap {
            pid: None,
            what: format!("{more} processes are left out: more than {} KiB", options.size / 1024),
        });
    }
    Dump { taken_at: snapshot.taken_at, processes, more, deadlocks, gaps, told: Vec::new() }
}

/// A command line lies in the memory of its process. Where that is in an uninterruptible wait, its reader may get into one too.
fn may_be_read(host: &Host, row: &ProcessInfo) -> bool {
    use crate::info::State::Uninterruptible;
    row.state != Uninterruptible || host.read(row.pid()).is_ok_and(|now| now.state != Uninterruptible)
}

fn hidden(detail: Detail, secrets: bool) -> Detail {
    // Hidden first, then shortened: what is cut in the middle may not look like a secret any more.
    let command_line = detail.command_line.map(|words| if secrets { words } else { redact(&words) });
    Detail { command_line: command_line.map(shortened), ..detail }
}

fn shortened(words: Vec<String>) -> Vec<String> {
    let mut left = MOST_LETTERS;
    let mut kept = Vec::new();
    for word in words {
        let letters = word.chars().count();
        if letters > left {
            kept.push(word.chars().take(left).chain(['…']).collect());
            break;
        }
        left -= letters;
        kept.push(word);
    }
    kept
}

fn lines(reasons: Vec<Reason>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for Reason { text, .. } in reasons {
        if lines.len() < MOST_REASONS && !lines.contains(&text) {
            lines.push(text);
        }
    }
    lines
}

fn deadlocks(scene: &Scene, reasons: &[(Pid, Vec<Reason>)]) -> Vec<Deadlock> {
    // One whose threads were not all looked at, or gave no reason, may go on.
    let whole = |pid: Pid, reasons: &[Reason]| {
        scene.processes.iter().any(|seen| {
            seen.info.pid() == pid
                && seen.more_threads == 0
                && seen.threads.as_ref().is_some_and(|threads| threads.len() == reasons.len())
        })
    };
    let known: Vec<(Pid, Vec<Reason>)> =
        reasons.iter().filter(|(pid, reasons)| whole(*pid, reasons)).cloned().collect();
    let name = |pid: Pid| {
        let found = scene.processes.iter().find(|seen| seen.info.pid() == pid);
        (pid, found.map_or_else(String::new, |seen| seen.info.name.clone()))
    };
    why::deadlocks(&known)
        .into_iter()
        .map(|circle| Deadlock { processes: circle.into_iter().map(name).collect(), is_certain: scene.hidden == 0 })
        .collect()
}

fn listens(scene: &Scene, seen: &Seen) -> Option<Vec<SocketAddr>> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for Descriptor { kind, .. } in seen.descriptors.as_ref()? {
        let Kind::Socket(inode) = kind else { continue };
        if let Some(Socket::Tcp { local, listens: true, .. }) = scene.sockets.get(inode) {
            found.push(*local);
        }
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn locks(scene: &Scene, seen: &Seen) -> Option<Vec<LockSeen>> {
    seen.descriptors.as_ref()?;
    let of_it = scene.locks.iter().filter(|lock| lock.by.contains(&seen.info.pid()));
    let mut found: Vec<LockSeen> = of_it
        .map(|FileLock { kind, access, waits, file, id, .. }| LockSeen {
            kind: kind.clone(),
            access: access.clone(),
            file: file.clone(),
            waits: *waits,
            id: id.clone(),
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn is_one_of(descriptor: &Descriptor, things: &[Thing]) -> bool {
    descriptor.kind.thing().is_some_and(|thing| things.contains(&thing))
}

/// How many bytes it takes at most in a document.
fn weight(dumped: &Dumped) -> usize {
    let text = |text: &str| {
        // A letter that steers is written as six.
        text.len() + text.chars().filter(|letter| letter.is_control() || matches!(letter, '"' | '\\')).count() * 5 + 4
    };
    let Dumped { info, detail, cgroup, wait_channel, why, locks, listens, .. } = dumped;
    let locks = locks.iter().flatten().map(|lock| text(&lock.kind) + text(&lock.access) + text(&lock.file) + 32);
    BARE + text(&info.name)
        + detail.command_line.iter().flatten().map(|word| text(word)).sum::<usize>()
        + detail.user.iter().chain(cgroup).chain(wait_channel).chain(why).map(|word| text(word)).sum::<usize>()
        + locks.sum::<usize>()
        + listens.iter().flatten().count() * 64
}
