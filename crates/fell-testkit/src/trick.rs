//! The tricks, and what a tree looks like once each has been played.

use crate::page::MOST_FORKS;
use std::fmt;
use std::str::FromStr;

/// What a trick needs of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// To be root.
    Root,
    /// A user namespace that an ordinary user may make.
    UserNamespace,
    /// A cgroup directory that the victim may enter: root on most hosts.
    Cgroup,
    /// A cgroup v2 directory that the victim may freeze: root on most hosts.
    Freezer,
}

/// What a tree looks like once its trick has been played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many processes report ready.
    pub ready: u32,
    /// The fewest that one look counts then. Where processes come and go, a look is taken while they do, and may miss some.
    pub least: u32,
    /// The most that one look counts then.
    pub most: u32,
    /// How many forks the tree may make in its life.
    pub budget: u32,
}

impl Shape {
    const fn exactly(alive: u32) -> Self {
        Self { ready: alive, least: alive, most: alive, budget: 64 }
    }

    const fn ready(self, ready: u32) -> Self {
        Self { ready, ..self }
    }

    const fn least(self, least: u32) -> Self {
        Self { least, ..self }
    }

    const fn most(self, most: u32) -> Self {
        Self { most, ..self }
    }

    const fn budget(self, budget: u32) -> Self {
        Self { budget, ..self }
    }
}

