//! The command and its limit.

use super::args::Order;
use super::{FAILED, TIMED_OUT, announcement};
use crate::dropin::refusal_code;
use crate::dropin::say::{complain, digits, quoted, why};
use fell::Signal;
use fell::init::{
    Child, Disposition, Inbox, Notes, Piece, Place, Reaped, SignalSet, Start, die_of, dispose, disposition, now, reap,
    signal_own_group,
};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

/// What is not passed on: what can't be, and what does not end a process by itself.
const KEPT: [Signal; 9] = [
    Signal::KILL,
    Signal::STOP,
    Signal::TSTP,
    Signal::TTIN,
    Signal::TTOU,
    Signal::CONT,
    Signal::CHLD,
    Signal::URG,
    Signal::WINCH,
];

/// Runs the command; gives the exit code.
pub(super) fn run(own: &[u8], order: &Order<'_>) -> u8 {
    if !order.foreground {
        // A session leader has its own group already.
        rustix::process::setpgid(None, None).unwrap_or(());
    }
    let inbox = Inbox::open(heard(order.signal));
    // Ignored by whoever called, the kernel would collect the command itself.
    dispose(Signal::CHLD, Disposition::Default);
    // In the background, whoever touches the terminal would stop us.
    for signal in [Signal::TTIN, Signal::TTOU] {
        dispose(signal, Disposition::Ignored);
    }
    let name = quoted(order.command[0]);
    let mut dispositions = vec![
        (Signal::TTIN, Disposition::Default),
        (Signal::TTOU, Disposition::Default),
        // The alarm, and the signal of the limit, end the command even if whoever called had them ignored.
        (Signal::ALRM, Disposition::Default),
    ];
    dispositions.extend(order.signal.map(|signal| (signal, Disposition::Default)));
    let start = Start {
        words: &order.command,
        place: Place::Here,
        folder: None,
        death_signal: order.signal,
        dispositions: &dispositions,
        mask: inbox.former_mask().without(Signal::ALRM).without(Signal::CHLD),
        notes: Notes {
            refused: &[
                Piece::Text(own),
                Piece::Text(b": failed to run command "),
                Piece::Text(&name),
                Piece::Text(b": "),
                Piece::Why,
                Piece::Text(b"\n"),
            ],
            ..Notes::default()
        },
        refusal_code,
    };
    let child = match start.spawn() {
        Ok(child) => child,
        Err(error) => {
            complain(&[own, b": fork system call failed: ", why(&error).as_bytes()]);
            return FAILED;
        }
    };
    let mut watch = Watch {
        own,
        order,
        child,
        signal: order.signal,
        kill_after: order.kill_after,
        deadline: moment(order.limit),
        timed_out: false,
        deaf: SignalSet::EMPTY,
    };
    let status = watch.until_ended(&inbox);
    watch.conclude(status)
}

/// What ends a process, but for what was ignored from the start; and what tells of the command's end.
fn heard(own: Option<Signal>) -> SignalSet {
    let mut set = SignalSet::EMPTY.with(Signal::CHLD).with(Signal::ALRM);
    for signal in SignalSet::ALL.signals().filter(|signal| !KEPT.contains(signal)) {
        if disposition(signal) != Disposition::Ignored {
            set = set.with(signal);
        }
    }
    match own {
        Some(own) => set.with(own),
        None => set,
    }
}

fn moment(after: Duration) -> Option<Duration> {
    (!after.is_zero()).then(|| now().saturating_add(after))
}

struct Watch<'a> {
    own: &'a [u8],
    order: &'a Order<'a>,
    child: Child,
    /// The signal to be sent at the next deadline.
    signal: Option<Signal>,
    kill_after: Duration,
    deadline: Option<Duration>,
    timed_out: bool,
    /// What this process has sent to its own group comes back to it once more.
    deaf: SignalSet,
}

impl Watch<'_> {
    fn until_ended(&mut self, inbox: &Inbox) -> Option<ExitStatus> {
        loop {
            match inbox.wait(self.deadline) {
                Some(Signal::CHLD) => {}
                Some(signal) if self.deaf.contains(signal) => continue,
                None => {
                    self.deadline = None;
                    self.reach_limit();
                }
                // The limit, as it reaches the original.
                Some(Signal::ALRM) => self.reach_limit(),
                Some(signal) => self.pass_on(Some(signal)),
            }
            loop {
                match reap() {
                    Reaped::Ended(pid, status) if pid == self.child.pid() => return Some(status),
                    // Somebody else's orphan, which came here since this is PID 1.
                    Reaped::Ended(..) => {}
                    Reaped::Running => break,
                    Reaped::None => return None,
                }
            }
        }
    }

    fn reach_limit(&mut self) {
        self.timed_out = true;
        self.pass_on(self.signal);
    }

    /// Sends the command a signal, and its group, which is ours.
    fn pass_on(&mut self, signal: Option<Signal>) {
        if !self.kill_after.is_zero() {
            self.signal = Some(Signal::KILL);
            self.deadline = moment(std::mem::take(&mut self.kill_after));
        }
        if self.order.verbose {
            announcement(self.own, signal, self.order.command[0]);
        }
        let Some(signal) = signal else { return };
        // Whoever changed its identity may refuse; the limit goes on to count for it.
        self.child.signal(signal).unwrap_or(());
        if self.order.foreground {
            return;
        }
        self.call_group(signal);
        if signal != Signal::KILL && signal != Signal::CONT {
            // Who is stopped can't obey.
            self.child.signal(Signal::CONT).unwrap_or(());
            self.call_group(Signal::CONT);
        }
    }

    fn call_group(&mut self, signal: Signal) {
        if signal != Signal::CHLD {
            self.deaf = self.deaf.with(signal);
            dispose(signal, Disposition::Ignored);
        }
        signal_own_group(signal).unwrap_or(());
    }

    fn conclude(&self, status: Option<ExitStatus>) -> u8 {
        let Some(status) = status else {
            complain(&[self.own, b": error waiting for command: No child processes"]);
            return FAILED;
        };
        let mut preserves = self.order.preserve_status;
        let code = match (status.code(), status.signal()) {
            (Some(code), _) => code,
            (None, Some(number)) => {
                if status.core_dumped() {
                    complain(&[self.own, b": the monitored command dumped core"]);
                }
                if let Some(signal) = u8::try_from(number).ok().and_then(Signal::from_number) {
                    if !self.timed_out {
                        // Whoever waits for us shall see what we saw.
                        die_of(signal);
                    }
                    preserves |= signal == Signal::KILL;
                }
                128 + number
            }
            (None, None) => {
                complain(&[self.own, b": unknown status from command (", &digits(status.into_raw()), b")"]);
                1
            }
        };
        if self.timed_out && !preserves { TIMED_OUT } else { u8::try_from(code).unwrap_or(FAILED) }
    }
}
