//! The sockets of a scene: their addresses and their other ends.

use super::Look;
use crate::pid::Pid;
use crate::scene::{Kind, Scene, Socket};
use crate::snapshot::Gap;
use crate::sys::linux::proc::proc_path;
use crate::sys::parse::{self, TcpSocket};
use rustix::io::Errno;
use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;

/// How much of one table of sockets is read: some 25,000 rows.
const TABLE: usize = 4 << 20;
/// How many network namespaces are looked at.
const MOST_NAMESPACES: usize = 4;
/// How many packets of an answer are taken: of some 32 KiB each.
const MOST_PACKETS: usize = 256;
const ESTABLISHED: u8 = 1;

/// Finds the sockets that the processes of the scene have open.
pub(super) fn find(look: &mut Look<'_>, scene: &mut Scene) {
    let mut wanted: BTreeSet<u64> = BTreeSet::new();
    let mut namespaces: BTreeMap<Vec<u8>, Pid> = BTreeMap::new();
    let here = rustix::fs::readlink("/proc/self/ns/net", Vec::new()).map(std::ffi::CString::into_bytes).ok();
    for seen in &mut scene.processes {
        let pid = seen.info.pid();
        let own: Vec<u64> = seen
            .descriptors
            .iter()
            .flatten()
            .filter_map(|descriptor| if let Kind::Socket(inode) = descriptor.kind { Some(inode) } else { None })
            .collect();
        if own.is_empty() {
            continue;
        }
        wanted.extend(own);
        let namespace = rustix::fs::readlink(proc_path!("/proc/{pid}/ns/net").as_bytes(), Vec::new());
        if let Ok(namespace) = namespace {
            let namespace = namespace.into_bytes();
            seen.in_own_network = here.as_ref() == Some(&namespace);
            namespaces.entry(namespace).or_insert(pid);
        }
    }
    if wanted.is_empty() {
        return;
    }
    let mut unix = false;
    if namespaces.len() > MOST_NAMESPACES {
        let what = format!("the sockets of {} network namespaces", namespaces.len() - MOST_NAMESPACES);
        look.gaps.push(Gap { pid: None, what });
    }
    for pid in namespaces.values().take(MOST_NAMESPACES) {
        if look.is_over() {
            look.gaps.push(Gap { pid: None, what: String::from("sockets: out of time") });
            break;
        }
        tcp(look, *pid, &wanted, scene);
        unix |= unix_of(look, *pid, &wanted, scene);
    }
    if unix {
        peers(look, scene);
    }
}

/// The addresses of the caller's network namespace that somebody listens on.
///
/// # Errors
///
/// The system does not tell.
pub(crate) fn listening_addresses() -> io::Result<Vec<SocketAddr>> {
    let mut found = Vec::new();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read);
    if let [Err(error), Err(_)] = tables {
        return Err(error);
    }
    for table in tables.iter().flatten() {
        let listening = parse::tcp_sockets(table).flatten().filter(|socket| socket.state == TcpSocket::LISTEN);
        found.extend(listening.map(|socket| socket.local));
    }
    Ok(found)
}

fn table(look: &mut Look<'_>, pid: Pid, name: &str) -> Option<Vec<u8>> {
    match look.read(proc_path!("/proc/{pid}/net/{name}").as_bytes(), TABLE) {
        Ok(bytes) => {
            if bytes.len() >= TABLE {
                look.gap(pid, format!("net/{name}: only the first {} MiB were read", TABLE >> 20));
            }
            Some(bytes)
        }
        Err(Errno::NOENT | Errno::SRCH) => None,
        Err(errno) => {
            look.gap(pid, format!("net/{name}: {errno}"));
            None
        }
    }
}

