//! Processes that clean up when TERM comes, and so prove that grace was kept.

use super::daemons::daemonised;
use super::stubborn::when_stopped;
use crate::crew::Crew;
use crate::signals;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

/// How long cleaning up takes.
const WORK: Duration = Duration::from_millis(100);

pub(crate) fn graceful(crew: &'static Crew) {
    signals::hold_term();
    crew.ready();
    clean_up(crew);
}

fn clean_up(crew: &Crew) {
    signals::wait_for_term();
    signals::rest(WORK);
    if let Some(path) = &crew.options.file {
        let written =
            File::options().append(true).create(true).open(path).and_then(|mut file| file.write_all(b"cleaned\n"));
        if let Err(error) = written {
            crew.fail(error);
        }
    }
    crew.ledger.report_cleaned();
}

pub(crate) fn tree(crew: &'static Crew) {
    for _ in 0..crew.count() {
        crew.must_fork("graceful child", graceful);
    }
    graceful(crew);
}

pub(crate) fn daemon(crew: &'static Crew) {
    daemonised(crew, graceful);
    crew.settle();
}

pub(crate) fn stopped(crew: &'static Crew) {
    let child = crew.must_fork("stopped", |crew| {
        signals::hold_term();
        signals::stop();
        clean_up(crew);
    });
    when_stopped(crew, child);
    crew.settle();
}
