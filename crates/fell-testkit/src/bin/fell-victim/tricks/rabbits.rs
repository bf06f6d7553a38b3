//! Processes that are somebody else whenever one looks.

use super::daemons::reap;
use super::groups::new_session;
use crate::crew::Crew;
use crate::signals;
use std::time::Duration;

/// Forks a successor and exits, until the budget is spent; then it stays.
pub(crate) fn rabbit(crew: &'static Crew, sessions: bool) -> ! {
    loop {
        crew.ready();
        crew.rest();
        if !crew.hop("rabbit") {
            signals::idle();
        }
        if sessions {
            new_session(crew);
        }
    }
}

pub(crate) fn below_root(crew: &'static Crew, count: u32, sessions: bool) {
    for _ in 0..count {
        crew.must_fork("rabbit", move |crew| rabbit(crew, sessions));
    }
    crew.settle();
}

/// Plain until TERM comes, which stays blocked in all successors.
pub(crate) fn on_term(crew: &'static Crew) {
    signals::hold_term();
    crew.ready();
    signals::wait_for_term();
    rabbit(crew, false);
}

pub(crate) fn churn(crew: &'static Crew) {
    for _ in 0..crew.count() {
        crew.must_fork("worker", |crew| {
            let mut first = true;
            while let Some(job) = crew.fork("job", Crew::rest) {
                reap(crew, job);
                if std::mem::take(&mut first) {
                    crew.ready();
                }
            }
            signals::idle();
        });
    }
    crew.settle();
}

pub(crate) fn late_daemons(crew: &'static Crew) {
    loop {
        let middle = crew.fork("middle", |crew| {
            new_session(crew);
            crew.fork("late daemon", |crew| crew.settle());
        });
        let Some(middle) = middle else { signals::idle() };
        reap(crew, middle);
        signals::rest(Duration::from_millis(10));
    }
}
