//! `/proc/net/tcp` and `tcp6`: sockets by local address.

use super::{ParseError, ended_words, lines, number};

/// A socket that takes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Its port.
    pub port: u16,
    /// The user it belongs to.
    pub uid: u32,
    /// Its inode, as in `/proc/PID/fd/N -> socket:[INODE]`.
    pub inode: u64,
}

/// The sockets in state LISTEN (0A).
///
/// A line that is not of this kind is given as an error that names it.
pub fn net_tcp(bytes: &[u8]) -> impl Iterator<Item = Result<Listener, ParseError>> {
    lines(bytes)
        .filter(|line| !line.trim_ascii_start().starts_with(b"sl"))
        .filter_map(|line| socket(line).ok_or_else(|| ParseError::new("net/tcp: line", line)).transpose())
}

/// `sl local remote st tx:rx tr:when retransmits uid timeout inode …`; `Some(None)` when it does not listen.
fn socket(line: &[u8]) -> Option<Option<Listener>> {
    let mut words = ended_words(line);
    let local = words.nth(1)?;
    let state = words.nth(1)?;
    let uid = number(words.nth(3)?)?;
    let inode = number(words.nth(1)?)?;
    let (_, port) = local.split_at_checked(local.iter().rposition(|byte| *byte == b':')?)?;
    let port = u16::from_str_radix(std::str::from_utf8(port.get(1..)?).ok()?, 16).ok()?;
    Some((state == b"0A").then_some(Listener { port, uid, inode }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] =
        b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0 100 0
   \
        1: 0100007F:1F90 0100007F:C0DE 01 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 20 4 30
   \
        2: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 \
        00:00000000 00000000     0        0 99 1
";

    #[test]
    fn gives_listeners_alone() {
        let listeners: Vec<_> = net_tcp(FILE).map(Result::unwrap).collect();
        assert_eq!(
            listeners,
            [Listener { port: 8080, uid: 1000, inode: 31337 }, Listener { port: 22, uid: 0, inode: 99 }]
        );
    }

    #[test]
    fn a_line_of_another_kind_is_named() {
        let bad = net_tcp(b"   0: 0100007F:XYZ 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n").next().unwrap();
        assert!(bad.unwrap_err().found().starts_with(b"   0: 0100007F:XYZ"));
        assert_eq!(net_tcp(b"").count(), 0);
    }

    #[test]
    fn no_cut_makes_it_panic() {
        for end in 0..FILE.len() {
            assert!(net_tcp(&FILE[..end]).count() <= 4);
        }
    }
}
