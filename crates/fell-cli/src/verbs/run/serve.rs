//! Serves a run: waits for its end and for signals.

use super::dump;
use crate::args::{Foreground, RunArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use fell::dump::DumpOptions;
use fell::init::{SignalSet, is_first, keys_are_read, since_boot};
use fell::signals::{Arrival, SignalMask, SignalStream};
use fell::{Error, Progress, RunReport, Running, Signal};
use std::io::IsTerminal as _;
use std::time::Duration;

/// What ends the tree, prints it, or is handed on to the command. Those that end or stop fell for the
/// sake of job control (TSTP, TTIN, TTOU) keep their ordinary meaning.
const SERVED: [Signal; 7] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::WINCH];

/// How soon a signal is handed on that has come before the command was there.
const SOON: Duration = Duration::from_millis(5);

/// Opens the stream of these signals.
///
/// # Errors
///
/// No descriptor is to be had; nothing was started.
pub(super) fn open() -> Result<SignalStream, Failure> {
    let opened = if is_init() {
        let served: Vec<Signal> = SignalSet::FORWARDABLE.with(Signal::CHLD).signals().collect();
        SignalStream::block_and_open(&served)
    } else {
        SignalStream::block_and_open(&SERVED)
    };
    opened.map_err(|error| Failure::new(Exit::Failed, format!("signals can't be read: {error}")))
}

/// Serves the run until it is over.
///
/// # Errors
///
/// The command could not be started, or its tree can't be ended.
pub(super) fn until_finished(
    running: &mut Running,
    signals: &SignalStream,
    args: &RunArgs,
    mask: SignalMask,
) -> Result<RunReport, Error> {
    let mut requests = 0_u32;
    let mut taken = None;
    let mut early: Vec<Signal> = Vec::new();
    loop {
        let soon = (!early.is_empty()).then(|| since_boot().saturating_add(SOON));
        match running.wait_until(soon, Some(signals.waker()))? {
            Progress::Finished(report) => return Ok(RunReport { dump: taken, ..*report }),
            Progress::Elapsed => {}
            Progress::EndDue(cause) => taken = Some(dump::take(running, args, cause, signals, mask)),
            Progress::Woken => {
                let failed = |source| Error::Setup { step: "reading signals", source };
                while let Some(arrival) = signals.next().map_err(failed)? {
                    match meaning(arrival, is_init(), shares_terminal(args), keys_are_read) {
                        Meaning::End => {
                            requests = requests.saturating_add(1);
                            // What it holds is known only while it stands.
                            if requests == 1 && taken.is_none() && args.wait_released.is_some() {
                                taken = Some(running.dump(DumpOptions::default()));
                            }
                            end(running, arrival.signal, requests)?;
                        }
                        Meaning::Show => dump::show("what stands:", &running.dump(DumpOptions::default())),
                        Meaning::HandOn => early.push(arrival.signal),
                        Meaning::Collect => running.collect_orphans(),
                        Meaning::Nothing => {}
                    }
                }
            }
        }
        if running.command().is_some() {
            for signal in early.drain(..) {
                hand_on(running, signal);
            }
        }
    }
}

/// What a signal means to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The tree is to end.
    End,
    /// The tree is to be shown.
    Show,
    /// It is for the command.
    HandOn,
    /// A child has ended.
    Collect,
    /// It is for the command, which has got it already.
    Nothing,
}

/// As PID 1, of a container mostly, every signal is for the command, which may take its time; and this process is the
/// one to collect the dead that nobody else does.
fn is_init() -> bool {
    is_first()
}

fn meaning(arrival: Arrival, is_init: bool, shares_terminal: bool, keys_are_read: impl FnOnce() -> bool) -> Meaning {
    let Arrival { signal, by_kernel } = arrival;
    // The terminal has sent it to the whole foreground process group, and so to the command.
    let has_arrived = by_kernel && shares_terminal;
    match signal {
        Signal::CHLD => Meaning::Collect,
        _ if is_init && has_arrived => Meaning::Nothing,
        _ if is_init => Meaning::HandOn,
        // A program that reads single keys (an editor, a pager, a line editor) has its own use for Ctrl-C.
        Signal::INT if has_arrived && keys_are_read() => Meaning::Nothing,
        Signal::TERM | Signal::INT | Signal::HUP => Meaning::End,
        Signal::USR1 => Meaning::Show,
        _ if has_arrived => Meaning::Nothing,
        _ => Meaning::HandOn,
    }
}

/// Whether the command is in the terminal's foreground process group if fell is.
fn shares_terminal(args: &RunArgs) -> bool {
    match args.foreground {
        Foreground::On => true,
        Foreground::Off => false,
        Foreground::Auto => {
            std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal()
        }
    }
}

fn end(running: &mut Running, signal: Signal, requests: u32) -> Result<(), Error> {
    if requests == 1 {
        tracing::info!("{signal} arrived: ending the tree");
        running.terminate(signal)
    } else {
        tracing::info!("{signal} arrived again: using force");
        running.force()
    }
}

fn hand_on(running: &Running, signal: Signal) {
    match running.forward(signal) {
        Ok(()) => tracing::debug!("{signal} handed on to the command"),
        Err(error) => tracing::debug!("{signal} not handed on to the command: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(signal: Signal, by_kernel: bool, shares_terminal: bool, keys: bool) -> Meaning {
        meaning(Arrival { signal, by_kernel }, false, shares_terminal, || keys)
    }

    #[test]
    fn who_asks_for_the_end_gets_it() {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            assert_eq!(means(signal, false, true, true), Meaning::End, "{signal}");
        }
        assert_eq!(means(Signal::INT, true, true, false), Meaning::End);
        assert_eq!(means(Signal::INT, true, false, true), Meaning::End);
    }

    #[test]
    fn an_editor_keeps_its_keys() {
        assert_eq!(means(Signal::INT, true, true, true), Meaning::Nothing);
    }

    #[test]
    fn an_init_hands_everything_on() {
        for signal in [Signal::TERM, Signal::INT, Signal::USR1, Signal::TSTP] {
            let arrival = Arrival { signal, by_kernel: false };
            assert_eq!(meaning(arrival, true, true, || true), Meaning::HandOn, "{signal}");
        }
        let key = Arrival { signal: Signal::INT, by_kernel: true };
        assert_eq!(meaning(key, true, true, || false), Meaning::Nothing);
        assert_eq!(meaning(key, true, false, || false), Meaning::HandOn);
        let death = Arrival { signal: Signal::CHLD, by_kernel: true };
        assert_eq!(meaning(death, true, true, || false), Meaning::Collect);
    }

    #[test]
    fn nothing_arrives_twice() {
        for signal in [Signal::QUIT, Signal::WINCH] {
            assert_eq!(means(signal, true, true, false), Meaning::Nothing, "{signal}");
            assert_eq!(means(signal, true, false, false), Meaning::HandOn, "{signal}");
            assert_eq!(means(signal, false, true, false), Meaning::HandOn, "{signal}");
        }
        assert_eq!(means(Signal::USR1, false, true, false), Meaning::Show);
        assert_eq!(means(Signal::USR2, false, true, false), Meaning::HandOn);
    }
}
