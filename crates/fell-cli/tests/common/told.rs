//! A program that was started, and what it told.

use super::{LONG, PROMPTLY, pidfd, send, wait_readable};
use rustix::fd::OwnedFd;
use rustix::process::Signal;
use std::io::Read;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// What a program told. Nobody holds its output any more.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Its exit code, or 128+n if it died of signal n itself.
    pub(crate) code: i32,
    /// The signal that it died of.
    pub(crate) signal: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    pub(crate) elapsed: Duration,
    /// Somebody held its output open when it had ended.
    pub(crate) is_held: bool,
}

impl Told {
    /// Starts the program and waits for its end.
    #[track_caller]
    pub(crate) fn by(command: Command) -> Told {
        Started::new(command).finish()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    pub(crate) fn last_line(&self) -> String {
        self.text().lines().last().unwrap_or_default().to_owned()
    }
}

/// A program that runs. Its drop ends it.
pub(crate) struct Started {
    child: Child,
    pidfd: OwnedFd,
    out: Stream,
    err: Stream,
    began: Instant,
}

impl Started {
    #[track_caller]
    pub(crate) fn new(mut command: Command) -> Started {
        let began = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pidfd = pidfd(child.id()).unwrap();
        let (out, err) = (Stream::of(child.stdout.take()), Stream::of(child.stderr.take()));
        Started { child, pidfd, out, err, began }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&self, signal: Signal) {
        send(&self.pidfd, signal);
    }

    /// Waits until its standard output holds this text.
    #[track_caller]
    pub(crate) fn await_out(&mut self, text: &str) {
        let seen = self.out.read_until(LONG, |got| contains(got, text));
        let seen = seen && contains(&self.out.got, text);
        assert!(seen, "no {text:?} in {:?}; stderr {:?}", self.out.text(), self.err.text());
    }

    /// Waits until its standard error holds this text.
    #[track_caller]
    pub(crate) fn await_err(&mut self, text: &str) {
        let seen = self.err.read_until(LONG, |got| contains(got, text));
        let seen = seen && contains(&self.err.got, text);
        assert!(seen, "no {text:?} in {:?}", self.err.text());
    }

    /// The number on the first line of its standard output.
    #[track_caller]
    pub(crate) fn number(&mut self) -> u32 {
        self.await_out("\n");
        self.out.text().lines().next().and_then(|line| line.trim().parse().ok()).expect("a number")
    }

    /// Whether it ends in time.
    pub(crate) fn ends_within(&self, limit: Duration) -> bool {
        wait_readable(&self.pidfd, limit)
    }

    #[track_caller]
    pub(crate) fn finish(self) -> Told {
        self.finish_within(LONG)
    }

    #[track_caller]
    pub(crate) fn finish_within(mut self, limit: Duration) -> Told {
        let has_ended = self.ends_within(limit);
        let elapsed = self.began.elapsed();
        if !has_ended {
            panic!("it hangs: out {:?}, err {:?}", self.out.text(), self.err.text());
        }
        let status = self.child.wait().unwrap();
        let is_over = self.out.read_until(PROMPTLY, |_| false) & self.err.read_until(PROMPTLY, |_| false);
        Told {
            code: status.code().or(status.signal().map(|signal| 128 + signal)).unwrap(),
            signal: status.signal(),
            out: std::mem::take(&mut self.out.got),
            err: self.err.text(),
            elapsed,
            is_held: !is_over,
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if wait_readable(&self.pidfd, Duration::ZERO) {
            // Collected already by `finish`, or now.
            self.child.wait().ok();
            return;
        }
        send(&self.pidfd, Signal::CONT);
        send(&self.pidfd, Signal::TERM);
        if !wait_readable(&self.pidfd, LONG) {
            send(&self.pidfd, Signal::KILL);
        }
        self.child.wait().ok();
    }
}

/// What comes from a pipe, read by a thread of its own so that nobody is blocked.
struct Stream {
    chunks: Receiver<Vec<u8>>,
    got: Vec<u8>,
    is_over: bool,
}

impl Stream {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Stream {
        let (sender, chunks) = mpsc::channel();
        if let Some(mut pipe) = pipe {
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                    if sender.send(buffer[..length].to_vec()).is_err() {
                        return;
                    }
                }
            });
        }
        Stream { chunks, got: Vec::new(), is_over: false }
    }

    /// Reads until this holds or the end has come; `false` if time ran out first.
    fn read_until(&mut self, limit: Duration, mut holds: impl FnMut(&[u8]) -> bool) -> bool {
        let end = Instant::now() + limit;
        loop {
            if self.is_over || holds(&self.got) {
                return true;
            }
            match self.chunks.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.got.extend(chunk),
                Err(RecvTimeoutError::Disconnected) => self.is_over = true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.got).into_owned()
    }
}

fn contains(got: &[u8], text: &str) -> bool {
    got.windows(text.len()).any(|window| window == text.as_bytes())
}
