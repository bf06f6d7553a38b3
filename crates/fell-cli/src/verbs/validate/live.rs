//! The live view on a terminal: a line for each step that runs, with elapsed time and limit.

use fell_plan::{Event, Plan};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A line for each step that runs.
pub(super) struct Live {
    lines: MultiProgress,
    whole: ProgressBar,
    running: BTreeMap<String, Running>,
}

struct Running {
    line: ProgressBar,
    began: Instant,
    limit: Option<Duration>,
    note: &'static str,
}

impl Live {
    /// How often the lines are drawn anew.
    pub(super) const INTERVAL: Duration = Duration::from_millis(100);

    pub(super) fn new(plan: &Plan) -> Live {
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let steps = u64::try_from(plan.steps.len()).unwrap_or(u64::MAX);
        let whole = lines.add(ProgressBar::new(steps));
        whole.set_style(style("fell: {pos} of {len} over  {elapsed}  {wide_bar:.dim}"));
        Live { lines, whole, running: BTreeMap::new() }
    }

    /// Prints something above the lines.
    pub(super) fn above(&self, print: impl FnOnce()) {
        self.lines.suspend(print);
    }

    /// Takes an event in.
    pub(super) fn tell(&mut self, event: Event<'_>) {
        match event {
            Event::Started { step, attempt, service, limit, .. } => {
                let line = self.lines.insert_before(&self.whole, ProgressBar::new_spinner());
                line.set_style(style("fell: {spinner} {prefix}: {msg}"));
                line.set_prefix(String::from(step));
                let note = match (service, attempt) {
                    (true, _) => ", starting",
                    (false, 1) => "",
                    (false, _) => ", again",
                };
                let running = Running { line, began: Instant::now(), limit, note };
                running.draw();
                self.close_line(step);
                self.running.insert(String::from(step), running);
            }
            Event::Ready { step, .. } => {
                if let Some(running) = self.running.get_mut(step) {
                    running.note = ", ready";
                }
            }
            Event::Retrying { step, .. } => self.close_line(&step.name),
            Event::Over { step } => {
                self.close_line(&step.name);
                self.whole.inc(1);
            }
            Event::Output { .. } | Event::Cancelling { .. } | Event::TimedOut { .. } | Event::Finished { .. } => {}
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self) {
        for running in self.running.values() {
            running.draw();
        }
        self.whole.tick();
    }

    /// Takes all lines away.
    pub(super) fn close(self) {
        for running in self.running.values() {
            running.line.finish_and_clear();
        }
        self.whole.finish_and_clear();
    }

    fn close_line(&mut self, step: &str) {
        if let Some(running) = self.running.remove(step) {
            running.line.finish_and_clear();
        }
    }
}

impl Running {
    fn draw(&self) {
        let elapsed = humantime::format_duration(Duration::from_secs(self.began.elapsed().as_secs()));
        let limit = self.limit.map(|limit| humantime::format_duration(Duration::from_secs(limit.as_secs().max(1))));
        self.line.set_message(match limit {
            Some(limit) => format!("{elapsed} of {limit}{}", self.note),
            None => format!("{elapsed}{}", self.note),
        });
        self.line.tick();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