fn tcp(look: &mut Look<'_>, pid: Pid, wanted: &BTreeSet<u64>, scene: &mut Scene) {
    let mut rows: Vec<TcpSocket> = Vec::new();
    for name in ["tcp", "tcp6"] {
        // A row that makes no sense is the last one, cut off.
        rows.extend(table(look, pid, name).iter().flat_map(|bytes| parse::tcp_sockets(bytes).flatten()));
    }
    let ends: HashMap<(SocketAddr, SocketAddr), &TcpSocket> =
        rows.iter().map(|row| ((row.local, row.remote), row)).collect();
    for row in rows.iter().filter(|row| wanted.contains(&row.inode)) {
        let listens = row.state == TcpSocket::LISTEN;
        let other = ends.get(&(row.remote, row.local)).filter(|_| !listens);
        let (peer, is_queued) = match other {
            // Not accepted yet: who listens on that port has it.
            Some(other) if other.inode == 0 && other.state == ESTABLISHED => {
                let listens =
                    |row: &&TcpSocket| row.state == TcpSocket::LISTEN && row.local.port() == other.local.port();
                (rows.iter().find(listens).map(|row| row.inode), true)
            }
            other => (other.map(|other| other.inode).filter(|inode| *inode != 0), false),
        };
        let socket = Socket::Tcp { local: row.local, remote: row.remote, listens, peer, is_queued };
        scene.sockets.insert(row.inode, socket);
    }
}

/// Whether there are any.
fn unix_of(look: &mut Look<'_>, pid: Pid, wanted: &BTreeSet<u64>, scene: &mut Scene) -> bool {
    let Some(bytes) = table(look, pid, "unix") else { return false };
    let mut any = false;
    for row in parse::unix_sockets(&bytes).filter(|row| wanted.contains(&row.inode)) {
        any = true;
        scene.sockets.insert(row.inode, Socket::Unix { path: row.path, listens: row.listens, peer: None });
    }
    any
}

/// Fills in the other ends of Unix sockets, which only `unix_diag` tells, of the caller's network namespace.
fn peers(look: &mut Look<'_>, scene: &mut Scene) {
    let mut pairs: HashMap<u64, u64> = HashMap::new();
    if let Err(errno) = ask(&mut pairs) {
        look.gaps.push(Gap { pid: None, what: format!("the other ends of Unix sockets: {errno}") });
    }
    let mut paths: BTreeMap<u64, String> = BTreeMap::new();
    for (inode, socket) in &mut scene.sockets {
        if let Socket::Unix { peer, path, .. } = socket {
            *peer = pairs.get(inode).copied();
            if let Some(path) = path {
                paths.insert(*inode, path.clone());
            }
        }
    }
    // The end that has connected has no name of its own; it is known by the one that it went to.
    for socket in scene.sockets.values_mut() {
        if let Socket::Unix { peer: Some(peer), path: path @ None, .. } = socket {
            *path = paths.get(peer).cloned();
        }
    }
}

fn ask(pairs: &mut HashMap<u64, u64>) -> Result<(), Errno> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    // `struct nlmsghdr`: length, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST and NLM_F_DUMP, sequence, port.
    let mut message = [0_u8; 40];
    message[0..4].copy_from_slice(&40_u32.to_ne_bytes());
    message[4..6].copy_from_slice(&20_u16.to_ne_bytes());
    message[6..8].copy_from_slice(&0x301_u16.to_ne_bytes());
    // `struct unix_diag_req`: AF_UNIX, all states, UDIAG_SHOW_PEER.
    message[16] = 1;
    message[20..24].copy_from_slice(&u32::MAX.to_ne_bytes());
    message[28..32].copy_from_slice(&4_u32.to_ne_bytes());
    send(&socket, &message, SendFlags::empty())?;
    let mut buffer = vec![0_u8; 64 * 1024];
    for _ in 0..MOST_PACKETS {
        // The kernel has the next part ready, or makes it up while it is asked.
        let (count, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT)?;
        let packet = buffer.get(..count).unwrap_or_default();
        let more = parse::unix_peers(packet, &mut |inode, peer| {
            pairs.insert(inode, peer);
        });
        if more.is_none() || packet.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}
