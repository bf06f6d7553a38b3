//! Who is told what happens: the terminal or a log, GitHub Actions, and a program that reads events.

use super::github::Actions;
use super::live::Live;
use super::{lines, machine, overview, shown};
use crate::args::{ShownOutput, ValidateArgs};
use crate::output::{self, Colour};
use fell_plan::document::StepDocument;
use fell_plan::{Audience, Event, Plan};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

/// How often it is looked whether a step has written something.
const OUTPUT_INTERVAL: Duration = Duration::from_millis(200);

/// Everybody who is told what happens.
pub(super) struct Console<'a> {
    live: Option<Live>,
    actions: Option<&'a Actions>,
    json: bool,
    quiet: bool,
    colour: Colour,
    output: ShownOutput,
    /// Whether two may write at the same time.
    is_shared: bool,
    plan: Option<PathBuf>,
}

impl<'a> Console<'a> {
    pub(super) fn new(plan: &Plan, args: &ValidateArgs, actions: Option<&'a Actions>) -> Console<'a> {
        let is_live = std::io::stderr().is_terminal() && !args.common.quiet && args.common.verbose == 0;
        Console {
            live: (is_live && actions.is_none()).then(|| Live::new(plan)),
            actions,
            json: args.json,
            quiet: args.common.quiet,
            colour: output::choose_for_stderr(args.common.color),
            output: args.output.unwrap_or_default(),
            is_shared: plan.jobs > 1 || plan.steps.iter().any(|step| step.service.is_some()),
            plan: args.plan.clone(),
        }
    }

    /// A line that stays.
    fn say(&self, what: &str) {
        match &self.live {
            Some(live) => live.above(|| output::say_coloured(what)),
            None => output::say_coloured(what),
        }
    }

    fn over(&self, step: &StepDocument) {
        let is_bad = step.ok == Some(false);
        if !self.quiet || is_bad {
            self.say(&lines::over(step, self.colour));
        }
        if is_bad && step.verdict != "skipped" && step.verdict != "cancelled" {
            for line in step.attempts.last().map(lines::details).unwrap_or_default() {
                self.say(&line);
            }
            self.tail(step);
            self.say(&lines::again(step, self.plan.as_deref()));
        } else if !self.quiet {
            for line in lines::warnings(step) {
                self.say(&line);
            }
            if self.output == ShownOutput::Tail {
                self.tail(step);
            }
        }
    }

    /// The end of a step's output, if it was not shown already.
    fn tail(&self, step: &StepDocument) {
        let Some(attempt) = step.attempts.last().filter(|_| self.output != ShownOutput::Live) else { return };
        let (text, title) = shown::tail(attempt);
        match (&self.live, self.actions) {
            (_, Some(_)) if text.is_empty() => {}
            (_, Some(actions)) => actions.output(&step.name, &title, &text),
            (Some(live), None) => live.above(|| shown::print(&step.name, &title, &text)),
            (None, None) => shown::print(&step.name, &title, &text),
        }
    }

    /// What a step has just written.
    fn written(&self, step: &str, text: &[u8]) {
        let step = self.is_shared.then_some(step);
        match (&self.live, self.actions) {
            (_, Some(actions)) => actions.output_live(step, text),
            (Some(live), None) => live.above(|| shown::print_live(step, text)),
            (None, None) => shown::print_live(step, text),
        }
    }
}

impl Audience for Console<'_> {
    fn tell(&mut self, event: Event<'_>) {
        if self.json {
            machine::tell(event);
        }
        if let Some(live) = &mut self.live {
            live.tell(event);
        }
        match event {
            // The live view shows what runs.
            Event::Started { .. } if self.live.is_some() || self.quiet => {}
            Event::Ready { .. } if self.quiet => {}
            Event::Output { step, text } => self.written(step, text),
            Event::Over { step } => {
                self.over(step);
                if let Some(actions) = self.actions.filter(|_| step.ok == Some(false)) {
                    actions.annotate(step);
                }
            }
            Event::Finished { report } => {
                if let Some(live) = self.live.take() {
                    live.close();
                }
                if !self.quiet {
                    output::say_coloured(&overview::table(report, self.colour));
                }
                if !self.quiet || report.exit_code != Some(0) {
                    output::say(overview::summary(report));
                }
            }
            Event::Retrying { attempt, .. } if self.quiet => {
                tracing::debug!(attempt = attempt.number, "retrying");
            }
            event => {
                if let Some(line) = lines::line(event) {
                    self.say(&line);
                }
            }
        }
    }

    fn interval(&self) -> Option<Duration> {
        let live = self.live.as_ref().map(|_| Live::INTERVAL);
        live.or(self.wants_output().then_some(OUTPUT_INTERVAL))
    }

    fn wants_output(&self) -> bool {
        self.output == ShownOutput::Live
    }

    fn tick(&mut self) {
        if let Some(live) = &mut self.live {
            live.tick();
        }
    }
}
