//! Whether what a tree held has been let go of: its ports, its file locks.

use crate::dump::{Dump, LockSeen};
use crate::pid::Pid;
use crate::scene::LockId;
use crate::sys::parse::Lock;
use crate::sys::{self, Host, Machine};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How often it is looked while it is waited.
const PAUSE: Duration = Duration::from_millis(20);

/// What a tree held when it was looked into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The addresses that it listened on.
    pub ports: BTreeSet<SocketAddr>,
    /// The file locks that it held.
    pub locks: BTreeSet<LockSeen>,
    /// What can't be looked at from here, and why.
    pub unseen: Vec<String>,
}

/// Something that a tree held, and that is not free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What: `port 8080`, `flock write lock on /path`.
    pub what: String,
    /// Who has it now, as far as it may be seen.
    pub by: Vec<(Pid, String)>,
}

/// What has become of the claims of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// What is free again.
    pub released: Vec<String>,
    /// What is not: somebody who was not of the tree has it, or somebody of it who lives.
    pub held: Vec<Held>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
    /// How long it was waited for that.
    pub after: Duration,
}

impl Release {
    fn note(&mut self, what: String, held: Option<Vec<(Pid, String)>>) {
        match held {
            Some(by) => self.held.push(Held { what, by }),
            None => self.released.push(what),
        }
    }
}

impl Claims {
    /// The ports and locks in this dump.
    pub fn of(dump: &Dump) -> Claims {
        let mut claims = Claims::default();
        // Who takes a lock and hands the open file on, such as a parent outside of the tree, keeps it.
        let members: BTreeSet<Pid> = dump.processes.iter().map(|dumped| dumped.info.pid()).collect();
        let is_anothers = |taker: i32| {
            let taker = Pid::from_raw(taker).filter(|taker| !members.contains(taker));
            taker.is_some_and(|taker| Host::new().read(taker).is_ok())
        };
        for dumped in &dump.processes {
            let listens = dumped.listens.iter().flatten();
            if dumped.in_own_network {
                claims.ports.extend(listens);
            } else {
                let what = |address: &SocketAddr| format!("port {}: in another network namespace", address.port());
                claims.unseen.extend(listens.map(what));
            }
            let held = dumped.locks.iter().flatten().filter(|lock| !lock.waits);
            claims.locks.extend(held.filter(|lock| !is_anothers(lock.id.taker)).cloned());
        }
        claims
    }

    /// Whether there is nothing to be looked at.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.locks.is_empty() && self.unseen.is_empty()
    }

    /// Looks what is free again.
    ///
    /// A port is free if nobody listens on it: a server that sets SO_REUSEADDR, as servers do, can bind it then.
    /// Connections that wait for late packets (TIME_WAIT) do not count.
    pub fn look(&self) -> Release {
        let mut release = Release { unseen: self.unseen.clone(), ..Release::default() };
        let listening = sys::listening_addresses();
        for port in &self.ports {
            let what = format!("port {} ({port})", port.port());
            match &listening {
                Ok(all) => {
                    let is_taken = all.iter().any(|other| in_the_way(*other, *port));
                    release.note(what, is_taken.then(|| listeners(port.port())));
                }
                Err(error) => release.unseen.push(format!("{what}: {error}")),
            }
        }
        let table = sys::held_locks();
        for lock in &self.locks {
            let what = format!("{} {} lock on {}", lock.kind, lock.access, lock.file);
            match &table {
                // The table leaves out the locks of takers that it does not show.
                Ok(_) if lock.id.taker == 0 => {
                    release.unseen.push(format!("{what}: who took it is not of this PID namespace, or has ended"));
                }
                Ok(table) => {
                    let same: Vec<_> = table.iter().filter(|row| is_it(row, lock)).collect();
                    let by: BTreeSet<Pid> = same.iter().filter_map(|row| row.pid).collect();
                    release.note(what, (!same.is_empty()).then(|| by.into_iter().map(named).collect()));
                }
                Err(error) => release.unseen.push(format!("{what}: {error}")),
            }
        }
        release
    }

    /// Looks again until everything is free, or this time is over.
    pub fn wait(&self, limit: Duration) -> Release {
        let host = Host::new();
        let began = host.now();
        loop {
            let release = self.look();
            let after = host.now().saturating_sub(began);
            if release.held.is_empty() || after >= limit {
                return Release { after, ..release };
            }
            host.wait(&[], PAUSE.min(limit.saturating_sub(after)));
        }
    }
}

/// Whether this row of the kernel's table is that very lock, and not one that somebody has taken since.
fn is_it(row: &Lock, lock: &LockSeen) -> bool {
    let LockId { device, inode, range, taker } = &lock.id;
    let is_same = row.inode == *inode && row.device == *device && row.range == *range && row.taker == *taker;
    is_same && row.kind == lock.kind && row.access == lock.access
}

/// Whether who listens on the one keeps another from binding the other.
fn in_the_way(listening: SocketAddr, wanted: SocketAddr) -> bool {
    let (one, other): (IpAddr, IpAddr) = (listening.ip(), wanted.ip());
    listening.port() == wanted.port() && (one == other || one.is_unspecified() || other.is_unspecified())
}

fn listeners(port: u16) -> Vec<(Pid, String)> {
    let found = crate::ports::listeners(port).map(|listeners| listeners.processes).unwrap_or_default();
    found.into_iter().map(|id| named(id.pid)).collect()
}

/// A process with its name, which is empty if it is gone.
fn named(pid: Pid) -> (Pid, String) {
    (pid, Host::new().read(pid).map_or_else(|_| String::new(), |row| row.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn claims(port: SocketAddr) -> Claims {
        Claims { ports: BTreeSet::from([port]), ..Claims::default() }
    }

    #[test]
    fn a_port_is_held_until_its_listener_is_gone() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let claims = claims(server.local_addr().unwrap());
        let held = claims.look();
        assert_eq!(held.held[0].by[0].0.get(), std::process::id(), "{held:?}");
        assert!(held.released.is_empty());
        // A connection that the server closes first waits for late packets.
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        drop(server.accept().unwrap());
        drop(client);
        drop(server);
        let released = claims.wait(Duration::from_secs(5));
        assert!(released.held.is_empty(), "{released:?}");
        assert_eq!(released.released.len(), 1);
    }

    #[test]
    fn the_wait_for_a_port_is_bounded() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let release = claims(server.local_addr().unwrap()).wait(Duration::from_millis(60));
        assert_eq!(release.held.len(), 1);
        assert!(release.after >= Duration::from_millis(60) && release.after < Duration::from_secs(30), "{release:?}");
    }

    #[test]
    fn any_address_is_in_the_way_of_each() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(in_the_way(at("0.0.0.0:80"), at("127.0.0.1:80")));
        assert!(in_the_way(at("127.0.0.1:80"), at("[::]:80")));
        assert!(!in_the_way(at("127.0.0.1:80"), at("127.0.0.2:80")));
        assert!(!in_the_way(at("127.0.0.1:80"), at("127.0.0.1:81")));
    }
}
