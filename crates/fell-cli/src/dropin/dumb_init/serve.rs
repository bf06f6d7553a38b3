//! Serves the command: signals go to its session, the dead are collected.

use super::FAILED;
use super::args::Order;
use crate::dropin::say::{complain, digits, why};
use fell::Signal;
use fell::init::{
    Child, Disposition, Inbox, Message, Notes, Piece, Place, Reaped, SignalSet, Start, collect, dispose, leads_session,
    leave_terminal, peek, reap, stop,
};
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// Runs the command; gives the exit code.
pub(super) fn run(order: &Order<'_>) -> u8 {
    let inbox = Inbox::open(SignalSet::ALL);
    if super::super::is_set_to_one("DUMB_INIT_DEBUG") {
        note(order, &[b"Running in debug mode."]);
        if std::env::var_os("DUMB_INIT_SETSID").is_some_and(|value| value == "0") {
            note(order, &[b"Not running in setsid mode."]);
        }
    }
    let dispositions: Vec<(Signal, Disposition)> =
        (1..=31).filter_map(Signal::from_number).map(|signal| (signal, Disposition::Default)).collect();
    // Ignored by whoever called, the kernel would collect the command itself.
    dispose(Signal::CHLD, Disposition::Default);
    let hand_off = if order.session { give_up_terminal(order) } else { SignalSet::EMPTY };
    let folder = leave_folder();
    let child = match start(order, folder.as_ref(), &dispositions) {
        Ok(child) => child,
        Err(_) => {
            complain(&[b"[dumb-init] Unable to fork. Exiting."]);
            return FAILED;
        }
    };
    note(order, &[b"Child spawned with PID ", &digits(child.pid()), b"."]);
    if folder.is_none()
        && let Err(error) = std::env::set_current_dir("/")
    {
        note(order, &[b"Unable to chdir(\"/\") (", &reason(&error), b")"]);
    }
    let mut serve = Serve { order, child, hand_off };
    loop {
        if let Some(code) = inbox.wait(None).and_then(|signal| serve.take(signal)) {
            return code;
        }
    }
}

/// Goes to `/`, so that nothing keeps the caller's folder in use; gives that folder, for the command to start in.
///
/// Before the command starts, which so finds its parent there. `None` if it is to be left afterwards: a folder that may
/// not be searched can't be come back to.
fn leave_folder() -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(".", flags, Mode::empty()).ok()?;
    std::env::set_current_dir("/").is_ok().then_some(folder)
}

/// Gives the terminal up, for the command to take; gives the signals that the kernel sends to its owner then.
fn give_up_terminal(order: &Order<'_>) -> SignalSet {
    match leave_terminal() {
        Err(error) => note(order, &[b"Unable to detach from controlling tty (", &reason(&error), b")."]),
        Ok(()) if leads_session() => {
            note(order, &[b"Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."]);
            return SignalSet::of(&[Signal::HUP, Signal::CONT]);
        }
        Ok(()) => note(order, &[b"Detached from controlling tty, but was not session leader."]),
    }
    SignalSet::EMPTY
}

fn reason(error: &io::Error) -> Vec<u8> {
    let errno = digits(error.raw_os_error().unwrap_or(0));
    [&b"errno="[..], &errno, b" ", why(error).as_bytes()].concat()
}

