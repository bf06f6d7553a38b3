//! One process in a document.

use crate::detail::{Calendar, Detail};
use crate::id::ProcessId;
use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::redact::redact;
use crate::snapshot::Gap;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessDocument {
    /// Who it is: `PID:INODE`, or the bare PID where the inode is not known.
    pub id: String,
    /// Its PID.
    pub pid: u32,
    /// Its parent's PID.
    pub ppid: Option<u32>,
    /// Its short name.
    pub name: String,
    /// What it is doing, in psutil's words: `running`, `sleeping`, `disk-sleep`, `stopped`, `tracing-stop`,
    /// `zombie`, `dead`, `idle`, `unknown`.
    pub state: String,
    /// When it started, RFC 3339 in UTC.
    pub started_at: Option<String>,
    /// How long ago it started.
    pub age_ms: Option<u64>,
    /// Its process group.
    pub pgid: Option<u32>,
    /// Its session.
    pub sid: Option<u32>,
    /// Whether it is a thread of the kernel.
    pub kernel_thread: bool,
    /// Processor time used.
    pub cpu_ms: Option<u64>,
    /// Memory in use (resident set), in bytes.
    pub rss_bytes: Option<u64>,
    /// Number of threads.
    pub threads: Option<u32>,
    /// Its effective user.
    pub user: Option<String>,
    /// Its command line, in which secrets are hidden unless they were asked for.
    pub command_line: Option<Vec<String>>,
    /// The status that a zombie waits to hand over, in `wait(2)`'s encoding.
    pub exit_status: Option<i32>,
}

impl ProcessDocument {
    /// The view of a row, with its details if they were read. Secrets are hidden.
    pub fn new(info: &ProcessInfo, detail: Detail, calendar: &Calendar) -> ProcessDocument {
        let hidden = Detail { command_line: detail.command_line.map(|argv| redact(&argv)), ..detail };
        ProcessDocument::with_secrets(info, hidden, calendar)
    }

    /// The same with the command line as it is.
    pub fn with_secrets(info: &ProcessInfo, detail: Detail, calendar: &Calendar) -> ProcessDocument {
        let ProcessInfo { id, parent, name, state, group, session, kernel_thread, cpu, memory, threads, exit_status } =
            info;
        let Detail { command_line, user } = detail;
        ProcessDocument {
            id: id.to_string(),
            pid: id.pid.get(),
            ppid: parent.map(Pid::get),
            name: name.clone(),
            state: state.to_string(),
            started_at: started_at(id, calendar),
            age_ms: calendar.age(id).map(milliseconds),
            pgid: group.map(Pid::get),
            sid: session.map(Pid::get),
            kernel_thread: *kernel_thread,
            cpu_ms: cpu.map(milliseconds),
            rss_bytes: *memory,
            threads: *threads,
            user,
            command_line,
            exit_status: *exit_status,
        }
    }
}

fn started_at(id: &ProcessId, calendar: &Calendar) -> Option<String> {
    calendar.started_at(id).map(|time| humantime::format_rfc3339_millis(time).to_string())
}

/// A process, of which only is told who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessReference {
    /// Who it is: `PID:INODE`, or the bare PID where the inode is not known.
    pub id: String,
    /// Its PID.
    pub pid: u32,
    /// Its short name.
    pub name: String,
}

impl From<&ProcessInfo> for ProcessReference {
    fn from(info: &ProcessInfo) -> ProcessReference {
        ProcessReference { id: info.id.to_string(), pid: info.pid().get(), name: info.name.clone() }
    }
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GapDocument {
    /// The process that it is about; `null` if it is about the whole table.
    pub pid: Option<u32>,
    /// What could not be read, and why.
    pub what: String,
}

impl From<&Gap> for GapDocument {
    fn from(Gap { pid, what }: &Gap) -> GapDocument {
        GapDocument { pid: pid.map(Pid::get), what: what.clone() }
    }
}

/// A duration as documents hold it. Longer than 584 million years is not told from that.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
