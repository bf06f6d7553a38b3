//! A run of a step while it goes on: its limits, its signs, and what it is told.

use super::control::{Ears, Word};
use super::idle::Silence;
use super::judge::{Ended, Told, judge};
use super::ready::Lookout;
use super::wake::Wake;
use super::{Task, limit, now, why};
use crate::document::AttemptDocument;
use crate::output::OutputFile;
use crate::verdict::Failure;
use fell::detail::Calendar;
use fell::document::DumpDocument;
use fell::dump::DumpOptions;
use fell::{Cause, Error, Progress, RunReport, Running, Signal};
use std::os::fd::AsFd as _;
use std::time::Duration;

/// How often it is looked whether the command has been forked.
const FORK_PAUSE: Duration = Duration::from_millis(5);

/// A run of a step while it goes on.
pub(super) struct Watch<'a> {
    task: &'a Task<'a>,
    running: Running,
    output: OutputFile,
    began: Duration,
    /// What it means if its time limit is reached.
    limit: Option<Failure>,
    silence: Option<Silence>,
    lookout: Option<Lookout>,
    ready_after: Option<Duration>,
    is_watched: bool,
    /// The command has ended; its leftovers may do so.
    has_ended: bool,
    told: Told,
    at_limit: Option<DumpDocument>,
    left: Option<DumpDocument>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(task: &'a Task<'a>, running: Running, output: OutputFile, began: Duration) -> Watch<'a> {
        let limit = limit(task, began).map(|limit| match task.plan_deadline {
            Some((deadline, whole)) if began.saturating_add(limit) >= deadline => Failure::PlanTimeout(whole),
            _ => Failure::Timeout(limit),
        });
        Watch {
            running,
            output,
            began,
            limit,
            silence: task.step.idle_timeout.map(|limit| Silence::new(limit, began)),
            lookout: Lookout::new(task.step, began),
            ready_after: None,
            is_watched: false,
            has_ended: false,
            told: Told::Nothing,
            at_limit: None,
            left: None,
            task,
        }
    }

    /// Serves the run until it is over.
    pub(super) fn until_finished(
        mut self,
        ears: &Ears,
        on_ready: &dyn Fn(Duration),
        mut document: AttemptDocument,
    ) -> Ended {
        let outcome = self.serve(ears, on_ready);
        let length = self.output.state().map(|(length, _)| length);
        document.output_bytes = length.unwrap_or(0);
        document.ready_after_ms = self.ready_after.map(fell::document::milliseconds);
        document.at_limit = self.at_limit;
        document.left = self.left;
        match outcome {
            Ok(report) => judge(self.task.step, report, self.told, document),
            Err(error @ (Error::NotFound { .. } | Error::NotExecutable { .. })) => {
                Ended::failed(Failure::NotStarted(why(error)), document)
            }
            Err(error) => Ended::failed(Failure::Lost(why(error)), document),
        }
    }

    fn serve(&mut self, ears: &Ears, on_ready: &dyn Fn(Duration)) -> Result<RunReport, Error> {
        let mut wake = Wake::new(ears).map_err(|source| Error::Setup { step: "preparing to be woken", source })?;
        loop {
            let until = self.next_moment();
            match self.running.wait_until(until, Some(wake.as_fd()))? {
                Progress::Finished(report) => return Ok(*report),
                Progress::EndDue(cause) => self.look_before_the_end(cause),
                Progress::Woken | Progress::Elapsed => {}
            }
            while let Some(word) = ears.hear() {
                self.obey(word)?;
            }
            self.note_command(&mut wake);
            if matches!(self.told, Told::Nothing) {
                self.look_after(&wake, on_ready)?;
            }
        }
    }

    /// When something is to be done though nothing happens.
    fn next_moment(&self) -> Option<Duration> {
        if !matches!(self.told, Told::Nothing) {
            return None;
        }
        let fork = (!self.is_watched).then(|| now().saturating_add(FORK_PAUSE));
        if self.has_ended {
            return None;
        }
        let silence = self.silence.as_ref().map(Silence::due);
        let ready = self.lookout.as_ref().map(Lookout::due);
        [fork, silence, ready].into_iter().flatten().min()
    }

    fn note_command(&mut self, wake: &mut Wake) {
        let mut has_ended = false;
        if !self.is_watched
            && let Some(command) = self.running.command()
        {
            self.is_watched = true;
            has_ended = wake.watch(command);
        }
        if has_ended || wake.has_command_ended() {
            self.has_ended = true;
        }
    }

    fn obey(&mut self, word: Word) -> Result<(), Error> {
        match (word, &self.told) {
            (Word::Force, told) => {
                if matches!(told, Told::Nothing) {
                    self.told = Told::Cancelled;
                }
                self.running.force()
            }
            (Word::Retire, Told::Nothing) => {
                self.told = Told::Retired;
                self.running.terminate(Signal::TERM)
            }
            (Word::Cancel, Told::Nothing) => {
                self.told = Told::Cancelled;
                self.running.terminate(Signal::INT)
            }
            (Word::Retire | Word::Cancel, _) => Ok(()),
        }
    }

    fn look_after(&mut self, wake: &Wake, on_ready: &dyn Fn(Duration)) -> Result<(), Error> {
        let now = now();
        if self.has_ended {
            return Ok(());
        }
        if let Some(silence) = &mut self.silence
            && silence.is_reached(&self.output, now)
        {
            let limit = silence.limit();
            return self.end_at(Failure::IdleTimeout(limit));
        }
        if let Some(lookout) = &mut self.lookout {
            if lookout.is_ready(self.task.step, &self.running, &self.output, wake, now) {
                let after = now.saturating_sub(self.began);
                self.lookout = None;
                self.ready_after = Some(after);
                on_ready(after);
            } else if let Some(limit) = lookout.has_failed(now) {
                return self.end_at(Failure::NotReady(limit));
            }
        }
        Ok(())
    }

    /// The engine is about to end the tree.
    fn look_before_the_end(&mut self, cause: Cause) {
        if !matches!(self.told, Told::Nothing) {
            return;
        }
        let tree = self.dump();
        match cause {
            Cause::Exited => self.left = (!tree.processes.is_empty()).then_some(tree),
            _ => {
                self.at_limit = Some(tree);
                if let Some(failure) = self.limit.take() {
                    self.told = Told::Limit(failure);
                }
            }
        }
    }

    fn dump(&self) -> DumpDocument {
        let options = DumpOptions::default().output_to(&self.output.path);
        DumpDocument::new(&self.running.dump(options), &Calendar::now())
    }

    /// Ends the tree at a limit, after a look at how it stands.
    fn end_at(&mut self, failure: Failure) -> Result<(), Error> {
        self.at_limit = Some(self.dump());
        self.told = Told::Limit(failure);
        self.running.terminate(self.task.step.signal)
    }
}
