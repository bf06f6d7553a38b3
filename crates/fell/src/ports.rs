//! Who listens on a port.

use crate::id::ProcessId;
use crate::snapshot::Gap;
use crate::sys::{Host, Listening, Machine, ReadError};
use std::io;

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listeners {
    /// The processes that hold a listening socket. A parent and its workers may share one.
    pub processes: Vec<ProcessId>,
    /// What could not be looked into, such as the descriptors of another user: who listens there may be missing.
    pub gaps: Vec<Gap>,
}

/// The processes that listen on a TCP port of the caller's network namespace.
///
/// # Errors
///
/// This host does not tell.
pub fn listeners(port: u16) -> io::Result<Listeners> {
    let host = Host::new();
    let Listening { pids, gaps } = host.listeners(port).map_err(|error| match error {
        ReadError::Gone | ReadError::Unsupported => io::ErrorKind::Unsupported.into(),
        ReadError::Failed(error) => error,
    })?;
    // Who has ended since does not listen any more.
    let processes = pids.into_iter().filter_map(|pid| host.read(pid).ok()).map(|row| row.id).collect();
    Ok(Listeners { processes, gaps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_this_process() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let found = listeners(port).unwrap();
        let is_found = found.processes.iter().any(|id| id.pid.get() == std::process::id());
        assert!(is_found || !found.gaps.is_empty(), "found, or said not to be told: {found:?}");
        drop(socket);
        assert_eq!(listeners(port).unwrap().processes, []);
    }
}
