//! Messages of the process connector: netlink headers around `struct proc_event` of the kernel's `linux/cn_proc.h`.

use crate::pid::Pid;

/// What the kernel tells of the life of processes. Events of threads are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcEvent {
    /// The answer to a request: 0, or an error number.
    Answer(u32),
    /// A process has been forked.
    Forked {
        /// By whom.
        parent: Pid,
        /// The new process.
        child: Pid,
    },
    /// The leader thread of a process has ended.
    Exited(Pid),
}

/// `struct nlmsghdr`.
const NETLINK_HEADER: usize = 16;
/// `struct cn_msg` without its data.
const CONNECTOR_HEADER: usize = 20;
/// `struct proc_event` up to the data of the event.
const EVENT_HEADER: usize = 16;
const EVENT_NONE: u32 = 0;
const EVENT_FORK: u32 = 1;
const EVENT_EXIT: u32 = 0x8000_0000;

/// The event in one datagram; `None` if it is of another kind, or not whole.
pub fn proc_event(datagram: &[u8]) -> Option<ProcEvent> {
    let event = datagram.get(NETLINK_HEADER + CONNECTOR_HEADER..)?;
    let word = |index: usize| -> Option<u32> {
        let bytes = event.get(index * 4..index * 4 + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    };
    let data = |index: usize| word(EVENT_HEADER / 4 + index);
    match word(0)? {
        EVENT_NONE => Some(ProcEvent::Answer(data(0)?)),
        EVENT_FORK => {
            let (parent, child_thread, child) = (data(1)?, data(2)?, data(3)?);
            (child_thread == child)
                .then(|| Some(ProcEvent::Forked { parent: Pid::new(parent)?, child: Pid::new(child)? }))?
        }
        EVENT_EXIT => {
            let (thread, process) = (data(0)?, data(1)?);
            (thread == process).then(|| Pid::new(process).map(ProcEvent::Exited))?
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(what: u32, data: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0xee; NETLINK_HEADER + CONNECTOR_HEADER];
        let words = [what, 7, 0xffff_ffff, 0xffff_ffff].into_iter().chain(data.iter().copied());
        bytes.extend(words.flat_map(u32::to_ne_bytes));
        bytes
    }

    fn pid(number: u32) -> Pid {
        Pid::new(number).unwrap()
    }

    #[test]
    fn reads_processes_and_leaves_out_threads() {
        assert_eq!(proc_event(&datagram(0, &[13])), Some(ProcEvent::Answer(13)));
        let fork = datagram(1, &[12, 10, 20, 20]);
        assert_eq!(proc_event(&fork), Some(ProcEvent::Forked { parent: pid(10), child: pid(20) }));
        assert_eq!(proc_event(&datagram(1, &[10, 10, 21, 10])), None);
        assert_eq!(proc_event(&datagram(0x8000_0000, &[20, 20, 0, 17])), Some(ProcEvent::Exited(pid(20))));
        assert_eq!(proc_event(&datagram(0x8000_0000, &[21, 20, 0, 17])), None);
        assert_eq!(proc_event(&datagram(2, &[20, 20])), None);
        assert_eq!(proc_event(&datagram(1, &[0, 0, 20, 20])), None);
    }

    #[test]
    fn a_cut_datagram_is_no_event() {
        let whole = datagram(1, &[10, 10, 20, 20]);
        for length in 0..whole.len() {
            assert_eq!(proc_event(whole.get(..length).unwrap()), None, "{length}");
        }
    }
}