macro_rules! tricks {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $count:literal, $needs:ident, |$n:ident| $shape:expr;)+) => {
        /// What a victim does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Trick {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Trick {
            /// All tricks.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The number that the trick is played with when none is given; 0 if it has none.
            pub const fn count(self) -> u32 {
                match self { $(Self::$name => $count,)+ }
            }

            /// What the trick needs of the host.
            pub const fn needs(self) -> Needs {
                match self { $(Self::$name => Needs::$needs,)+ }
            }

            /// What the tree looks like once the trick has been played with this number.
            pub fn shape(self, count: u32) -> Shape {
                let mut shape = match self { $(Self::$name => { let $n = count; $shape })+ };
                // Never less than the set-up takes, never more than the machine can stand.
                shape.budget = shape.budget.max(shape.most.saturating_add(8)).min(MOST_FORKS);
                shape
            }

            /// One line that says what the trick does.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

tricks! {
    /// One process that waits.
    Plain = "plain", 0, Nothing, |_n| Shape::exactly(1);
    /// A chain of N descendants, each the child of the one before.
    DeepChain = "deep-chain", 50, Nothing, |n| Shape::exactly(n + 1);
    /// N children.
    Wide = "wide", 200, Nothing, |n| Shape::exactly(n + 1);
    /// Three levels of N children each.
    Bushy = "bushy", 4, Nothing, |n| Shape::exactly(1 + n + n * n + n * n * n);
    /// Becomes a shell that runs two programs in the background and waits.
    ShellBackground = "shell-background", 0, Nothing, |_n| Shape::exactly(3).ready(2);
    /// Becomes a shell that runs a pipeline of two programs.
    ShellPipeline = "shell-pipeline", 0, Nothing, |_n| Shape::exactly(3).ready(2);
    /// A shell that has been told to leave its background program behind.
    ShellLeaves = "shell-leaves", 0, Nothing, |_n| Shape::exactly(1).most(2);
    /// Root and child ignore TERM.
    IgnoreTerm = "ignore-term", 0, Nothing, |_n| Shape::exactly(2);
    /// Root and child ignore every signal that can be ignored.
    IgnoreAll = "ignore-all", 0, Nothing, |_n| Shape::exactly(2);
    /// Root and child block every signal that can be blocked.
    BlockAll = "block-all", 0, Nothing, |_n| Shape::exactly(2);
    /// A child in a process group of its own.
    OwnGroup = "own-group", 0, Nothing, |_n| Shape::exactly(2);
    /// A child in a session of its own.
    OwnSession = "own-session", 0, Nothing, |_n| Shape::exactly(2);
    /// A child that moves into the process group of its grandparent, the one that started the victim.
    CallersGroup = "callers-group", 0, Nothing, |_n| Shape::exactly(2);
    /// A grandchild whose parent has exited.
    DoubleFork = "double-fork", 0, Nothing, |_n| Shape::exactly(2);
    /// A great-grandchild whose parent and grandparent have exited.
    TripleFork = "triple-fork", 0, Nothing, |_n| Shape::exactly(2);
    /// A daemon by the book: two forks, a session, `/`, no terminal, no standard streams.
    FullDaemon = "full-daemon", 0, Nothing, |_n| Shape::exactly(2);
    /// A daemon with an empty environment and the name of a kernel thread.
    DisguisedDaemon = "disguised-daemon", 0, Nothing, |_n| Shape::exactly(2);
    /// A daemon that ignores TERM and whose starter has exited.
    LoneDaemon = "lone-daemon", 0, Nothing, |_n| Shape::exactly(1).most(2);
    /// The root exits with 0 and leaves its child.
    ParentExitsFirst = "parent-exits-first", 0, Nothing, |_n| Shape::exactly(1);
    /// A child that has stopped itself.
    Stopped = "stopped", 0, Nothing, |_n| Shape::exactly(2);
    /// A stopped child that ignores TERM once it goes on.
    StopThenIgnoreTerm = "stop-then-ignore-term", 0, Nothing, |_n| Shape::exactly(2);
    /// A child that ignores TERM and stops itself again whenever it is continued.
    Restopper = "restopper", 0, Nothing, |_n| Shape::exactly(2);
    /// Answers each TERM with one more child of the same kind.
    ForksOnTerm = "forks-on-term", 0, Nothing, |_n| Shape::exactly(1).budget(32);
    /// Obeys TERM, but first leaves an heir in another session that ignores it.
    HeirOnTerm = "heir-on-term", 0, Nothing, |_n| Shape::exactly(1);
    /// Begins to do as the rabbit does when TERM comes.
    RabbitOnTerm = "rabbit-on-term", 0, Nothing, |_n| Shape::exactly(1).budget(MOST_FORKS);
    /// Makes one more daemon every few milliseconds.
    LateDaemons = "late-daemons", 0, Nothing, |_n| Shape::exactly(2).ready(1).most(56);
    /// Starts its child again whenever that dies.
    Respawner = "respawner", 0, Nothing, |_n| Shape::exactly(2);
    /// Two processes, each of which starts the other again.
    MutualRespawners = "mutual-respawners", 0, Nothing, |_n| Shape::exactly(2);
    /// The root forks a successor and exits, again and again.
    Rabbit = "rabbit", 0, Nothing, |_n| Shape::exactly(1).ready(3).least(0).most(8).budget(MOST_FORKS);
    /// A child does as the rabbit does, and each successor makes a session.
    RabbitSessions = "rabbit-sessions", 0, Nothing, |_n| Shape::exactly(2).ready(4).least(1).most(9).budget(MOST_FORKS);
    /// N rabbits below a root that stays.
    RabbitHerd = "rabbit-herd", 8, Nothing, |n| Shape::exactly(n + 1).ready(2 * n + 1).least(1).most(6 * n + 1).budget(MOST_FORKS);
    /// Everybody forks until there are N, and then again for each child that dies.
    BoundedBomb = "bounded-bomb", 400, Nothing, |n| Shape::exactly(n + 1).budget(4 * n);
    /// A child that becomes itself again by exec, all the time.
    ExecLoop = "exec-loop", 0, Nothing, |_n| Shape::exactly(2);
    /// As the exec loop, but always from a thread that is not the main one.
    ThreadedExecLoop = "threaded-exec-loop", 0, Nothing, |_n| Shape::exactly(2);
    /// A child whose program is a file in memory that has no name.
    MemfdImage = "memfd-image", 0, Nothing, |_n| Shape::exactly(2);
    /// N threads with one child each.
    ThreadsThatFork = "threads-that-fork", 4, Nothing, |n| Shape::exactly(n + 1);
    /// N children whose forking threads have exited.
    ThreadForksAndExits = "thread-forks-and-exits", 4, Nothing, |n| Shape::exactly(n + 1);
    /// A child whose main thread has exited while another lives: state Z, but alive.
    ThreadLeaderExits = "thread-leader-exits", 0, Nothing, |_n| Shape::exactly(2);
    /// N children that have exited and are not reaped.
    ZombieFactory = "zombie-factory", 8, Nothing, |_n| Shape::exactly(1);
    /// A parent that is blocked in vfork, in state D.
    VforkWait = "vfork-wait", 0, Nothing, |_n| Shape::exactly(3).ready(2);
    /// A child that is an auto-reaping parent of N.
    SigchldIgnored = "sigchld-ignored", 4, Nothing, |n| Shape::exactly(n + 2);
    /// N children that start short-lived children without end, as a parallel build does.
    Churn = "churn", 4, Nothing, |n| Shape::exactly(n + 1).most(3 * n + 1).budget(MOST_FORKS);
    /// A child that can't be dumped: its /proc files belong to root.
    Undumpable = "undumpable", 0, Nothing, |_n| Shape::exactly(2);
    /// A child that is traced by its sibling, which swallows its signals.
    Ptraced = "ptraced", 0, Nothing, |_n| Shape::exactly(3);
    /// An orphan that came home to a subreaper in the middle of the tree.
    IntermediateSubreaper = "intermediate-subreaper", 0, Nothing, |_n| Shape::exactly(3);
    /// A child that is born as its own sibling: its parent is the one that started the victim.
    CloneParent = "clone-parent", 0, Nothing, |_n| Shape::exactly(2);
    /// A child with another uid.
    OtherUid = "other-uid", 0, Root, |_n| Shape::exactly(2);
    /// A PID namespace with an init and a child.
    PidnsChild = "pidns-child", 0, Root, |_n| Shape::exactly(4);
    /// A PID namespace whose init has lost its parent outside.
    PidnsOrphan = "pidns-orphan", 0, Root, |_n| Shape::exactly(3);
    /// A PID namespace inside a user namespace, with an init and a child.
    UserPidnsChild = "user-pidns-child", 0, UserNamespace, |_n| Shape::exactly(4);
    /// A child that moves to another cgroup.
    OtherCgroup = "other-cgroup", 0, Cgroup, |_n| Shape::exactly(2);
    /// A child in a frozen cgroup v2.
    Frozen = "frozen", 0, Freezer, |_n| Shape::exactly(2);
    /// A child in another session that keeps the root's standard streams open.
    PipeHolder = "pipe-holder", 0, Nothing, |_n| Shape::exactly(2);
    /// A child in another session that listens at a TCP port.
    PortListener = "port-listener", 0, Nothing, |_n| Shape::exactly(2);
    /// A child in another session that holds a file lock.
    LockHolder = "lock-holder", 0, Nothing, |_n| Shape::exactly(2);
    /// A child that sets a death signal, clears it and leaves the session.
    ClearedPdeathsig = "cleared-pdeathsig", 0, Nothing, |_n| Shape::exactly(2);
    /// Cleans up for 100 ms when TERM comes, writes the file and exits.
    Graceful = "graceful", 0, Nothing, |_n| Shape::exactly(1);
    /// A root and N children that all clean up when TERM comes.
    GracefulTree = "graceful-tree", 3, Nothing, |n| Shape::exactly(n + 1);
    /// A daemon that cleans up when TERM comes.
    GracefulDaemon = "graceful-daemon", 0, Nothing, |_n| Shape::exactly(2);
    /// A stopped child that cleans up when TERM comes, once it goes on.
    GracefulStopped = "graceful-stopped", 0, Nothing, |_n| Shape::exactly(2);
    /// The root exits on TERM at once, a child of the same group ignores it.
    LeaderObeysMemberIgnores = "leader-obeys-member-ignores", 0, Nothing, |_n| Shape::exactly(2);
    /// Children whose names hold parentheses, blanks and newlines, and look like a row of `stat`.
    EvilComm = "evil-comm", 0, Nothing, |_n| Shape::exactly(4);
    /// Two children that spin on the processor and ignore TERM.
    Spinners = "spinners", 0, Nothing, |_n| Shape::exactly(3);
    /// An innocent tree of three that counts every signal it gets.
    Bystander = "bystander", 0, Nothing, |_n| Shape::exactly(3);
}

impl fmt::Display for Trick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no trick of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTrick(String);

impl fmt::Display for UnknownTrick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no trick is called {:?}", self.0)
    }
}

impl std::error::Error for UnknownTrick {}

impl FromStr for Trick {
    type Err = UnknownTrick;

    fn from_str(name: &str) -> Result<Self, UnknownTrick> {
        Self::ALL.iter().copied().find(|trick| trick.name() == name).ok_or_else(|| UnknownTrick(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_parse_back() {
        for trick in Trick::ALL {
            assert_eq!(trick.name().parse(), Ok(*trick));
            assert!(trick.shape(trick.count()).budget <= MOST_FORKS);
        }
        assert!("none".parse::<Trick>().is_err());
    }
}
