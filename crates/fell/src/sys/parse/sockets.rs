//! `/proc/net/tcp`, `tcp6` and `unix`: sockets and their addresses.

use super::{ParseError, ended_words, lines, number};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSocket {
    /// Its own address.
    pub local: SocketAddr,
    /// The other end's; unspecified for one that listens.
    pub remote: SocketAddr,
    /// The kernel's number of its state: 1 is established, 6 waits for late packets (TIME_WAIT), 10 listens.
    pub state: u8,
    /// Its inode; 0 when no process has it any more.
    pub inode: u64,
}

impl TcpSocket {
    /// `TCP_LISTEN` of the kernel's `net/tcp_states.h`.
    pub const LISTEN: u8 = 10;
    /// `TCP_TIME_WAIT`.
    pub const TIME_WAIT: u8 = 6;
}

/// The sockets of `/proc/net/tcp` or `tcp6`.
///
/// A line that is not of this kind is given as an error that names it.
pub fn tcp_sockets(bytes: &[u8]) -> impl Iterator<Item = Result<TcpSocket, ParseError>> {
    lines(bytes)
        .filter(|line| !line.trim_ascii_start().starts_with(b"sl"))
        .map(|line| tcp(line).ok_or_else(|| ParseError::new("net/tcp: line", line)))
}

/// `sl local remote st tx:rx tr:when retransmits uid timeout inode …`
fn tcp(line: &[u8]) -> Option<TcpSocket> {
    let mut words = ended_words(line);
    let local = address(words.nth(1)?)?;
    let remote = address(words.next()?)?;
    let state = u8::from_str_radix(std::str::from_utf8(words.next()?).ok()?, 16).ok()?;
    let inode = number(words.nth(5)?)?;
    Some(TcpSocket { local, remote, state, inode })
}

/// `0100007F:1F90`: words of 32 bits as this machine orders their bytes, and the port. A mapped IPv4 address is
/// given as what it is.
fn address(word: &[u8]) -> Option<SocketAddr> {
    let (digits, port) = std::str::from_utf8(word).ok()?.split_once(':')?;
    let mut bytes = [0_u8; 16];
    let mut length = 0;
    while let Some(word) = digits.get(length * 2..length * 2 + 8) {
        let word = u32::from_str_radix(word, 16).ok()?;
        bytes.get_mut(length..length + 4)?.copy_from_slice(&word.to_ne_bytes());
        length += 4;
    }
    let ip = match (length, digits.len()) {
        (4, 8) => IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])),
        (16, 32) => IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// A socket of the Unix domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its inode.
    pub inode: u64,
    /// Whether it listens.
    pub listens: bool,
    /// The path that it is bound to, `@` before a name that is no path.
    pub path: Option<String>,
}

/// The sockets of `/proc/net/unix`. Lines that are not of this kind are passed over: the first is a heading.
pub fn unix_sockets(bytes: &[u8]) -> impl Iterator<Item = UnixSocket> {
    lines(bytes).filter_map(unix)
}

/// `Num RefCount Protocol Flags Type St Inode Path`
fn unix(line: &[u8]) -> Option<UnixSocket> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let flags = u32::from_str_radix(std::str::from_utf8(words.nth(3)?).ok()?, 16).ok()?;
    let inode = number(words.nth(2)?)?;
    let path = words.next().map(|path| String::from_utf8_lossy(path).into_owned());
    // `__SO_ACCEPTCON` of the kernel's `linux/net.h`.
    Some(UnixSocket { inode, listens: flags & 0x10000 != 0, path })
}

/// The other ends of connected Unix sockets in one reply of the kernel to `unix_diag` (`linux/unix_diag.h`): pairs of inodes.
/// `None` at the end, or where it makes no sense.
pub fn unix_peers(message: &[u8], each: &mut dyn FnMut(u64, u64)) -> Option<()> {
    let mut rest = message;
    while !rest.is_empty() {
        let length = usize::try_from(u32_at(rest, 0)?).ok()?;
        let kind = u16_at(rest, 4)?;
        // `SOCK_DIAG_BY_FAMILY`; NLMSG_DONE and NLMSG_ERROR end it.
        if kind != 20 || length < 32 {
            return None;
        }
        let body = rest.get(16..length)?;
        let inode = u64::from(u32_at(body, 4)?);
        let mut attributes = body.get(16..)?;
        while attributes.len() >= 4 {
            let size = usize::from(u16_at(attributes, 0)?);
            // `UNIX_DIAG_PEER`.
            if u16_at(attributes, 2)? == 2 {
                each(inode, u64::from(u32_at(attributes, 4)?));
            }
            attributes = attributes.get(size.max(4).next_multiple_of(4)..).unwrap_or_default();
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn tcp_rows_have_both_addresses() {
        let file = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0\n   \
            1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C0DE 01 0:0 00:0 0     0        0 4242 1 0 \n";
        let found: Vec<_> = tcp_sockets(file).map(Result::unwrap).collect();
        assert_eq!(found[0].local, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((found[0].state, found[0].inode), (TcpSocket::LISTEN, 31337));
        assert_eq!(found[1].remote, "127.0.0.1:49374".parse().unwrap());
        for end in 0..file.len() {
            assert!(tcp_sockets(&file[..end]).count() <= 3);
        }
    }

    #[test]
    fn unix_rows_have_paths() {
        let file = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/x.sock\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 12346\n";
        let found: Vec<_> = unix_sockets(file).collect();
        assert_eq!(found[0], UnixSocket { inode: 12345, listens: true, path: Some(String::from("/run/x.sock")) });
        assert_eq!(found[1], UnixSocket { inode: 12346, listens: false, path: None });
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_reply_pairs_inodes() {
        let mut message = Vec::new();
        message.extend(40_u32.to_ne_bytes());
        message.extend(20_u16.to_ne_bytes());
        message.extend([0; 10]);
        message.extend([1, 1, 1, 0]);
        message.extend(7_u32.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(8_u16.to_ne_bytes());
        message.extend(2_u16.to_ne_bytes());
        message.extend(8_u32.to_ne_bytes());
        let mut found = Vec::new();
        assert_eq!(unix_peers(&message, &mut |inode, peer| found.push((inode, peer))), Some(()));
        assert_eq!(found, [(7, 8)]);
        for end in 1..message.len() {
            unix_peers(&message[..end], &mut |_, _| ());
        }
    }
}
