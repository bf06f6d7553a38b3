//! File locks by the processes that hold them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// The most locks that are read.
const MOST_LOCKS: usize = 4096;

/// The locks that each of these processes holds: `flock write /path`; `None` if the system does not tell.
pub(super) fn held(pids: &[u32]) -> Option<HashMap<u32, Vec<String>>> {
    let table = fs::read_to_string("/proc/locks").ok()?;
    let mut held: HashMap<u32, Vec<String>> = HashMap::new();
    let locks = table.lines().take(MOST_LOCKS).filter_map(row);
    for lock in locks.filter(|lock| pids.contains(&lock.pid)) {
        let file = path_of(lock.pid, lock.inode).unwrap_or_else(|| format!("inode {}", lock.inode));
        held.entry(lock.pid).or_default().push(format!("{} {} {file}", lock.kind, lock.access));
    }
    Some(held)
}

struct Lock {
    kind: String,
    access: String,
    pid: u32,
    inode: u64,
}

/// `1: FLOCK  ADVISORY  WRITE 4711 08:01:131153 0 EOF`: proc_locks(5). One that waits has `->` behind its number.
fn row(line: &str) -> Option<Lock> {
    let mut words = line.split_whitespace().skip(1);
    let kind = words.next().filter(|word| *word != "->")?.to_lowercase();
    let access = words.nth(1)?.to_lowercase();
    let pid = words.next()?.parse().ok()?;
    let inode = words.next()?.rsplit(':').next()?.parse().ok()?;
    Some(Lock { kind, access, pid, inode })
}

/// The path under which the process has this file open.
fn path_of(pid: u32, inode: u64) -> Option<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let is_it = |path: &std::path::Path| fs::metadata(path).is_ok_and(|metadata| metadata.ino() == inode);
    let path = entries.flatten().map(|entry| entry.path()).find(|path| is_it(path))?;
    Some(fs::read_link(path).ok()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_row_of_the_table() {
        let lock = row("1: FLOCK  ADVISORY  WRITE 4711 08:01:131153 0 EOF").unwrap();
        assert_eq!((lock.kind.as_str(), lock.access.as_str(), lock.pid, lock.inode), ("flock", "write", 4711, 131_153));
        assert!(row("1: -> FLOCK ADVISORY WRITE 4711 08:01:131153 0 EOF").is_none());
        assert!(row("").is_none());
    }
}
