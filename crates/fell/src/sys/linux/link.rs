//! The words between supervisor and guardian: one message a packet, of four numbers.

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::fmt;
use std::io;

/// A step of the set-up on the far side of the fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Subreaper,
    Signalfd,
    ForkGuardian,
    ForkCommand,
    Namespace,
    JoinCgroup,
    ChangeDirectory,
    Redirect,
    Exec,
}

const STEPS: [Step; 9] = [
    Step::Subreaper,
    Step::Signalfd,
    Step::ForkGuardian,
    Step::ForkCommand,
    Step::Namespace,
    Step::JoinCgroup,
    Step::ChangeDirectory,
    Step::Redirect,
    Step::Exec,
];

impl Step {
    /// Its name in an error: "NAME failed".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Subreaper => "becoming a subreaper",
            Step::Signalfd => "opening the guardian's signalfd",
            Step::ForkGuardian => "forking the guardian",
            Step::ForkCommand => "forking the command",
            Step::Namespace => "entering a PID namespace",
            Step::JoinCgroup => "joining the run's cgroup",
            Step::ChangeDirectory => "changing to the command's directory",
            Step::Redirect => "connecting the command's input and output",
            Step::Exec => "executing the command",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the guardian, and the command before its exec, tell the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// The command was forked, by this guardian.
    Started { pid: i32, guardian: i32 },
    /// The guardian was killed; the second guardian ends the tree.
    GuardianLost,
    /// The command could not join the cgroup and goes on without.
    NotEnclosed { errno: i32 },
    /// A step failed: the command does not run.
    SetupFailed { step: Step, errno: i32 },
    /// The command has ended, with this status in `wait(2)`'s encoding; it was the last one of the tree, or not.
    Ended { status: i32, is_last: bool },
    /// The time limit has passed while the supervisor was stopped: the guardian ends the tree.
    Overdue,
    /// No descendant is left: the guardian ends.
    Empty,
}

impl Message {
    fn encode(self) -> [i32; 4] {
        match self {
            Message::Started { pid, guardian } => [1, pid, guardian, 0],
            Message::NotEnclosed { errno } => [2, errno, 0, 0],
            Message::SetupFailed { step, errno } => [3, step as i32, errno, 0],
            Message::Ended { status, is_last } => [4, status, is_last.into(), 0],
            Message::Empty => [5, 0, 0, 0],
            Message::GuardianLost => [6, 0, 0, 0],
            Message::Overdue => [7, 0, 0, 0],
        }
    }

    fn decode(words: [i32; 4]) -> Option<Message> {
        Some(match words {
            [1, pid, guardian, _] => Message::Started { pid, guardian },
            [2, errno, ..] => Message::NotEnclosed { errno },
            [3, step, errno, _] => {
                Message::SetupFailed { step: *usize::try_from(step).ok().and_then(|step| STEPS.get(step))?, errno }
            }
            [4, status, last, _] => Message::Ended { status, is_last: last != 0 },
            [5, ..] => Message::Empty,
            [6, ..] => Message::GuardianLost,
            [7, ..] => Message::Overdue,
            _ => return None,
        })
    }
}

/// What the supervisor tells the guardian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Leave the tree alone and end.
    Release,
    /// End the tree: the supervisor can't see it.
    End,
    /// Nothing that this version knows.
    None,
    /// The supervisor has closed its end.
    Closed,
}

const RELEASE: [u8; 1] = *b"R";
const END: [u8; 1] = *b"E";

/// Both ends: the supervisor's and the guardian's.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Tells the supervisor; `false` if that has to be tried again. Async-signal-safe.
pub(crate) fn send(link: BorrowedFd<'_>, message: Message) -> bool {
    let mut bytes = [0_u8; 16];
    for (place, word) in bytes.chunks_exact_mut(4).zip(message.encode()) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    // A supervisor that is gone needs no news; its end shows in the closed link.
    let sent = rustix::net::send(link, &bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    matches!(sent, Ok(_) | Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN))
}

/// The next message; `None` when there is none now.
///
/// # Errors
///
/// `UnexpectedEof` when the guardian, and whoever else could send, is gone.
pub(crate) fn receive(link: BorrowedFd<'_>) -> io::Result<Option<Message>> {
    loop {
        let mut bytes = [0_u8; 16];
        let length = match rustix::net::recv(link, &mut bytes, RecvFlags::DONTWAIT) {
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::INTR) => continue,
            Err(Errno::CONNRESET) => 0,
            Err(error) => return Err(error.into()),
        };
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut words = [0_i32; 4];
        for (word, place) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = i32::from_ne_bytes(*place);
        }
        match Message::decode(words) {
            Some(message) => return Ok(Some(message)),
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, "no such message")),
        }
    }
}

/// Tells the guardian to leave the tree alone.
///
/// # Errors
///
/// The guardian is gone.
pub(crate) fn release(link: BorrowedFd<'_>) -> io::Result<()> {
    rustix::net::send(link, &RELEASE, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Tells the guardian to end the tree.
///
/// # Errors
///
/// The guardian is gone.
pub(crate) fn delegate(link: BorrowedFd<'_>) -> io::Result<()> {
    rustix::net::send(link, &END, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The supervisor's next order. Async-signal-safe.
pub(crate) fn receive_order(link: BorrowedFd<'_>) -> Order {
    let mut bytes = [0_u8; 1];
    match rustix::net::recv(link, &mut bytes, RecvFlags::DONTWAIT) {
        Ok((0, _)) | Err(Errno::CONNRESET) => Order::Closed,
        Ok(_) if bytes == RELEASE => Order::Release,
        Ok(_) if bytes == END => Order::End,
        Ok(_) | Err(_) => Order::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fd::AsFd;

    #[test]
    fn every_message_arrives_as_it_was_sent() {
        let (near, far) = pair().unwrap();
        let mut messages = vec![
            Message::Started { pid: 4711, guardian: 4710 },
            Message::GuardianLost,
            Message::Overdue,
            Message::NotEnclosed { errno: 13 },
            Message::Ended { status: 0x8b, is_last: true },
            Message::Empty,
        ];
        messages.extend(STEPS.map(|step| Message::SetupFailed { step, errno: 2 }));
        for message in messages {
            send(far.as_fd(), message);
            assert_eq!(receive(near.as_fd()).unwrap(), Some(message));
        }
        assert_eq!(receive(near.as_fd()).unwrap(), None);
        assert_eq!(receive_order(far.as_fd()), Order::None);
        release(near.as_fd()).unwrap();
        assert_eq!(receive_order(far.as_fd()), Order::Release);
        delegate(near.as_fd()).unwrap();
        assert_eq!(receive_order(far.as_fd()), Order::End);
        drop(near);
        assert_eq!(receive_order(far.as_fd()), Order::Closed);
    }

    #[test]
    fn a_guardian_that_is_gone_is_an_end_of_file() {
        let (near, far) = pair().unwrap();
        drop(far);
        assert_eq!(receive(near.as_fd()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
