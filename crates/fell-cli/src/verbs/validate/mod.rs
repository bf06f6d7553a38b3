//! `fell validate`.

mod console;
mod github;
mod lines;
mod list;
mod live;
mod machine;
mod overview;
mod shown;
mod source;

use crate::args::ValidateArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use console::Console;
use fell::Signal;
use fell::signals::SignalStream;
use fell_plan::document::ValidateDocument;
use fell_plan::{Broken, Plan, Settings};
use github::Actions;

/// What cancels a plan.
const SERVED: [Signal; 4] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];

/// Runs the steps of a plan, and leaves nothing behind.
///
/// # Errors
///
/// The plan is not sound, or fell itself failed.
pub(crate) fn act(args: &ValidateArgs) -> Result<Exit, Failure> {
    let plan = source::plan(args)?;
    if args.list {
        return list::list(&plan, args);
    }
    if args.dry_run {
        return list::dry_run(&plan, args);
    }
    // Before any thread starts: one that does not block a signal takes it from the stream.
    let signals = SignalStream::block_and_open(&SERVED)
        .map_err(|error| Failure::new(Exit::Failed, format!("signals can't be read: {error}")))?;
    let actions = Actions::new(&plan, args);
    let mut console = Console::new(&plan, args, actions.as_ref());
    let settings = Settings { fail_fast: args.fail_fast && !args.keep_going, signals: Some(&signals) };
    let result = fell_plan::run(&plan, settings, &mut console);
    drop(console);
    finish(&plan, args, result, actions.as_ref())
}

fn finish(
    plan: &Plan,
    args: &ValidateArgs,
    result: Result<ValidateDocument, Broken>,
    actions: Option<&Actions>,
) -> Result<Exit, Failure> {
    let document = match result {
        Ok(document) => document,
        Err(error) => return Err(Failure::of(Exit::Failed, &error).help("see the plan's report table")),
    };
    if let Some(actions) = actions {
        actions.add_summary(&document);
    }
    if args.json {
        output::json(&document, output::JsonLines::One)?;
    }
    tracing::debug!(plan = plan.name, verdict = document.verdict, "over");
    Ok(match document.exit_code {
        Some(0) => Exit::Success,
        _ => Exit::StepFailed,
    })
}
