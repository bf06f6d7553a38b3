//! A parent that never collects its children, as a test sees it.

use crate::locate::beside;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// A parent that never collects its children, and waits for its next order in one of several ways.
///
/// It ends when it is dropped, and after a minute at the latest.
#[derive(Debug)]
pub struct Negligent {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What such a parent has seen of its system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// How many gave EINTR.
    pub interrupted: u32,
    /// How many gave something else that they should not have given; and how many registers were changed.
    pub wrong: u32,
}

impl Negligent {
    /// All ways of waiting in which a stop goes unnoticed.
    pub const WAITS: [&str; 9] = ["nanosleep", "poll", "select", "read", "futex", "wait4", "busy", "threads", "storm"];
    /// The ways of waiting in which a stop shows as EINTR, as signal(7) has it.
    pub const WAITS_WITH_EINTR: [&str; 2] = ["epoll", "sigtimedwait"];

    /// The program.
    ///
    /// # Errors
    ///
    /// When it has not been built.
    pub fn program() -> io::Result<std::path::PathBuf> {
        beside("fell-negligent")
    }

    /// Starts one that waits in this way, with so many dead children.
    ///
    /// # Errors
    ///
    /// It can't be started, or did not get ready.
    pub fn spawn(wait: &str, zombies: u32) -> io::Result<Self> {
        Self::start(Command::new(Self::program()?).args([wait, &zombies.to_string()]))
    }

    /// Starts one by this command, which says `ready` when it is.
    ///
    /// # Errors
    ///
    /// It can't be started, or did not get ready.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = child.stdin.take();
        let answers = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut this = Self { child, orders, answers: BufReader::new(answers) };
        match this.answer()?.as_str() {
            "ready" => Ok(this),
            other => Err(io::Error::other(format!("instead of ready: {other}"))),
        }
    }

    /// Its PID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has ended")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Gives it an order.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn order(&mut self, order: &[u8]) -> io::Result<()> {
        self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(order)
    }

    /// Lets one more child of it die.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn one_more(&mut self) -> io::Result<()> {
        self.order(b"z")?;
        match self.answer()?.as_str() {
            "dead" => Ok(()),
            other => Err(io::Error::other(format!("instead of dead: {other}"))),
        }
    }

    /// Asks what it has seen so far. That it answers shows that it goes on.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn account(&mut self) -> io::Result<Account> {
        self.order(b"p")?;
        self.read_account()
    }

    /// The same when it has been asked already.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn read_account(&mut self) -> io::Result<Account> {
        let line = self.answer()?;
        let number = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)?.parse().ok());
        match (number("interrupted="), number("wrong=")) {
            (Some(interrupted), Some(wrong)) => Ok(Account { interrupted, wrong }),
            _ => Err(io::Error::other(format!("no account: {line}"))),
        }
    }

    /// Lets it end, and gives how it did.
    ///
    /// # Errors
    ///
    /// It can't be waited for.
    pub fn end(mut self) -> io::Result<ExitStatus> {
        drop(self.orders.take());
        self.child.wait()
    }
}

impl Drop for Negligent {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It ends at the end of its orders. If it is stuck, the test has failed already, and its alarm ends it.
        #[expect(clippy::disallowed_methods, reason = "our own child, which has no descendants but dead ones")]
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
