//! Serves the command: signals go to it, the dead are collected.

use super::args::Order;
use super::words::described;
use super::{FAILED, fatal};
use crate::dropin::say::{complain, digits, tell, why};
use fell::Signal;
use fell::init::{
    Child, Disposition, Inbox, Notes, Piece, Place, Reaped, SignalSet, Start, dispose, disposition, reap,
};
use rustix::io::Errno;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// What is not passed on: what tells of a fault of this very process, and what the terminal sends to those who may not
/// use it.
const KEPT: [Signal; 9] = [
    Signal::FPE,
    Signal::ILL,
    Signal::SEGV,
    Signal::BUS,
    Signal::ABRT,
    Signal::TRAP,
    Signal::SYS,
    Signal::TTIN,
    Signal::TTOU,
];

/// Runs the command; gives the exit code.
pub(super) fn run(order: &Order<'_>) -> u8 {
    let inbox = Inbox::open(KEPT.into_iter().fold(SignalSet::ALL, SignalSet::without));
    let terminal = [Signal::TTIN, Signal::TTOU].map(|signal| (signal, disposition(signal)));
    for (signal, _) in terminal {
        dispose(signal, Disposition::Ignored);
    }
    let children = disposition(Signal::CHLD);
    // Ignored by whoever called, the kernel would collect the command itself, and nobody would know how it ended.
    dispose(Signal::CHLD, Disposition::Default);
    if let Err(code) = take_office(order) {
        return code;
    }
    let serve = match start(order, &inbox, &[terminal[0], terminal[1], (Signal::CHLD, children)]) {
        Ok(child) => Serve { order, child },
        Err(error) => {
            fatal(&[b"fork failed: ", why(&error).as_bytes()]);
            return FAILED;
        }
    };
    serve.note(2, &[b"Spawned child process '", order.command[0].to_bytes(), b"' with pid '", &serve.pid(), b"'"]);
    loop {
        match inbox.wait(None) {
            Some(Signal::CHLD) => serve.note(3, &[b"Received SIGCHLD"]),
            Some(signal) => serve.pass_on(signal),
            None => {}
        }
        if let Some(code) = serve.collect() {
            serve.note(4, &[b"Exiting: child has exited"]);
            return code;
        }
    }
}

/// Becomes what an init has to be.
pub(in super::super) fn take_office(order: &Order<'_>) -> Result<(), u8> {
    if let Some(signal) = order.death_signal {
        let signal = u8_signal(signal);
        if let Err(errno) = rustix::process::set_parent_process_death_signal(signal) {
            fatal(&[b"Failed to set up parent death signal: ", why(&errno.into()).as_bytes()]);
            return Err(FAILED);
        }
    }
    if order.subreaper {
        if let Err(errno) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
            fatal(&[b"Failed to register as child subreaper: ", why(&errno.into()).as_bytes()]);
            return Err(FAILED);
        }
        note(order, 4, &[b"Registered as child subreaper"]);
    }
    let is_reaper =
        rustix::process::getpid().is_init() || rustix::process::child_subreaper().is_ok_and(|reaper| reaper.is_some());
    if !is_reaper {
        note(
            order,
            1,
            &[b"Tini is not running as PID 1 and isn't registered as a child subreaper.\n\
                Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n\
                To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to \
                register Tini as a child subreaper, or run Tini as PID 1."],
        );
    }
    Ok(())
}

fn u8_signal(signal: Signal) -> Option<rustix::process::Signal> {
    rustix::process::Signal::from_named_raw(signal.as_raw())
}

