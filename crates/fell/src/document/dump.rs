//! A tree as it stands, from the inside, in a document and in lines.

use super::{GapDocument, ProcessDocument};
use crate::detail::Calendar;
use crate::dump::{Deadlock, Dump, Dumped, LockSeen, Place};
use crate::pid::Pid;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A tree as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DumpDocument {
    /// Its processes.
    pub processes: Vec<DumpedProcess>,
    /// How many more there were than are listed.
    pub more: u64,
    /// Processes that wait for one another, as they are told of.
    #[serde(default)]
    pub deadlocks: Vec<DeadlockDocument>,
    /// What could not be seen, or was cut.
    pub gaps: Vec<GapDocument>,
    /// What the programs of `--dump-with` have said.
    #[serde(default)]
    pub told: Vec<ToldDocument>,
}

/// One process of a tree as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DumpedProcess {
    /// Who it is, and what it is doing.
    #[serde(flatten)]
    pub process: ProcessDocument,
    /// How it hangs in the tree: `root`, `child`, or `orphan` whose parent has ended.
    #[serde(default)]
    pub place: Option<String>,
    /// Whether it is in another session than the root of the tree.
    #[serde(default)]
    pub other_session: Option<bool>,
    /// Its cgroup.
    #[serde(default)]
    pub cgroup: Option<String>,
    /// Why it does not go on: a line for each of its threads that tells something else, the most telling first.
    #[serde(default)]
    pub why: Vec<String>,
    /// In which function of the kernel its first thread waits, where that may be seen.
    pub wait_channel: Option<String>,
    /// The TCP ports that it listens on; `null` if that was not seen.
    pub listens: Option<Vec<u16>>,
    /// The file locks that it holds: `flock write /path`; `null` if that was not seen.
    pub locks: Option<Vec<String>>,
    /// The file locks that it waits for.
    #[serde(default)]
    pub wants_locks: Option<Vec<String>>,
    /// Whether it holds the output of the tree open; `null` if that was not seen.
    pub holds_output: Option<bool>,
}

/// Processes that wait for one another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeadlockDocument {
    /// Their PIDs: each waits for the next, and the last for the first.
    pub pids: Vec<u32>,
    /// Whether every process of the host could be looked into. Otherwise one that could not may hold another end.
    pub certain: bool,
    /// In words.
    pub text: String,
}

/// What a program has said of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToldDocument {
    /// The program, as it was called.
    pub command: String,
    /// Its output, or why there is none.
    pub output: String,
}

impl DumpDocument {
    /// The view of a dump.
    pub fn new(dump: &Dump, calendar: &Calendar) -> DumpDocument {
        let Dump { taken_at, processes, more, deadlocks, gaps, told } = dump;
        // The ages are those at the time of the look.
        let calendar = Calendar { now: *taken_at, ..*calendar };
        DumpDocument {
            processes: processes.iter().map(|dumped| DumpedProcess::new(dumped, &calendar)).collect(),
            more: u64::try_from(*more).unwrap_or(u64::MAX),
            deadlocks: deadlocks.iter().map(DeadlockDocument::from).collect(),
            gaps: gaps.iter().map(GapDocument::from).collect(),
            told: told
                .iter()
                .map(|(command, output)| ToldDocument { command: command.clone(), output: output.clone() })
                .collect(),
        }
    }

    /// The dump for readers: a line a process, and below it why it does not go on and what it holds. Names and command
    /// lines are as their owners set them: whoever prints the lines makes them printable.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.deadlocks.iter().map(|deadlock| deadlock.text.clone()).collect();
        let all_hold =
            self.processes.len() > 1 && self.processes.iter().all(|dumped| dumped.holds_output == Some(true));
        let mut cgroup: Option<&String> = None;
        for dumped in &self.processes {
            lines.push(dumped.head());
            lines.extend(dumped.why.iter().map(|why| format!("    {why}")));
            let is_news = dumped.cgroup.is_some() && dumped.cgroup.as_ref() != cgroup;
            cgroup = dumped.cgroup.as_ref().or(cgroup);
            let tail = dumped.tail(is_news, !all_hold);
            if !tail.is_empty() {
                lines.push(format!("    {tail}"));
            }
        }
        if all_hold {
            lines.push(String::from("all of them hold the output open"));
        }
        if self.more > 0 {
            lines.push(format!("and {} more", self.more));
        }
        lines.extend(self.gaps.iter().map(|gap| match gap.pid {
            Some(pid) => format!("not seen of {pid}: {}", gap.what),
            None => format!("not seen: {}", gap.what),
        }));
        for ToldDocument { command, output } in &self.told {
            lines.push(format!("{command}:"));
            lines.extend(output.lines().map(|line| format!("    {}", line.replace('\t', "    "))));
        }
        lines
    }
}

