//! The reasons of one process.

use super::ends::{End, accept, connect, lock, on, on_descriptor, poll, wanted_lock};
use super::words::{name, names};
use crate::info::{ProcessInfo, State};
use crate::pid::Pid;
use crate::scene::{Call, Kind, Scene, Seen, Thread, Until, Who, Whom};
use std::collections::BTreeSet;

/// Why a thread does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The thread.
    pub(crate) thread: Pid,
    /// In one line.
    pub(crate) text: String,
    /// Whom it waits for: any of them can let it go on, and nobody else. `None` if that is not known, or if it is no
    /// process that it waits for.
    pub(crate) waits_for: Option<BTreeSet<Pid>>,
    /// How much it tells: the smaller, the more.
    pub(crate) rank: u8,
}

/// The reasons of a process: one a thread that was looked at, the most telling first.
pub(crate) fn reasons(scene: &Scene, seen: &Seen) -> Vec<Reason> {
    let pid = seen.info.pid();
    let by_state = match seen.info.state {
        State::Zombie => Some(format!("has ended; {} has not collected it", parent(scene, seen))),
        State::Dead => Some(String::from("is being removed")),
        State::Stopped => Some(String::from("is stopped by a signal; CONT lets it go on")),
        State::Traced => Some(match seen.tracer {
            Some(tracer) => format!("is stopped by its tracer, {}", who_is(scene, tracer)),
            None => String::from("is stopped by its tracer"),
        }),
        _ => None,
    };
    if let Some(text) = by_state {
        return vec![Reason { thread: pid, text, waits_for: None, rank: 0 }];
    }
    let mut reasons: Vec<Reason> = seen
        .threads
        .iter()
        .flatten()
        .filter_map(|thread| {
            let End { text, waits_for, rank } = of_thread(scene, seen, thread)?;
            Some(Reason { thread: thread.id, text, waits_for, rank })
        })
        .collect();
    reasons.sort_by_key(|reason| (reason.rank, reason.thread != pid));
    reasons
}

fn of_thread(scene: &Scene, seen: &Seen, thread: &Thread) -> Option<End> {
    let by_channel = || thread.channel.as_deref().map(|channel| of_channel(scene, seen, channel));
    match &thread.call {
        None => by_channel(),
        Some(Call::Running) => Some(End::of_nobody(7, "runs")),
        Some(Call::Read(number)) => Some(on_descriptor(scene, seen, *number, true)),
        Some(Call::Write(number)) => Some(on_descriptor(scene, seen, *number, false)),
        Some(Call::Accept(number)) => Some(accept(scene, seen, *number)),
        Some(Call::Connect(number)) => Some(connect(scene, seen, *number)),
        Some(Call::Poll(interests, until)) => Some(poll(scene, seen, interests, *until)),
        Some(Call::Lock(number)) => Some(lock(scene, seen, *number)),
        Some(Call::Wait(whom)) => Some(wait(scene, seen, *whom)),
        Some(Call::Vfork) => Some(End { rank: 2, ..child(scene, seen, "waits for its child to execute a program: ") }),
        Some(Call::Open(path)) => Some(match (path, thread.channel.as_deref()) {
            (path, Some("wait_for_partner" | "fifo_open")) => End::of_nobody(
                1,
                match path {
                    Some(path) => format!("waits for somebody to open the other end of the FIFO {path}"),
                    None => String::from("waits for somebody to open the other end of a FIFO"),
                },
            ),
            (Some(path), _) => End::of_nobody(4, format!("waits for {path} to be opened")),
            (None, _) => return by_channel(),
        }),
        Some(Call::Futex(until)) => Some(futex(seen, *until)),
        Some(Call::Sleep) => Some(End::of_nobody(6, "sleeps for a time that it has set")),
        Some(Call::Signal(_)) => Some(signal(scene, seen)),
        Some(Call::Other) => by_channel(),
    }
}

