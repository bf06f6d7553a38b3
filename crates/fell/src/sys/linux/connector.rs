//! The kernel's process connector: forks and exits of the whole system, as netlink messages.
//!
//! Unprivileged since Linux 6.6; in the first PID and network namespace only. Elsewhere there is no answer to the
//! request, and so no connector.

use crate::lineage::LifeEvent;
use crate::sys::parse::{ProcEvent, proc_event};
use crate::sys::{Lives, Lost};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{CONNECTOR, SocketAddrNetlink};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with};

/// `CN_IDX_PROC` and `CN_VAL_PROC` of `linux/connector.h`.
const PROC_INDEX: u32 = 1;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
const NLMSG_DONE: u16 = 3;
/// Room for some 10,000 events, where it is granted; otherwise for what `rmem_max` allows.
const ROOM: usize = 8 << 20;

/// A subscription to the events.
pub(crate) struct Connector(OwnedFd);

impl Connector {
    /// Subscribes; `None` where that is not offered or not permitted.
    pub(crate) fn subscribe() -> Option<Connector> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(CONNECTOR)).ok()?;
        bind(&socket, &SocketAddrNetlink::new(0, PROC_INDEX)).ok()?;
        // A smaller buffer loses events in a storm, which is noticed.
        set_socket_recv_buffer_size(&socket, ROOM).ok();
        let connector = Connector(socket);
        connector.request(LISTEN).ok()?;
        connector.is_answered().then_some(connector)
    }

    fn request(&self, operation: u32) -> Result<(), Errno> {
        let mut message = [0_u8; 40];
        message[0..4].copy_from_slice(&40_u32.to_ne_bytes());
        message[4..6].copy_from_slice(&NLMSG_DONE.to_ne_bytes());
        message[16..20].copy_from_slice(&PROC_INDEX.to_ne_bytes());
        message[20..24].copy_from_slice(&1_u32.to_ne_bytes());
        message[32..34].copy_from_slice(&4_u16.to_ne_bytes());
        message[36..40].copy_from_slice(&operation.to_ne_bytes());
        send(&self.0, &message, SendFlags::empty()).map(|_| ())
    }

    /// The kernel answers while it takes the request.
    fn is_answered(&self) -> bool {
        while let Ok(Some(event)) = self.receive() {
            if let ProcEvent::Answer(error) = event {
                return error == 0;
            }
        }
        false
    }

    /// The next event of a process; `None` when there is none now.
    fn receive(&self) -> Result<Option<ProcEvent>, Errno> {
        let mut datagram = [0_u8; 256];
        loop {
            match recv(&self.0, &mut datagram, RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    if let Some(event) = proc_event(&datagram[..length]) {
                        return Ok(Some(event));
                    }
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Lives for Connector {
    fn next(&mut self) -> Result<Option<LifeEvent>, Lost> {
        loop {
            match self.receive() {
                Ok(Some(ProcEvent::Forked { parent, child })) => return Ok(Some(LifeEvent::Forked { parent, child })),
                Ok(Some(ProcEvent::Exited(pid))) => return Ok(Some(LifeEvent::Exited(pid))),
                Ok(Some(ProcEvent::Answer(_))) => {}
                Ok(None) => return Ok(None),
                // ENOBUFS: the buffer was full.
                Err(_) => return Err(Lost),
            }
        }
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        // Kernels before 6.6 count listeners by these requests, and go on sending while the count is above zero.
        self.request(IGNORE).ok();
    }
}
