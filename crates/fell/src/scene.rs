//! What was seen of processes from the inside: what their threads wait in, what they have open, and who has the other
//! ends. Plain data; what follows from it is said in [`why`](crate::why).

use crate::info::ProcessInfo;
use crate::pid::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What was seen in one look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scene {
    /// The rows of the whole tree.
    pub(crate) rows: Vec<ProcessInfo>,
    /// The processes that were looked into.
    pub(crate) processes: Vec<Seen>,
    /// Who has these open, of all processes that could be looked into. Complete for what a process of the scene waits on.
    pub(crate) holders: BTreeMap<Thing, Vec<Holder>>,
    /// The sockets of the scene and those that they are connected with, by their inodes.
    pub(crate) sockets: BTreeMap<u64, Socket>,
    /// The locks on files that are open in the scene.
    pub(crate) locks: Vec<FileLock>,
    /// Of how many processes outside the scene the descriptors may not be seen, or were not for lack of time.
    pub(crate) hidden: usize,
}

/// One process, from the inside. `None` is what could not be seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Its row.
    pub(crate) info: ProcessInfo,
    /// Its threads, the first one first, as far as they were looked at.
    pub(crate) threads: Option<Vec<Thread>>,
    /// How many threads more there are.
    pub(crate) more_threads: usize,
    /// What it has open.
    pub(crate) descriptors: Option<Vec<Descriptor>>,
    /// Who traces it.
    pub(crate) tracer: Option<Pid>,
    /// Its cgroup.
    pub(crate) cgroup: Option<String>,
    /// Whether it is in the caller's network namespace, as far as it has sockets.
    pub(crate) in_own_network: bool,
}

impl Seen {
    /// What is open under this number.
    pub(crate) fn descriptor(&self, number: i32) -> Option<&Descriptor> {
        self.descriptors.as_ref()?.iter().find(|descriptor| descriptor.number == number)
    }
}

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    /// Its number.
    pub(crate) id: Pid,
    /// The system call that it is in, if that could be seen.
    pub(crate) call: Option<Call>,
    /// The function of the kernel that it waits in, if that could be seen.
    pub(crate) channel: Option<String>,
}

/// A system call in which a thread waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// None: it runs, or is about to.
    Running,
    /// It takes from this descriptor.
    Read(i32),
    /// It gives to this descriptor.
    Write(i32),
    /// It waits for a connection.
    Accept(i32),
    /// It waits for a connection to be taken.
    Connect(i32),
    /// It waits for one of these to be ready.
    Poll(Vec<Interest>, Until),
    /// It waits for a lock on this file.
    Lock(i32),
    /// It waits for a child.
    Wait(Whom),
    /// It waits for its child to execute a program.
    Vfork,
    /// It opens this path.
    Open(Option<String>),
    /// It waits for another thread.
    Futex(Until),
    /// It waits for a time to pass.
    Sleep,
    /// It waits for a signal.
    Signal(Until),
    /// Another one.
    Other,
}

/// How long a wait lasts at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until what it waits for has come.
    Forever,
    /// Until a moment that the caller has set.
    Limited,
}

/// What a thread wants of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) number: i32,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

/// For which child a process waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    Any,
    Process(Pid),
    /// One of this process group.
    Group(Pid),
    /// One of its own process group.
    OwnGroup,
    /// The one behind this descriptor.
    Pidfd(i32),
}

/// An open descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) number: i32,
    pub(crate) kind: Kind,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

/// What a descriptor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A pipe without a name.
    Pipe(u64),
    /// A FIFO: its path, device and inode.
    Fifo(String, (u64, u64)),
    Socket(u64),
    /// A file or directory: its path, device and inode.
    File(String, (u64, u64)),
    /// A character device, with its path: a terminal if it is below `/dev/pts` or `/dev/tty`.
    Device(String),
    /// The process that it holds.
    Pidfd(Option<Pid>),
    /// What it watches; empty if that was not read.
    Epoll(Vec<Interest>),
    /// Something of the kernel's without another end: `eventfd`, `timerfd`, …
    Other(String),
}

impl Kind {
    /// What two processes must share for one to wait on the other.
    pub(crate) fn thing(&self) -> Option<Thing> {
        match self {
            Kind::Pipe(inode) => Some(Thing::Pipe(*inode)),
            Kind::Fifo(_, file) | Kind::File(_, file) => Some(Thing::File(*file)),
            Kind::Socket(inode) => Some(Thing::Socket(*inode)),
            Kind::Device(_) | Kind::Pidfd(_) | Kind::Epoll(_) | Kind::Other(_) => None,
        }
    }
}

/// Something that several processes may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Thing {
    Pipe(u64),
    Socket(u64),
    /// By device and inode.
    File((u64, u64)),
}

/// A process that has something open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) who: Who,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
    /// It holds a lock on it.
    pub(crate) locks: bool,
}

/// A process by its number and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) pid: Pid,
    pub(crate) name: String,
}

/// A socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Socket {
    /// Of the Unix domain.
    Unix { path: Option<String>, listens: bool, peer: Option<u64> },
    /// TCP; `peer` is the other end's inode, if that is on this host too. Of one that is queued, nobody has accepted the
    /// other end yet: `peer` is then the socket that listens there.
    Tcp { local: SocketAddr, remote: SocketAddr, listens: bool, peer: Option<u64>, is_queued: bool },
}

/// What tells one lock from all others: file, range and taker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct LockId {
    /// The device, as the kernel writes it in its table of locks.
    pub(crate) device: String,
    pub(crate) inode: u64,
    pub(crate) range: String,
    /// As the kernel names it: a PID, -1 or 0.
    pub(crate) taker: i32,
}

/// A lock on a file, held or waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileLock {
    /// `flock`, `posix`, `ofdlck`, …
    pub(crate) kind: String,
    /// `read` or `write`.
    pub(crate) access: String,
    /// Whether it is waited for.
    pub(crate) waits: bool,
    /// The path, or the inode where no path is known.
    pub(crate) file: String,
    pub(crate) inode: u64,
    /// Which lock exactly.
    pub(crate) id: LockId,
    /// The processes that hold or want it.
    pub(crate) by: BTreeSet<Pid>,
    /// Who has taken it, if that one has ended and somebody else holds it on.
    pub(crate) taken_by: Option<Pid>,
}
