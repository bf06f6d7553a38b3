//! A tree as it stands: read before anything is signalled, bounded in time and size.

mod locks;
mod sockets;

use crate::document::{DumpedProcess, TreeDump};
use fell::Snapshot;
use fell::detail::{Calendar, Detail, Details};
use fell::document::{GapDocument, ProcessDocument};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// The most processes that are listed.
const MOST_PROCESSES: usize = 256;
/// The most letters of a command line that are kept.
const MOST_LETTERS: usize = 1024;
/// How long reading details may take.
const LIMIT: Duration = Duration::from_secs(1);

/// The processes of this look with what they wait in, listen on, and lock.
pub(crate) fn dump(snapshot: &Snapshot, output: &Path) -> TreeDump {
    let began = Instant::now();
    let calendar = Calendar::now();
    let mut details = Details::new();
    let mut gaps: Vec<GapDocument> = snapshot.gaps.iter().map(GapDocument::from).collect();
    let rows = &snapshot.rows[..snapshot.rows.len().min(MOST_PROCESSES)];
    let listening = sockets::listening();
    let pids: Vec<u32> = rows.iter().map(|row| row.pid().get()).collect();
    let mut locks = locks::held(&pids);
    let output = fs::metadata(output).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    let mut processes = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let pid = row.pid().get();
        let in_time = began.elapsed() < LIMIT;
        if !in_time && processes.len() == index {
            let what = format!("details of {} processes: out of time", rows.len() - index);
            gaps.push(GapDocument { pid: None, what });
        }
        let detail = if in_time { details.of(&row.id) } else { Detail::default() };
        let files = if in_time { sockets::open_files(pid) } else { None };
        let process = ProcessDocument::new(row, detail, &calendar);
        processes.push(DumpedProcess {
            process: ProcessDocument { command_line: process.command_line.map(shortened), ..process },
            wait_channel: if in_time { wait_channel(pid) } else { None },
            listens: files.as_ref().and_then(|files| files.ports(listening.as_ref()?)),
            locks: locks.as_mut().map(|locks| locks.remove(&pid).unwrap_or_default()),
            holds_output: files.as_ref().and_then(|files| Some(files.holds(output?))),
        });
    }
    let more = u64::try_from(snapshot.rows.len() - rows.len()).unwrap_or(u64::MAX);
    TreeDump { processes, more, gaps }
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

/// proc(5): `0` for a process that runs, and for one that may not be looked into.
fn wait_channel(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/wchan")).ok()?;
    let name = name.trim();
    (!name.is_empty() && name != "0").then(|| String::from(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn shows_ports_locks_and_output_of_this_process() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let file = tempfile::NamedTempFile::new().unwrap();
        rustix::fs::flock(file.as_fd(), rustix::fs::FlockOperation::LockExclusive).unwrap();
        let own: fell::Pid = std::process::id().to_string().parse().unwrap();
        let snapshot = fell::look_at(&fell::ProcessId::unborn(own));
        let dump = dump(&snapshot, file.path());
        let own = dump.processes.iter().find(|dumped| dumped.process.pid == own.get()).unwrap();
        assert!(own.listens.as_ref().unwrap().contains(&port), "{own:?}");
        assert_eq!(own.holds_output, Some(true));
        let path = file.path().display().to_string();
        assert!(own.locks.as_ref().unwrap().iter().any(|lock| lock.contains(&path)), "{own:?}");
        assert!(!own.process.command_line.as_ref().unwrap().is_empty());
    }

    #[test]
    fn long_command_lines_are_cut() {
        let words = shortened(vec![String::from("a"), "b".repeat(5000), String::from("c")]);
        assert_eq!(words.len(), 2);
        assert_eq!(words[1].chars().count(), MOST_LETTERS);
    }
}
