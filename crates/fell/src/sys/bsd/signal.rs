//! Signals by this system's numbers, some of which are others than Linux'.

use crate::signal::Signal;

const TABLE: [(Signal, libc::c_int); 23] = [
    (Signal::HUP, libc::SIGHUP),
    (Signal::INT, libc::SIGINT),
    (Signal::QUIT, libc::SIGQUIT),
    (Signal::ILL, libc::SIGILL),
    (Signal::TRAP, libc::SIGTRAP),
    (Signal::ABRT, libc::SIGABRT),
    (Signal::BUS, libc::SIGBUS),
    (Signal::FPE, libc::SIGFPE),
    (Signal::KILL, libc::SIGKILL),
    (Signal::USR1, libc::SIGUSR1),
    (Signal::SEGV, libc::SIGSEGV),
    (Signal::USR2, libc::SIGUSR2),
    (Signal::ALRM, libc::SIGALRM),
    (Signal::TERM, libc::SIGTERM),
    (Signal::CHLD, libc::SIGCHLD),
    (Signal::CONT, libc::SIGCONT),
    (Signal::STOP, libc::SIGSTOP),
    (Signal::TSTP, libc::SIGTSTP),
    (Signal::TTIN, libc::SIGTTIN),
    (Signal::TTOU, libc::SIGTTOU),
    (Signal::URG, libc::SIGURG),
    (Signal::WINCH, libc::SIGWINCH),
    (Signal::SYS, libc::SIGSYS),
];

/// This system's number; `None` for a signal that it lacks.
pub(super) fn number(signal: Signal) -> Option<libc::c_int> {
    TABLE.iter().find(|(known, _)| *known == signal).map(|(_, number)| *number)
}

/// The signal of this number.
pub(super) fn of_number(number: libc::c_int) -> Option<Signal> {
    TABLE.iter().find(|(_, known)| *known == number).map(|(signal, _)| *signal)
}
