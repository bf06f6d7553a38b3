//! Which system call a thread is in, and what its arguments mean.

use super::memory::Memory;
use crate::pid::Pid;
use crate::scene::{Call, Interest, Until, Whom};
use crate::sys::parse::InCall;

/// How many descriptors of one `poll` or `select` are looked at.
const MOST_POLLED: usize = 256;
/// As a 32-bit program has it: its calls have other numbers.
const SMALL_ADDRESS: u64 = u32::MAX as u64;

/// What this means. With `may_read`, what the arguments point to is read from the process's memory.
pub(super) fn read(pid: Pid, call: InCall, may_read: bool) -> Call {
    let (number, arguments, stack) = match call {
        InCall::Running => return Call::Running,
        InCall::None => return Call::Other,
        InCall::Call { number, arguments, stack } => (number, arguments, stack),
    };
    if stack <= SMALL_ADDRESS && size_of::<usize>() == 8 {
        return Call::Other;
    }
    let memory = may_read.then_some(Memory(pid));
    let [first, second, third, fourth, fifth, _] = arguments;
    let (one, two) = (descriptor(first), descriptor(second));
    let limit = |pointer: u64| if pointer == 0 { Until::Forever } else { Until::Limited };
    let time = |number: u64| if int(number) < 0 { Until::Forever } else { Until::Limited };
    #[cfg(target_arch = "x86_64")]
    match number {
        libc::SYS_poll => return Call::Poll(polled(memory, first, second), time(third)),
        libc::SYS_select => return Call::Poll(selected(memory, &arguments), limit(fifth)),
        libc::SYS_epoll_wait => return epoll(one, time(fourth)),
        libc::SYS_pause => return Call::Signal(Until::Forever),
        libc::SYS_vfork | libc::SYS_fork => return Call::Vfork,
        libc::SYS_open => return Call::Open(memory.and_then(|memory| memory.text(first))),
        _ => {}
    }
    match number {
        libc::SYS_read | libc::SYS_pread64 | libc::SYS_readv | libc::SYS_preadv | libc::SYS_preadv2 => Call::Read(one),
        libc::SYS_recvfrom | libc::SYS_recvmsg | libc::SYS_recvmmsg => Call::Read(one),
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_pwritev | libc::SYS_pwritev2 => {
            Call::Write(one)
        }
        libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg => Call::Write(one),
        libc::SYS_accept | libc::SYS_accept4 => Call::Accept(one),
        libc::SYS_connect => Call::Connect(one),
        libc::SYS_flock => Call::Lock(one),
        libc::SYS_fcntl if matches!(int(second), libc::F_SETLKW | libc::F_OFD_SETLKW) => Call::Lock(one),
        // From one to the other: which of the two it waits for is not told.
        libc::SYS_splice => both(one, descriptor(third)),
        libc::SYS_tee => both(one, two),
        libc::SYS_sendfile => both(two, one),
        libc::SYS_ppoll => Call::Poll(polled(memory, first, second), limit(third)),
        libc::SYS_pselect6 => Call::Poll(selected(memory, &arguments), limit(fifth)),
        libc::SYS_epoll_pwait => epoll(one, time(fourth)),
        libc::SYS_epoll_pwait2 => epoll(one, limit(fourth)),
        libc::SYS_wait4 => Call::Wait(match int(first) {
            -1 => Whom::Any,
            0 => Whom::OwnGroup,
            number => match (Pid::from_raw(number), Pid::from_raw(number.saturating_neg())) {
                (Some(pid), _) => Whom::Process(pid),
                (None, Some(group)) => Whom::Group(group),
                (None, None) => Whom::Any,
            },
        }),
        libc::SYS_waitid => Call::Wait(match (u32::try_from(first), Pid::from_raw(int(second))) {
            (Ok(libc::P_PID), Some(pid)) => Whom::Process(pid),
            (Ok(libc::P_PGID), Some(group)) => Whom::Group(group),
            (Ok(libc::P_PGID), None) => Whom::OwnGroup,
            (Ok(libc::P_PIDFD), _) => Whom::Pidfd(two),
            _ => Whom::Any,
        }),
        libc::SYS_clone | libc::SYS_clone3 => Call::Vfork,
        libc::SYS_openat | libc::SYS_openat2 => Call::Open(memory.and_then(|memory| memory.text(second))),
        libc::SYS_futex => Call::Futex(limit(fourth)),
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => Call::Sleep,
        libc::SYS_rt_sigsuspend => Call::Signal(Until::Forever),
        libc::SYS_rt_sigtimedwait => Call::Signal(limit(third)),
        _ => Call::Other,
    }
}

/// The kernel takes the low half of the register.
#[expect(clippy::cast_possible_truncation, reason = "as the kernel does")]
fn int(argument: u64) -> i32 {
    (argument as u32).cast_signed()
}

fn descriptor(argument: u64) -> i32 {
    int(argument)
}