impl DumpedProcess {
    /// The view of one process.
    pub fn new(dumped: &Dumped, calendar: &Calendar) -> DumpedProcess {
        let Dumped {
            info,
            detail,
            place,
            in_other_session,
            cgroup,
            wait_channel,
            why,
            more_threads,
            listens,
            in_own_network: _,
            locks,
            holds_output,
        } = dumped;
        let mut why = why.clone();
        if *more_threads > 0 {
            why.push(format!("{more_threads} more threads were not looked at"));
        }
        let ports = |addresses: &Vec<std::net::SocketAddr>| {
            let mut ports: Vec<u16> = addresses.iter().map(std::net::SocketAddr::port).collect();
            ports.sort_unstable();
            ports.dedup();
            ports
        };
        let of = |waits: bool| {
            let all = locks.as_ref()?.iter().filter(|lock| lock.waits == waits);
            Some(all.map(|LockSeen { kind, access, file, .. }| format!("{kind} {access} {file}")).collect())
        };
        DumpedProcess {
            // The dump has hidden secrets already, if it should.
            process: ProcessDocument::with_secrets(info, detail.clone(), calendar),
            place: Some(String::from(match place {
                Place::Root => "root",
                Place::Child => "child",
                Place::Orphan { .. } => "orphan",
            })),
            other_session: Some(*in_other_session),
            cgroup: cgroup.clone(),
            why,
            wait_channel: wait_channel.clone(),
            listens: listens.as_ref().map(ports),
            locks: of(false),
            wants_locks: of(true),
            holds_output: *holds_output,
        }
    }

    /// `4711 sleeping make test (child of 4700, age 12.3s, CPU 1.2s)`
    fn head(&self) -> String {
        let process = &self.process;
        let command = process.command_line.as_ref().map(|words| words.join(" ")).filter(|text| !text.is_empty());
        let parent = process.ppid.map_or_else(|| String::from("?"), |pid| pid.to_string());
        let mut facts = vec![match self.place.as_deref() {
            Some("orphan") => format!("orphan, now under {parent}"),
            _ => format!("child of {parent}"),
        }];
        if self.other_session == Some(true) {
            facts.push(String::from("other session"));
        }
        let time = |milliseconds: u64| {
            let time = Duration::from_millis(milliseconds);
            if time < Duration::from_secs(60) { format!("{:.1}s", time.as_secs_f64()) } else { short(time) }
        };
        facts.extend(process.age_ms.map(|age| format!("age {}", time(age))));
        facts.extend(process.cpu_ms.map(|cpu| format!("CPU {}", time(cpu))));
        facts.extend(process.rss_bytes.map(|bytes| format!("RSS {} KiB", bytes / 1024)));
        facts.extend(process.threads.filter(|threads| *threads > 1).map(|threads| format!("{threads} threads")));
        let command = command.unwrap_or_else(|| format!("[{}]", process.name));
        format!("{} {} {command} ({})", process.pid, process.state, facts.join(", "))
    }

    /// What it holds.
    fn tail(&self, with_cgroup: bool, with_output: bool) -> String {
        let mut facts: Vec<String> = Vec::new();
        facts.extend(self.listens.iter().flatten().map(|port| format!("listens on port {port}")));
        facts.extend(self.locks.iter().flatten().map(|lock| format!("holds lock {lock}")));
        if with_output && self.holds_output == Some(true) {
            facts.push(String::from("holds the output open"));
        }
        facts.extend(self.cgroup.iter().filter(|_| with_cgroup).map(|cgroup| format!("cgroup {cgroup}")));
        facts.join("; ")
    }
}

fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

impl From<&Deadlock> for DeadlockDocument {
    fn from(Deadlock { processes, is_certain }: &Deadlock) -> DeadlockDocument {
        let name = |(pid, name): &(Pid, String)| format!("PID {pid} ({name})");
        let text = match processes.as_slice() {
            [] => String::new(),
            [one] => format!("{} waits for itself", name(one)),
            [first, rest @ ..] => {
                let rest: Vec<String> = rest.iter().map(|one| format!("which waits for {}", name(one))).collect();
                let rest = rest.join(", ");
                let rest = rest.strip_prefix("which ").unwrap_or(&rest);
                format!("{} {rest}, which waits for PID {}", name(first), first.0)
            }
        };
        let kind = if *is_certain { "deadlock" } else { "deadlock, as far as can be seen" };
        DeadlockDocument {
            pids: processes.iter().map(|(pid, _)| pid.get()).collect(),
            certain: *is_certain,
            text: format!("{kind}: {text}"),
        }
    }
}
