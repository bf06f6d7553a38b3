//! `fell run COMMAND`.

mod dump;
mod record;
mod serve;
mod verdict;

use crate::args::{Containment, Foreground, LeftoversRule, RunArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, JsonLines};
use fell::detail::Calendar;
use fell::document::RunDocument;
use fell::init::Terminal;
use fell::signals::SignalMask;
use fell::{Cause, Contain, Error, KillPolicy, Leftovers, RunReport, Supervisor};

/// Runs a command so that nothing it started outlives it.
///
/// # Errors
///
/// The command could not be started, or fell itself failed.
pub(crate) fn act(args: &RunArgs) -> Result<Exit, Failure> {
    record::check(&args.report)?;
    // The mask of before: the command shall not inherit that its signals are read elsewhere.
    let mask = SignalMask::current();
    let signals = serve::open()?;
    let terminal = Terminal::remember();
    let supervisor = supervisor(args)?.signal_mask(mask).announce_end(dump::is_wanted(args));
    let mut running = supervisor.spawn().map_err(failure)?;
    // The command has been started, so this costs it nothing.
    fell::abandoned::end_abandoned_runs();
    let mut report = serve::until_finished(&mut running, &signals, args, mask).map_err(failure)?;
    // A command that ended by itself may have meant to change the terminal's modes.
    if report.cause != Cause::Exited
        && let Err(error) = terminal.restore()
    {
        tracing::debug!("the terminal's modes could not be given back: {error}");
    }
    dump::release(&mut report, args);
    let exit = verdict::of(&report, args);
    verdict::tell(&report, args);
    publish(&report, args, exit)
}

fn supervisor(args: &RunArgs) -> Result<Supervisor, Failure> {
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(Failure::new(Exit::Failed, "no command was given"));
    };
    Ok(Supervisor::new(program)
        .args(arguments)
        .timeout(args.timeout)
        .idle_timeout(args.idle_timeout)
        .kill_policy(KillPolicy { signal: args.signal, grace: args.grace, ..KillPolicy::default() })
        .leftovers(match args.leftovers {
            LeftoversRule::Kill => Leftovers::Kill,
            LeftoversRule::Fail => Leftovers::Fail,
            LeftoversRule::Warn => Leftovers::Warn,
            LeftoversRule::Allow => Leftovers::Allow,
        })
        .allow(args.allow.clone())
        .contain(match args.contain {
            Containment::Auto => Contain::Auto,
            Containment::Cgroup => Contain::Cgroup,
            Containment::Reaper => Contain::Reaper,
            Containment::Group => Contain::Group,
            Containment::Pidns => Contain::PidNamespace,
        })
        .foreground(match args.foreground {
            Foreground::Auto => None,
            Foreground::On => Some(true),
            Foreground::Off => Some(false),
        })
        .exclusive(true))
}

fn failure(error: Error) -> Failure {
    let exit = match error {
        Error::NotFound { .. } => Exit::NotFound,
        Error::NotExecutable { .. } => Exit::NotExecutable,
        _ => Exit::Failed,
    };
    let failure = Failure::of(exit, &error);
    match error {
        Error::NotFound { program } if program.contains('/') => failure.help("check the path"),
        Error::NotFound { .. } => failure.help("it is not in PATH"),
        Error::NotExecutable { program, .. } => {
            failure.help(format!("is {program} a program, with the right to execute it?"))
        }
        _ => failure,
    }
}

/// Hands the report to whoever asked for it, and gives the exit code.
fn publish(report: &RunReport, args: &RunArgs, exit: Exit) -> Result<Exit, Failure> {
    if args.report.is_empty() && !args.json {
        return Ok(exit);
    }
    let document = RunDocument::new(report, &Calendar::now(), Some(exit.code()));
    if args.json {
        output::json(&document, JsonLines::One)?;
    }
    match record::write(&document, &args.report) {
        Ok(()) => Ok(exit),
        Err(failure) if exit == Exit::Success => Err(failure),
        Err(failure) => {
            output::say(failure);
            Ok(exit)
        }
    }
}
