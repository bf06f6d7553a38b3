//! Which step runs when: a state machine without processes and without a clock.

mod state;

pub use state::{Reason, State, Verdict};

use std::time::Duration;

/// What the scheduler must know of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// The steps that it needs, as positions; without a ring.
    pub needs: Vec<usize>,
    /// Whether it lives until no step that needs it is left.
    pub service: bool,
    /// Whether it runs whatever happened before.
    pub always: bool,
    /// How often it may be tried again.
    pub retries: u32,
    /// Whether success at a later attempt lets the steps that need it run.
    pub flaky_fails: bool,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start this attempt, from 1.
    Start {
        /// The step.
        step: usize,
        /// Which attempt.
        attempt: u32,
    },
    /// End this service: nobody needs it any more.
    Retire(usize),
    /// End this step: the plan is cancelled.
    Cancel(usize),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It succeeded.
    Passed,
    /// It failed.
    Failed {
        /// Whether such a failure is one to be tried again for.
        retry: bool,
        /// How long to wait before that.
        delay: Duration,
    },
    /// It was ended because the plan was.
    Cancelled,
}

/// Why no more steps start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked for it. What runs is ended too.
    Cancelled,
    /// The plan reached its time limit. What runs ends by it.
    PlanTimeout,
    /// Somebody asked for it again: not even what runs whatever happened goes on.
    Forced,
}

/// Decides which step runs when. Time comes in as an argument.
#[derive(Debug, Clone)]
pub struct Scheduler {
    nodes: Vec<Node>,
    states: Vec<State>,
    jobs: usize,
    fail_fast: bool,
    stop: Option<Stop>,
    /// Whether each is a service that an always step needs, be it through other services.
    serves_always: Vec<bool>,
}

impl Scheduler {
    /// A plan at its beginning: `jobs` steps at once, services not counted.
    pub fn new(nodes: Vec<Node>, jobs: usize, fail_fast: bool) -> Scheduler {
        let states = vec![State::Waiting; nodes.len()];
        let serves_always = serving_always(&nodes);
        Scheduler { nodes, states, jobs: jobs.max(1), fail_fast, stop: None, serves_always }
    }

    /// Where each step is.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Whether every step has its verdict.
    pub fn is_over(&self) -> bool {
        self.states.iter().all(|state| matches!(state, State::Over(_)))
    }

    /// Why no more steps start, if that is so.
    pub fn stopped(&self) -> Option<Stop> {
        self.stop
    }

    /// When something is to be done though nothing happens: a retry is due.
    pub fn next_moment(&self) -> Option<Duration> {
        let due = |state: &State| match state {
            State::BackingOff { until, .. } => Some(*until),
            _ => None,
        };
        self.states.iter().filter_map(due).min()
    }

    /// A service is ready.
    pub fn ready(&mut self, step: usize) {
        if let State::Running { attempt } = self.states[step] {
            self.states[step] = State::Ready { attempt };
        }
    }

    /// No more steps start, but for those that run whatever happened.
    pub fn stop(&mut self, stop: Stop) {
        self.stop = match (self.stop, stop) {
            (Some(Stop::Forced), _) => Some(Stop::Forced),
            (Some(Stop::Cancelled), Stop::PlanTimeout) => Some(Stop::Cancelled),
            (_, stop) => Some(stop),
        };
    }

    /// An attempt has ended.
    pub fn ended(&mut self, step: usize, end: End, now: Duration) {
        let (attempt, was_ready, told_to_end) = match self.states[step] {
            State::Running { attempt } => (attempt, false, None),
            State::Ready { attempt } => (attempt, true, None),
            State::Ending { attempt, cancelled } => (attempt, true, Some(cancelled)),
            State::Waiting | State::BackingOff { .. } | State::Over(_) => return,
        };
        let is_last = attempt > self.nodes[step].retries || was_ready || self.is_stopped_for(step);
        self.states[step] = match (end, told_to_end) {
            (End::Cancelled, _) => State::Over(Verdict::Cancelled),
            (End::Passed, _) if attempt > 1 => State::Over(Verdict::Flaky),
            (End::Passed, _) => State::Over(Verdict::Passed),
            (End::Failed { retry: true, delay }, None) if !is_last => {
                State::BackingOff { attempts: attempt, until: now.saturating_add(delay) }
            }
            (End::Failed { .. }, _) => State::Over(Verdict::Failed),
        };
    }

    /// What is to be done now.
    pub fn next(&mut self, now: Duration) -> Vec<Order> {
        let mut orders = Vec::new();
        self.skip_in_vain();
        self.end_unneeded(&mut orders);
        let mut free = self.jobs.saturating_sub(self.busy());
        for step in 0..self.nodes.len() {
            let service = self.nodes[step].service;
            if free == 0 && !service {
                continue;
            }
            let attempt = match self.states[step] {
                State::Waiting if self.may_start(step) => 1,
                State::BackingOff { attempts, until } if now >= until => attempts + 1,
                _ => continue,
            };
            self.states[step] = State::Running { attempt };
            orders.push(Order::Start { step, attempt });
            if !service {
                free -= 1;
            }
        }
        orders
    }

    /// How many steps run, services not counted.
    fn busy(&self) -> usize {
        let runs = |(node, state): &(&Node, &State)| !node.service && state.is_live();
        self.nodes.iter().zip(&self.states).filter(runs).count()
    }

