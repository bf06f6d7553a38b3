//! The course of a plan.

use super::Broken;
use super::follow::Outputs;
use super::place::Place;
use super::record::Record;
use crate::attempt::{self, Ended, Task, Voice, Word, attempt, now};
use crate::document::ValidateDocument;
use crate::event::{Audience, Event};
use crate::output::OutputFile;
use crate::plan::{Plan, Step};
use crate::report::{Unwritten, prepare, publish};
use crate::schedule::{End, Node, Order, Scheduler, State, Stop};
use fell::Signal;
use fell::signals::{SignalMask, SignalStream};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd as _, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Scope;
use std::time::Duration;

/// How a plan is to be run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// Whether no more steps start once one has failed.
    pub fail_fast: bool,
    /// The signals that cancel the plan: the first in grace, the second by force. Others are not read from it.
    pub signals: Option<&'a SignalStream>,
}

/// Runs a plan to its end.
///
/// Starts one thread for each step that runs.
///
/// # Errors
///
/// Nothing was run because a report or the steps' output can't be written; or, after all, because a report could not
/// be written any more.
pub fn run(plan: &Plan, settings: Settings<'_>, audience: &mut dyn Audience) -> Result<ValidateDocument, Broken> {
    prepare(&plan.reports)?;
    let place = Place::new(plan)?;
    let mut record = Record::new(plan);
    publish(&plan.reports, &record.document)?;
    let (ears, bell) = {
        use rustix::pipe::{PipeFlags, pipe_with};
        pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|error| Broken::Setup { what: "making a pipe", source: error.into() })?
    };
    let (sender, news) = channel();
    let scheduler = Scheduler::new(plan.steps.iter().map(node).collect(), plan.jobs, settings.fail_fast);
    let began = now();
    std::thread::scope(|scope| {
        let mut course = Course {
            plan,
            settings,
            audience: &mut *audience,
            scheduler,
            record: &mut record,
            place: &place,
            deadline: plan.timeout.map(|limit| began.saturating_add(limit)),
            voices: plan.steps.iter().map(|_| None).collect(),
            outputs: Outputs::new(plan.steps.len()),
            requests: 0,
            sender,
            bell: &bell,
            unwritten: None,
        };
        let result = course.until_over(scope, &news, &ears);
        if result.is_err() {
            course.force_all();
        }
        match (result, course.unwritten.take()) {
            (Ok(()), Some(unwritten)) => Err(Broken::from(unwritten)),
            (result, _) => result,
        }
    })?;
    if record.document.exit_code != Some(0) {
        place.keep();
    }
    Ok(record.document)
}

fn node(step: &Step) -> Node {
    Node {
        needs: step.needs.clone(),
        service: step.service.is_some(),
        always: step.always,
        retries: step.retries.count,
        flaky_fails: step.flaky_fails,
    }
}

/// What a step's thread has to say.
enum News {
    Ready(usize, Duration),
    Ended(usize, Box<Ended>),
}

/// Where a thread's news go, and the bell that says so.
#[derive(Clone)]
struct Post<'a> {
    sender: Sender<News>,
    bell: &'a OwnedFd,
}

impl Post<'_> {
    fn send(&self, news: News) {
        if self.sender.send(news).is_ok()
            && let Err(error) = rustix::io::write(self.bell, &[1])
        {
            // A full pipe has rung already.
            tracing::trace!(%error, "bell");
        }
    }
}

struct Course<'a> {
    plan: &'a Plan,
    settings: Settings<'a>,
    audience: &'a mut dyn Audience,
    scheduler: Scheduler,
    record: &'a mut Record,
    place: &'a Place,
    deadline: Option<Duration>,
    /// By which each step that runs is told to end.
    voices: Vec<Option<Voice>>,
    /// Whose output is told as it is written.
    outputs: Outputs,
    /// How often somebody asked for the end.
    requests: u32,
    sender: Sender<News>,
    bell: &'a OwnedFd,
    unwritten: Option<Unwritten>,
}

