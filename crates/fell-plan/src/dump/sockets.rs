//! Open files of a process, and the listening sockets among them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// How many descriptors of one process are looked at.
const MOST_FILES: usize = 4096;
/// `TCP_LISTEN` in the kernel's `net/tcp_states.h`.
const LISTEN: &str = "0A";

/// The ports of listening TCP sockets by the inodes of these, in the own network namespace; `None` if the system
/// does not tell.
pub(super) fn listening() -> Option<HashMap<u64, u16>> {
    let mut ports = HashMap::new();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    if tables.iter().all(Result::is_err) {
        return None;
    }
    for table in tables.iter().flatten() {
        ports.extend(table.lines().skip(1).filter_map(row));
    }
    Some(ports)
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode`: proc(5).
fn row(line: &str) -> Option<(u64, u16)> {
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    let state = words.nth(1)?;
    let inode = words.nth(5)?;
    let (_, port) = local.rsplit_once(':')?;
    if state != LISTEN {
        return None;
    }
    Some((inode.parse().ok()?, u16::from_str_radix(port, 16).ok()?))
}

/// The open files of one process.
pub(super) struct OpenFiles {
    sockets: Vec<u64>,
    files: Vec<(u64, u64)>,
}

/// The open files of this process; `None` if they may not be seen.
pub(super) fn open_files(pid: u32) -> Option<OpenFiles> {
    let mut open = OpenFiles { sockets: Vec::new(), files: Vec::new() };
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()?.take(MOST_FILES) {
        let Ok(entry) = entry else { continue };
        let Ok(link) = fs::read_link(entry.path()) else { continue };
        let name = link.to_string_lossy();
        if let Some(inode) = name.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
            open.sockets.extend(inode.parse::<u64>());
        } else if name.starts_with('/')
            && let Ok(metadata) = fs::metadata(entry.path())
        {
            open.files.push((metadata.dev(), metadata.ino()));
        }
    }
    Some(open)
}

impl OpenFiles {
    /// The ports that it listens on.
    pub(super) fn ports(&self, listening: &HashMap<u64, u16>) -> Option<Vec<u16>> {
        let mut ports: Vec<u16> = self.sockets.iter().filter_map(|inode| listening.get(inode).copied()).collect();
        ports.sort_unstable();
        ports.dedup();
        Some(ports)
    }

    /// Whether it holds this file open.
    pub(super) fn holds(&self, file: (u64, u64)) -> bool {
        self.files.contains(&file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_row_of_the_table() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0";
        assert_eq!(row(line), Some((4242, 8080)));
        assert_eq!(row(&line.replace(" 0A ", " 01 ")), None);
        assert_eq!(row("nonsense"), None);
    }
}