fn start(order: &Order<'_>, inbox: &Inbox, dispositions: &[(Signal, Disposition)]) -> std::io::Result<Child> {
    Start {
        words: &order.command,
        place: Place::Group,
        folder: None,
        death_signal: None,
        dispositions,
        mask: inbox.former_mask(),
        notes: Notes {
            bad_terminal: &[
                Piece::Text(b"[FATAL tini ("),
                Piece::Pid,
                Piece::Text(b")] tcsetpgrp failed: "),
                Piece::Why,
                Piece::Text(b"\n"),
            ],
            refused: &[
                Piece::Text(b"[FATAL tini ("),
                Piece::Pid,
                Piece::Text(b")] exec "),
                Piece::Text(order.command[0].to_bytes()),
                Piece::Text(b" failed: "),
                Piece::Why,
                Piece::Text(b"\n"),
            ],
            ..Notes::default()
        },
        refusal_code: |errno| match Errno::from_raw_os_error(errno) {
            Errno::NOENT => 127,
            Errno::ACCESS => 126,
            _ => FAILED,
        },
    }
    .spawn()
}

/// Says something, if it is asked for.
fn note(order: &Order<'_>, level: u32, parts: &[&[u8]]) {
    if order.verbosity < level {
        return;
    }
    let pid = digits(rustix::process::getpid().as_raw_pid());
    let parts = parts.concat();
    match level {
        1 => complain(&[b"[WARN  tini (", &pid, b")] ", &parts]),
        2 => tell(&[b"[INFO  tini (", &pid, b")] ", &parts]),
        3 => tell(&[b"[DEBUG tini (", &pid, b")] ", &parts]),
        _ => tell(&[b"[TRACE tini (", &pid, b")] ", &parts]),
    }
}

struct Serve<'a> {
    order: &'a Order<'a>,
    child: Child,
}

impl Serve<'_> {
    fn note(&self, level: u32, parts: &[&[u8]]) {
        note(self.order, level, parts);
    }

    fn pid(&self) -> Vec<u8> {
        digits(self.child.pid())
    }

    fn pass_on(&self, signal: Signal) {
        self.note(3, &[b"Passing signal: '", described(signal).as_bytes(), b"'"]);
        let sent = if self.order.group { self.child.signal_group(signal) } else { self.child.signal(signal) };
        match sent {
            Ok(()) => {}
            Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => {
                self.note(1, &[b"Child was dead when forwarding signal"]);
            }
            // The command may have become somebody else's; it goes on to be served.
            Err(error) => self.note(1, &[b"Signal not passed on: ", why(&error).as_bytes()]),
        }
    }

    /// Collects the dead; gives the exit code if the command is among them.
    fn collect(&self) -> Option<u8> {
        let mut code = None;
        loop {
            match reap() {
                Reaped::Ended(pid, status) => {
                    self.note(3, &[b"Reaped child with pid: '", &digits(pid), b"'"]);
                    if pid == self.child.pid() {
                        code = Some(self.exit_code(status));
                    } else if self.order.warns {
                        self.note(1, &[b"Reaped zombie process with pid=", &digits(pid)]);
                    }
                }
                Reaped::Running => {
                    self.note(4, &[b"No child to reap"]);
                    return code;
                }
                Reaped::None => {
                    self.note(4, &[b"No child to wait"]);
                    return code.or_else(|| self.lost());
                }
            }
        }
    }

    /// There is no child, and the command was not seen to end.
    fn lost(&self) -> Option<u8> {
        self.note(1, &[b"The main child is gone, and its exit status with it"]);
        Some(FAILED)
    }

    fn exit_code(&self, status: ExitStatus) -> u8 {
        let code = match (status.code(), status.signal()) {
            (Some(code), _) => {
                self.note(2, &[b"Main child exited normally (with status '", &digits(code), b"')"]);
                code
            }
            (None, Some(number)) => {
                let words = u8::try_from(number).ok().and_then(Signal::from_number).map(described).unwrap_or_default();
                self.note(2, &[b"Main child exited with signal (with signal '", words.as_bytes(), b"')"]);
                128 + number
            }
            (None, None) => 1,
        };
        remapped(self.order, u8::try_from(code & 0xff).unwrap_or(FAILED))
    }
}

/// The exit code, once those that are expected count as success.
pub(in super::super) fn remapped(order: &Order<'_>, code: u8) -> u8 {
    if order.expected[usize::from(code)] { 0 } else { code }
}