fn start(order: &Order<'_>, folder: Option<&OwnedFd>, dispositions: &[(Signal, Disposition)]) -> io::Result<Child> {
    let no_terminal: Message<'_> = &[
        Piece::Text(b"[dumb-init] Unable to attach to controlling tty (errno="),
        Piece::Errno,
        Piece::Text(b" "),
        Piece::Why,
        Piece::Text(b").\n"),
    ];
    let placed: Message<'_> = &[Piece::Text(b"[dumb-init] setsid complete.\n")];
    Start {
        words: &order.command,
        place: if order.session { Place::Session } else { Place::Here },
        folder: folder.map(OwnedFd::as_fd),
        death_signal: None,
        dispositions,
        mask: fell::signals::SignalMask::empty(),
        notes: Notes {
            no_session: &[
                Piece::Text(b"[dumb-init] Unable to setsid (errno="),
                Piece::Errno,
                Piece::Text(b" "),
                Piece::Why,
                Piece::Text(b"). Exiting.\n"),
            ],
            no_terminal: if order.verbose { no_terminal } else { &[] },
            placed: if order.verbose && order.session { placed } else { &[] },
            refused: &[
                Piece::Text(b"[dumb-init] "),
                Piece::Text(order.command[0].to_bytes()),
                Piece::Text(b": "),
                Piece::Why,
                Piece::Text(b"\n"),
            ],
            ..Notes::default()
        },
        refusal_code: |_| 2,
    }
    .spawn()
}

fn note(order: &Order<'_>, parts: &[&[u8]]) {
    if order.verbose {
        complain(&[b"[dumb-init] ", &parts.concat()]);
    }
}

struct Serve<'a> {
    order: &'a Order<'a>,
    child: Child,
    /// What the kernel sends, once, because the terminal was given up.
    hand_off: SignalSet,
}

impl Serve<'_> {
    fn note(&self, parts: &[&[u8]]) {
        note(self.order, parts);
    }

    /// Deals with a signal; gives the exit code if the command has ended.
    fn take(&mut self, signal: Signal) -> Option<u8> {
        self.note(&[b"Received signal ", &digits(signal.number()), b"."]);
        if self.hand_off.contains(signal) {
            self.note(&[b"Ignoring tty hand-off signal ", &digits(signal.number()), b"."]);
            self.hand_off = self.hand_off.without(signal);
            return None;
        }
        if signal == Signal::CHLD {
            return self.collect();
        }
        self.pass_on(signal);
        if matches!(signal, Signal::TSTP | Signal::TTIN | Signal::TTOU) {
            self.note(&[b"Suspending self due to TTY signal."]);
            stop();
        }
        None
    }

    fn pass_on(&self, signal: Signal) {
        let rewritten = self.order.rewritten(signal);
        let number = rewritten.map_or(0, Signal::number);
        if self.order.is_rewritten(signal) {
            self.note(&[b"Translating signal ", &digits(signal.number()), b" to ", &digits(number), b"."]);
        }
        let Some(rewritten) = rewritten else {
            self.note(&[b"Not forwarding signal 0 to children (ignored)."]);
            return;
        };
        let sent = if self.order.session { self.child.signal_group(rewritten) } else { self.child.signal(rewritten) };
        // Nobody is there, or it became somebody else's: the original does not look either.
        sent.unwrap_or(());
        self.note(&[b"Forwarded signal ", &digits(number), b" to children."]);
    }

    /// Collects the dead; gives the exit code if the command is among them.
    fn collect(&self) -> Option<u8> {
        loop {
            match peek() {
                Reaped::Ended(pid, status) if pid == self.child.pid() => {
                    let code = self.told(pid, status);
                    // Before it is collected, since until then its group's name can't become somebody else's.
                    self.pass_on(Signal::TERM);
                    while let Reaped::Ended(..) = reap() {}
                    self.note(&[b"Child exited with status ", &digits(code), b". Goodbye."]);
                    return Some(code);
                }
                Reaped::Ended(pid, status) => {
                    self.told(pid, status);
                    collect(pid);
                }
                Reaped::Running => return None,
                Reaped::None => return Some(FAILED),
            }
        }
    }

    fn told(&self, pid: fell::Pid, status: ExitStatus) -> u8 {
        if let Some(number) = status.signal() {
            self.note(&[b"A child with PID ", &digits(pid), b" was terminated by signal ", &digits(number), b"."]);
            return u8::try_from(128 + number).unwrap_or(FAILED);
        }
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED);
        self.note(&[b"A child with PID ", &digits(pid), b" exited with exit status ", &digits(code), b"."]);
        code
    }
}