/// Without the system call, which only who may trace the process can see.
fn of_channel(scene: &Scene, seen: &Seen, channel: &str) -> End {
    let the_only = |reads: bool, is_it: fn(&Kind) -> bool| {
        let mut fitting =
            seen.descriptors.iter().flatten().filter(|descriptor| {
                is_it(&descriptor.kind) && if reads { descriptor.reads } else { descriptor.writes }
            });
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    };
    let is_pipe: fn(&Kind) -> bool = |kind| matches!(kind, Kind::Pipe(_) | Kind::Fifo(..));
    let unseen = "which one may not be seen";
    match channel {
        "pipe_read" | "anon_pipe_read" | "fifo_pipe_read" | "pipe_wait_readable" => match the_only(true, is_pipe) {
            Some(pipe) => on(scene, seen, pipe, true),
            None => End::of_nobody(4, format!("waits for data from a pipe; {unseen}")),
        },
        "pipe_write" | "anon_pipe_write" | "fifo_pipe_write" | "pipe_wait_writable" => match the_only(false, is_pipe) {
            Some(pipe) => on(scene, seen, pipe, false),
            None => End::of_nobody(4, format!("is blocked writing to a pipe; {unseen}")),
        },
        "wait_for_partner" => End::of_nobody(4, "waits for somebody to open the other end of a FIFO"),
        "flock_lock_inode_wait" | "locks_lock_inode_wait" | "fcntl_setlk" | "do_lock_file_wait" => {
            match wanted_lock(scene, seen.info.pid()) {
                Some(end) => end,
                None => End::of_nobody(4, format!("waits for a file lock; {unseen}")),
            }
        }
        "do_wait" => child(scene, seen, "waits for a child: "),
        "kernel_clone" | "_do_fork" => child(scene, seen, "waits for its child to execute a program: "),
        "inet_csk_accept" | "unix_accept" => End::of_nobody(4, "waits for a connection"),
        "unix_stream_read_generic" | "unix_stream_data_wait" | "sk_wait_data" | "wait_woken" => {
            End::of_nobody(4, format!("waits for data from a socket or a terminal; {unseen}"))
        }
        "sock_alloc_send_pskb" | "sk_stream_wait_memory" => {
            End::of_nobody(4, format!("is blocked writing to a socket; {unseen}"))
        }
        "hrtimer_nanosleep" | "common_nsleep" => End::of_nobody(6, "sleeps for a time that it has set"),
        "sigsuspend" | "do_sigtimedwait" | "__do_sys_pause" => signal(scene, seen),
        "n_tty_read" => End::of_nobody(3, "waits for input from its terminal"),
        _ if channel.contains("futex") => futex(seen, Until::Forever),
        _ if channel.contains("poll") || channel.contains("select") => {
            End::of_nobody(5, "waits for one of several descriptors; which ones may not be seen")
        }
        _ => End::of_nobody(5, format!("waits in the kernel's {channel}")),
    }
}

/// The living children, by name.
fn children(scene: &Scene, seen: &Seen, is_meant: impl Fn(&ProcessInfo) -> bool) -> BTreeSet<Who> {
    let of_it = scene.rows.iter().filter(|row| row.parent == Some(seen.info.pid()));
    of_it
        .filter(|row| !matches!(row.state, State::Zombie | State::Dead) && is_meant(row))
        .map(|row| Who { pid: row.pid(), name: row.name.clone() })
        .collect()
}

fn child(scene: &Scene, seen: &Seen, doing: &str) -> End {
    waiting_for(doing, &children(scene, seen, |_| true))
}

fn waiting_for(doing: &str, all: &BTreeSet<Who>) -> End {
    let pids: BTreeSet<Pid> = all.iter().map(|who| who.pid).collect();
    let text =
        if all.is_empty() { format!("{doing}none of them was seen alive") } else { format!("{doing}{}", names(all)) };
    End { text, waits_for: (!pids.is_empty()).then_some(pids), rank: 2 }
}

fn wait(scene: &Scene, seen: &Seen, whom: Whom) -> End {
    match whom {
        Whom::Any => {
            let all = children(scene, seen, |_| true);
            let doing = if all.len() == 1 { "waits for its child " } else { "waits for one of its children: " };
            waiting_for(doing, &all)
        }
        Whom::Process(pid) => End {
            text: format!("waits for its child {}", who_is(scene, pid)),
            waits_for: Some(BTreeSet::from([pid])),
            rank: 2,
        },
        Whom::Group(group) => waiting_for(
            &format!("waits for its children of process group {group}: "),
            &children(scene, seen, |child| child.group == Some(group)),
        ),
        Whom::OwnGroup => waiting_for(
            "waits for its children of its own process group: ",
            &children(scene, seen, |child| child.group == seen.info.group),
        ),
        Whom::Pidfd(number) => match seen.descriptor(number).map(|descriptor| &descriptor.kind) {
            Some(Kind::Pidfd(Some(pid))) => wait(scene, seen, Whom::Process(*pid)),
            _ => End::of_nobody(2, "waits for a child that could not be seen"),
        },
    }
}

fn futex(seen: &Seen, until: Until) -> End {
    let limited = if until == Until::Limited { ", or for a time that it has set" } else { "" };
    End::of_nobody(
        5,
        match seen.info.threads {
            Some(2..) => format!("waits for another of its threads (futex){limited}"),
            _ => format!("waits on a futex: for a process that it shares memory with, or for itself{limited}"),
        },
    )
}

fn signal(scene: &Scene, seen: &Seen) -> End {
    let all = children(scene, seen, |_| true);
    match all.is_empty() {
        true => End::of_nobody(4, "waits for a signal"),
        false => {
            // Not of its children alone: anybody may send one.
            let whose = if all.len() == 1 { "its child " } else { "one of its children: " };
            let End { text, .. } = waiting_for(&format!("waits for a signal, such as the end of {whose}"), &all);
            End { text, waits_for: None, rank: 2 }
        }
    }
}

fn parent(scene: &Scene, seen: &Seen) -> String {
    seen.info.parent.map_or_else(|| String::from("its parent"), |parent| who_is(scene, parent))
}

/// A process by its name, if that was seen.
pub(super) fn who_is(scene: &Scene, pid: Pid) -> String {
    let row = scene.rows.iter().find(|row| row.pid() == pid);
    let by_row = row.map(|row| Who { pid, name: row.name.clone() });
    let by_holding = || scene.holders.values().flatten().map(|holder| &holder.who).find(|who| who.pid == pid).cloned();
    by_row.or_else(by_holding).map_or_else(|| format!("PID {pid}"), |who| name(&who))
}