    fn is_stopped_for(&self, step: usize) -> bool {
        self.stop == Some(Stop::Forced) || !self.nodes[step].always && (self.stop.is_some() || self.has_failed_fast())
    }

    fn has_failed_fast(&self) -> bool {
        let failed = |(node, state): (&Node, &State)| match state {
            State::Over(Verdict::Failed) => true,
            State::Over(Verdict::Flaky) => node.flaky_fails,
            _ => false,
        };
        self.fail_fast && self.nodes.iter().zip(&self.states).any(failed)
    }

    /// Gives a verdict to each step that will never run, until that decides no other.
    fn skip_in_vain(&mut self) {
        loop {
            let mut has_changed = false;
            for step in 0..self.nodes.len() {
                if let Some(verdict) = self.verdict_in_vain(step) {
                    self.states[step] = State::Over(verdict);
                    has_changed = true;
                }
            }
            if !has_changed {
                return;
            }
        }
    }

    fn verdict_in_vain(&self, step: usize) -> Option<Verdict> {
        let state = self.states[step];
        let node = &self.nodes[step];
        // A step that failed and was to be tried again has failed.
        let skipped = |reason| match state {
            State::BackingOff { .. } => Verdict::Failed,
            _ => Verdict::Skipped(reason),
        };
        if !matches!(state, State::Waiting | State::BackingOff { .. }) {
            return None;
        }
        if node.always {
            return (self.stop == Some(Stop::Forced)).then(|| skipped(Reason::Cancelled));
        }
        match self.stop {
            Some(Stop::Cancelled | Stop::Forced) => return Some(skipped(Reason::Cancelled)),
            Some(Stop::PlanTimeout) => return Some(skipped(Reason::PlanTimeout)),
            None if self.has_failed_fast() => return Some(skipped(Reason::FailFast)),
            None => {}
        }
        if let Some(need) = node.needs.iter().find(|need| self.is_in_vain(**need)) {
            return Some(skipped(Reason::Need(*need)));
        }
        let mut dependents = self.dependents(step).peekable();
        let has_dependents = dependents.peek().is_some();
        (node.service && has_dependents && dependents.all(|other| self.is_settled(other)))
            .then(|| skipped(Reason::Unneeded))
    }

    fn dependents(&self, step: usize) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(move |other| self.nodes[*other].needs.contains(&step))
    }

    fn is_settled(&self, step: usize) -> bool {
        matches!(self.states[step], State::Over(_))
    }

    /// Whether what needs this step can't run any more. A service that is over serves nobody.
    fn is_in_vain(&self, need: usize) -> bool {
        match self.states[need] {
            State::Over(Verdict::Passed) => self.nodes[need].service,
            State::Over(Verdict::Flaky) => self.nodes[need].service || self.nodes[need].flaky_fails,
            State::Over(_) => true,
            State::Ending { .. } => self.nodes[need].service,
            _ => false,
        }
    }

    fn may_start(&self, step: usize) -> bool {
        let node = &self.nodes[step];
        if !node.always {
            let fulfilled = |need: &usize| match self.states[*need] {
                State::Ready { .. } => true,
                state => matches!(state, State::Over(_)) && !self.is_in_vain(*need),
            };
            return node.needs.iter().all(fulfilled);
        }
        let is_past = |need: usize| matches!(self.states[need], State::Ready { .. } | State::Over(_));
        if !node.needs.is_empty() {
            return node.needs.iter().all(|need| is_past(*need));
        }
        // After all other steps; a service that an always step needs may go on.
        (0..self.nodes.len())
            .filter(|other| !self.nodes[*other].always)
            .all(|other| if self.serves_always[other] { is_past(other) } else { self.is_settled(other) })
    }

    /// Ends services that nobody needs, and after a cancellation what is not to run on.
    fn end_unneeded(&mut self, orders: &mut Vec<Order>) {
        for step in 0..self.nodes.len() {
            let node = &self.nodes[step];
            let (attempt, is_ready) = match self.states[step] {
                State::Running { attempt } => (attempt, false),
                State::Ready { attempt } => (attempt, true),
                _ => continue,
            };
            let has_dependents = self.dependents(step).next().is_some();
            let has_served = is_ready || has_dependents || self.stop.is_some();
            let is_unneeded = node.service && has_served && self.dependents(step).all(|other| self.is_settled(other));
            let cancelled = match self.stop {
                Some(Stop::Forced) => true,
                Some(Stop::Cancelled) => !node.always && !self.serves_always[step],
                Some(Stop::PlanTimeout) | None => false,
            };
            if is_unneeded && (is_ready || !cancelled) {
                self.states[step] = State::Ending { attempt, cancelled: false };
                orders.push(Order::Retire(step));
            } else if cancelled {
                self.states[step] = State::Ending { attempt, cancelled: true };
                orders.push(Order::Cancel(step));
            }
        }
    }
}

/// Which services an always step needs, be it through other services.
fn serving_always(nodes: &[Node]) -> Vec<bool> {
    let mut serving = vec![false; nodes.len()];
    let mut open: Vec<usize> = (0..nodes.len()).filter(|index| nodes[*index].always).collect();
    while let Some(index) = open.pop() {
        for need in &nodes[index].needs {
            if nodes[*need].service && !serving[*need] {
                serving[*need] = true;
                open.push(*need);
            }
        }
    }
    serving
}