impl<'a> Course<'a> {
    fn until_over<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, 'a>,
        news: &Receiver<News>,
        ears: &OwnedFd,
    ) -> Result<(), Broken> {
        loop {
            for order in self.scheduler.next(now()) {
                self.follow(order, scope)?;
            }
            self.tell_verdicts();
            if self.scheduler.is_over() {
                break;
            }
            self.wait(ears)?;
            self.hear_signals()?;
            self.look_at_clock();
            self.outputs.tell(self.plan, self.audience);
            while let Ok(news) = news.try_recv() {
                self.take_in(news);
            }
        }
        let zombies = fell::zombie::zombies().list.iter().filter(|zombie| zombie.is_ours).count();
        self.record.finish(&self.scheduler, zombies);
        self.publish();
        self.audience.tell(Event::Finished { report: &self.record.document });
        Ok(())
    }

    fn follow<'scope>(&mut self, order: Order, scope: &'scope Scope<'scope, 'a>) -> Result<(), Broken> {
        match order {
            Order::Start { step, attempt } => self.start(step, attempt, scope),
            Order::Retire(step) => {
                self.say(step, Word::Retire);
                Ok(())
            }
            Order::Cancel(step) => {
                self.say(step, Word::Cancel);
                Ok(())
            }
        }
    }

    fn start<'scope>(&mut self, index: usize, number: u32, scope: &'scope Scope<'scope, 'a>) -> Result<(), Broken> {
        let failed = |what| move |source| Broken::Setup { what, source };
        let (voice, ears) = attempt::line().map_err(failed("making a pipe"))?;
        let step = &self.plan.steps[index];
        let own_limit = match (step.always, self.plan.timeout) {
            // What runs whatever happened has the plan's time once more, not what is left of it.
            (true, Some(whole)) => Some(step.timeout.map_or(whole, |own| own.min(whole))),
            _ => step.timeout,
        };
        let counts_for_plan = !step.always && step.service.is_none();
        let plan_deadline = self.deadline.filter(|_| counts_for_plan).zip(self.plan.timeout);
        let mask: Option<SignalMask> = self.settings.signals.map(SignalStream::former_mask);
        let outputs = self.place.path();
        let post = Post { sender: self.sender.clone(), bell: self.bell };
        let limited = Step { timeout: own_limit, ..step.clone() };
        let limit = own_limit.or(self.plan.timeout.filter(|_| counts_for_plan));
        if self.audience.wants_output() {
            // Before it starts: what is found there is of this attempt. If an older file stays, the attempt will say why.
            self.outputs.begin(index, OutputFile::clear(outputs, &step.name, number).ok());
        }
        std::thread::Builder::new()
            .name(step.name.clone())
            .spawn_scoped(scope, move || {
                let task = Task { step: &limited, number, outputs, plan_deadline, mask };
                let on_ready = |after| post.send(News::Ready(index, after));
                let ended = attempt(&task, &ears, &on_ready);
                post.send(News::Ended(index, Box::new(ended)));
            })
            .map_err(failed("starting a thread"))?;
        self.voices[index] = Some(voice);
        self.audience.tell(Event::Started {
            step: &step.name,
            attempt: number,
            attempts: step.retries.count + 1,
            service: step.service.is_some(),
            limit,
        });
        Ok(())
    }

    fn say(&self, step: usize, word: Word) {
        if let Some(voice) = &self.voices[step] {
            voice.say(word);
        }
    }

    fn force_all(&self) {
        for step in 0..self.voices.len() {
            self.say(step, Word::Force);
        }
    }

    /// Waits until something happens.
    fn wait(&mut self, ears: &OwnedFd) -> Result<(), Broken> {
        let moments = [self.deadline.filter(|_| self.scheduler.stopped().is_none()), self.scheduler.next_moment()];
        let until = moments.into_iter().flatten().min().map(|moment| moment.saturating_sub(now()));
        let interval = self.audience.interval();
        let timeout = [until, interval].into_iter().flatten().min();
        let timeout = timeout.map(|time| rustix::event::Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let mut fds = vec![PollFd::new(ears, PollFlags::IN)];
        if let Some(signals) = self.settings.signals {
            fds.push(PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN));
        }
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Broken::Setup { what: "waiting", source: error.into() }),
        }
        let mut rings = [0_u8; 256];
        while rustix::io::read(ears, &mut rings).is_ok_and(|length| length == rings.len()) {}
        if interval.is_some() {
            self.audience.tick();
        }
        Ok(())
    }

    fn hear_signals(&mut self) -> Result<(), Broken> {
        let Some(signals) = self.settings.signals else { return Ok(()) };
        while let Some(arrival) = signals.next().map_err(|source| Broken::Setup { what: "reading signals", source })? {
            self.cancel(arrival.signal);
        }
        Ok(())
    }

    fn cancel(&mut self, signal: Signal) {
        self.requests = self.requests.saturating_add(1);
        let force = self.requests > 1;
        self.record.cancelled(signal);
        self.audience.tell(Event::Cancelling { signal, force });
        if force {
            self.scheduler.stop(Stop::Forced);
            self.force_all();
        } else {
            self.scheduler.stop(Stop::Cancelled);
        }
    }

    fn look_at_clock(&mut self) {
        let is_reached = self.deadline.is_some_and(|deadline| now() >= deadline);
        if let (true, None, Some(limit)) = (is_reached, self.scheduler.stopped(), self.plan.timeout) {
            self.scheduler.stop(Stop::PlanTimeout);
            self.record.document.timed_out = true;
            self.audience.tell(Event::TimedOut { limit });
        }
    }

    fn take_in(&mut self, news: News) {
        match news {
            News::Ready(step, after) => {
                self.scheduler.ready(step);
                self.audience.tell(Event::Ready { step: &self.plan.steps[step].name, after });
            }
            News::Ended(step, ended) => self.ended(step, *ended),
        }
    }

    fn ended(&mut self, index: usize, ended: Ended) {
        self.voices[index] = None;
        let step = &self.plan.steps[index];
        self.outputs.end(index, &step.name, ended.document.output_bytes, self.audience);
        let number = ended.document.number;
        let end = match &ended.result {
            attempt::Result::Passed => End::Passed,
            attempt::Result::Cancelled => End::Cancelled,
            attempt::Result::Failed(failure) => {
                End::Failed { retry: failure.meets(&step.retries.on), delay: step.retries.delay_after(number) }
            }
        };
        self.scheduler.ended(index, end, now());
        self.record.attempt(index, ended.document);
        if let State::BackingOff { .. } = self.scheduler.states()[index] {
            let document = &self.record.document.steps[index];
            if let Some(attempt) = document.attempts.last() {
                let delay = step.retries.delay_after(number);
                self.audience.tell(Event::Retrying { step: document, attempt, delay });
            }
        }
        // After every attempt: who kills this process now finds all that had ended.
        if !self.tell_verdicts() {
            self.publish();
        }
    }

    /// Tells of the steps that have got their verdict, and writes the reports; `false` if there are none.
    fn tell_verdicts(&mut self) -> bool {
        let over = self.record.update(&self.scheduler, self.plan);
        // Written first: what was told is in the reports, whenever this process is killed.
        if !over.is_empty() {
            self.publish();
        }
        for index in &over {
            self.audience.tell(Event::Over { step: &self.record.document.steps[*index] });
        }
        !over.is_empty()
    }

    /// Writes the reports. The first that can't be written is remembered, for the end.
    fn publish(&mut self) {
        if let Err(error) = publish(&self.plan.reports, &self.record.document) {
            tracing::warn!(%error, "report");
            self.unwritten.get_or_insert(error);
        }
    }
}
