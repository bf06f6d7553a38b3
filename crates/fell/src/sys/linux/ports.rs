//! Who listens on a TCP port: the sockets of `/proc/net`, matched with the descriptors of processes.

use super::Linux;
use super::proc::{proc_path, read_error};
use crate::pid::Pid;
use crate::snapshot::Gap;
use crate::sys::{ReadError, parse};
use rustix::io::Errno;
use std::collections::HashSet;

/// Who listens on a port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listening {
    /// The processes that hold a listening socket on it, in ascending order. Several may share one.
    pub pids: Vec<Pid>,
    /// What could not be looked into; a process that listens may be missing.
    pub gaps: Vec<Gap>,
}

impl Linux {
    /// The processes that listen on a TCP port, over IPv4 or IPv6, on any address, in the caller's own
    /// network namespace. Reads the descriptors of every process on the host.
    ///
    /// # Errors
    ///
    /// `Unsupported` without `/proc`, or with a kernel without TCP; otherwise what the system said.
    pub fn listeners(&self, port: u16) -> Result<Listening, ReadError> {
        self.proc()?;
        let mut wanted = HashSet::new();
        let mut listening = Listening::default();
        let mut is_readable = false;
        let mut bytes = Vec::new();
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            match self.files().read(table.as_bytes(), &mut bytes, usize::MAX) {
                Ok(_) => is_readable = true,
                // A host without IPv6 has no table of it.
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(read_error(errno)),
            }
            for socket in parse::net_tcp(&bytes) {
                match socket {
                    Ok(socket) if socket.port == port => {
                        wanted.insert(socket.inode);
                    }
                    Ok(_) => {}
                    Err(error) => listening.gaps.push(Gap { pid: None, what: error.to_string() }),
                }
            }
        }
        if !is_readable {
            return Err(ReadError::Unsupported);
        }
        if !wanted.is_empty() {
            self.find_holders(&wanted, &mut listening)?;
        }
        Ok(listening)
    }

    fn find_holders(&self, wanted: &HashSet<u64>, listening: &mut Listening) -> Result<(), ReadError> {
        let mut found = HashSet::new();
        let mut denied = 0_usize;
        for pid in self.files().pids(b"/proc").map_err(read_error)? {
            let mut is_holder = false;
            let looked = self.files().list(proc_path!("/proc/{pid}/fd").as_bytes(), |directory, name| {
                // A descriptor that was closed since it was listed holds nothing.
                let Ok(link) = rustix::fs::readlinkat(directory, name, Vec::new()) else { return };
                if let Some(inode) = socket_inode(link.as_bytes()).filter(|inode| wanted.contains(inode)) {
                    found.insert(inode);
                    is_holder = true;
                }
            });
            if is_holder {
                listening.pids.push(pid);
            }
            match looked {
                Ok(()) | Err(Errno::NOENT | Errno::SRCH) => {}
                Err(Errno::ACCESS | Errno::PERM) => denied += 1,
                Err(errno) => listening.gaps.push(Gap { pid: Some(pid), what: format!("descriptors: {errno}") }),
            }
        }
        listening.pids.sort_unstable();
        if denied > 0 {
            let what = format!("descriptors of {denied} processes: permission denied");
            listening.gaps.push(Gap { pid: None, what });
        }
        let lost = wanted.len() - found.len();
        if lost > 0 {
            let what = format!("{lost} listening sockets belong to no process that could be looked into");
            listening.gaps.push(Gap { pid: None, what });
        }
        Ok(())
    }
}

/// The inode that a link of `/proc/PID/fd` names: `socket:[31337]`.
fn socket_inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
