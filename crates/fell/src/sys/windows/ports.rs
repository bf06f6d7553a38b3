//! Who listens on a port, by the table of TCP endpoints.

use crate::pid::Pid;
use crate::snapshot::Gap;
use crate::sys::ReadError;
use std::collections::BTreeSet;
use std::ffi::c_void;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};

/// The processes that listen.
#[derive(Debug)]
pub struct Listening {
    /// Their PIDs, each once.
    pub pids: Vec<Pid>,
    /// What could not be looked into: a process that listens may be missing.
    pub gaps: Vec<Gap>,
}

/// How often the table may grow while it is read.
const TRIES: usize = 8;

pub(super) fn listeners(port: u16) -> Result<Listening, ReadError> {
    let four = table(AF_INET).map_err(ReadError::Failed)?;
    let six = table(AF_INET6).map_err(ReadError::Failed)?;
    let four = rows::<MIB_TCPROW_OWNER_PID>(&four).map(|row| (row.dwLocalPort, row.dwOwningPid));
    let six = rows::<MIB_TCP6ROW_OWNER_PID>(&six).map(|row| (row.dwLocalPort, row.dwOwningPid));
    let owners: Vec<u32> =
        four.chain(six).filter(|(local, _)| own_port(*local) == port).map(|(_, owner)| owner).collect();
    let pids: BTreeSet<Pid> = owners.iter().copied().filter_map(Pid::new).collect();
    let mut gaps = Vec::new();
    // Wine knows the endpoint, and not whose it is.
    if owners.contains(&0) {
        gaps.push(Gap {
            pid: None,
            what: format!("somebody listens on port {port}, and the system does not tell who"),
        });
    }
    Ok(Listening { pids: pids.into_iter().collect(), gaps })
}

/// The addresses that somebody listens on.
///
/// # Errors
///
/// What the system said.
pub(crate) fn listening_addresses() -> io::Result<Vec<SocketAddr>> {
    let (four, six) = (table(AF_INET)?, table(AF_INET6)?);
    let four = rows::<MIB_TCPROW_OWNER_PID>(&four).map(|row| {
        let address = Ipv4Addr::from(row.dwLocalAddr.to_ne_bytes());
        SocketAddr::new(address.into(), own_port(row.dwLocalPort))
    });
    let six = rows::<MIB_TCP6ROW_OWNER_PID>(&six)
        .map(|row| SocketAddr::new(Ipv6Addr::from(row.ucLocalAddr).into(), own_port(row.dwLocalPort)));
    Ok(four.chain(six).collect())
}

/// The lower half of the number, in the order of the network.
fn own_port(number: u32) -> u16 {
    let [first, second, ..] = number.to_ne_bytes();
    u16::from_be_bytes([first, second])
}

fn table(family: u16) -> io::Result<Vec<u32>> {
    let mut size = 0_u32;
    let mut buffer: Vec<u32> = Vec::new();
    for _ in 0..TRIES {
        // SAFETY: a buffer of the size that is told, aligned for the numbers that the table is made of.
        let error = unsafe {
            GetExtendedTcpTable(
                buffer.as_mut_ptr().cast::<c_void>(),
                &raw mut size,
                0,
                family.into(),
                TCP_TABLE_OWNER_PID_LISTENER,
                0,
            )
        };
        match error {
            NO_ERROR => return Ok(buffer),
            ERROR_INSUFFICIENT_BUFFER => buffer = vec![0; usize::try_from(size).unwrap_or(0).div_ceil(4)],
            error => return Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }
    Err(io::Error::other("the table of TCP endpoints grows faster than it can be read"))
}

/// The rows of a table: their number, and then they themselves, which are made of 32-bit numbers and bytes.
fn rows<Row: Copy>(table: &[u32]) -> impl Iterator<Item = Row> {
    let (count, rest) = table.split_first().map_or((0, table), |(count, rest)| (*count, rest));
    let fits = size_of_val(rest) / size_of::<Row>();
    let count = usize::try_from(count).unwrap_or(0).min(fits);
    (0..count).map(move |index| {
        // SAFETY: the row lies within the table, and every value of its bytes is a valid one.
        unsafe { rest.as_ptr().cast::<Row>().add(index).read_unaligned() }
    })
}