fn both(from: i32, to: i32) -> Call {
    let from = Interest { number: from, reads: true, writes: false };
    let to = Interest { number: to, reads: false, writes: true };
    Call::Poll(vec![from, to], Until::Forever)
}

/// What the instance watches is told by its `fdinfo`.
fn epoll(number: i32, until: Until) -> Call {
    Call::Poll(vec![Interest { number, reads: true, writes: false }], until)
}

/// An array of `struct pollfd`: descriptor, events, and what happened.
fn polled(memory: Option<Memory>, address: u64, count: u64) -> Vec<Interest> {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(MOST_POLLED);
    let Some(bytes) = memory.and_then(|memory| memory.bytes(address, count * 8)) else { return Vec::new() };
    let one = |entry: &[u8]| {
        let number = i32::from_ne_bytes(entry.get(..4)?.try_into().ok()?);
        let events = i16::from_ne_bytes(entry.get(4..6)?.try_into().ok()?);
        let interest = Interest { number, reads: events & libc::POLLIN != 0, writes: events & libc::POLLOUT != 0 };
        (number >= 0).then_some(interest)
    };
    bytes.chunks_exact(8).filter_map(one).collect()
}

/// Sets of bits: those to be read from, those to be written to.
fn selected(memory: Option<Memory>, arguments: &[u64; 6]) -> Vec<Interest> {
    let Some(memory) = memory else { return Vec::new() };
    let count = usize::try_from(arguments[0]).unwrap_or(0).min(1024);
    let set = |address: u64| match address {
        0 => Vec::new(),
        // The kernel reads whole words.
        _ => memory.bytes(address, count.div_ceil(64) * 8).unwrap_or_default(),
    };
    let (reads, writes) = (set(arguments[1]), set(arguments[2]));
    let has = |set: &[u8], bit: usize| {
        let word = set.get(bit / 64 * 8..bit / 64 * 8 + 8).and_then(|bytes| bytes.try_into().ok());
        word.is_some_and(|bytes| u64::from_ne_bytes(bytes) >> (bit % 64) & 1 == 1)
    };
    let one = |bit: usize| {
        let interest =
            Interest { number: i32::try_from(bit).ok()?, reads: has(&reads, bit), writes: has(&writes, bit) };
        (interest.reads || interest.writes).then_some(interest)
    };
    (0..count).filter_map(one).take(MOST_POLLED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Pid {
        Pid::new(std::process::id()).unwrap()
    }

    fn call(number: i64, arguments: [u64; 6]) -> Call {
        read(own(), InCall::Call { number, arguments, stack: 0x7ffe_0000_0000 }, true)
    }

    #[test]
    fn arguments_have_meanings() {
        assert_eq!(call(libc::SYS_read, [3, 0, 0, 0, 0, 0]), Call::Read(3));
        assert_eq!(call(libc::SYS_wait4, [0xffff_ffff, 0, 0, 0, 0, 0]), Call::Wait(Whom::Any));
        assert_eq!(call(libc::SYS_wait4, [0xffff_fffe, 0, 0, 0, 0, 0]), Call::Wait(Whom::Group(Pid::new(2).unwrap())));
        assert_eq!(call(libc::SYS_fcntl, [7, 7, 0, 0, 0, 0]), Call::Lock(7));
        assert_eq!(call(libc::SYS_fcntl, [7, 3, 0, 0, 0, 0]), Call::Other);
        assert_eq!(call(libc::SYS_futex, [0, 0, 0, 9, 0, 0]), Call::Futex(Until::Limited));
        assert_eq!(call(100_000, [0; 6]), Call::Other);
    }

    #[test]
    fn sets_and_arrays_are_read_from_memory() {
        let array = [5_i32.to_ne_bytes(), [1, 0, 0, 0], (-1_i32).to_ne_bytes(), [1, 0, 0, 0]].concat();
        let address = array.as_ptr().addr() as u64;
        let polled = call(libc::SYS_ppoll, [address, 2, 0, 0, 0, 0]);
        assert_eq!(polled, Call::Poll(vec![Interest { number: 5, reads: true, writes: false }], Until::Forever));
        let set = [1_u64 << 4, 1 << 2];
        let address = set.as_ptr().addr() as u64;
        let selected = call(libc::SYS_pselect6, [80, address, 0, 0, 7, 0]);
        let expected = [4, 66].map(|number| Interest { number, reads: true, writes: false });
        assert_eq!(selected, Call::Poll(expected.to_vec(), Until::Limited));
        assert_eq!(call(libc::SYS_ppoll, [8, 2, 0, 0, 0, 0]), Call::Poll(Vec::new(), Until::Forever));
    }

    #[test]
    fn the_calls_of_a_32_bit_program_are_not_guessed() {
        let call = InCall::Call { number: libc::SYS_read, arguments: [3; 6], stack: 0xffff_0000 };
        assert_eq!(read(own(), call, true), Call::Other);
    }
}
