//! A tiny program with one trick, to be killed.
//!
//! ```text
//! fell-victim TRICK [--ledger FILE] [--ready FILE|FD] [--count N] [--limit-ms MS] [--pace-us US]
//!             [--budget N] [--file FILE] [--cgroup DIR]... [--leave]
//! fell-victim --list
//! ```
//!
//! Exit code 77 says that the trick is impossible here, 64 that the command line is wrong.

mod crew;
mod deadline;
mod options;
mod signals;
mod tricks;

use crew::Crew;
use fell_testkit::Trick;
use options::Options;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--list") {
        for trick in Trick::ALL {
            println!("{trick:28} {}", trick.about());
        }
        return;
    }
    let options = Options::parse(std::env::args_os()).unwrap_or_else(|error| {
        eprintln!("fell-victim: {error}");
        std::process::exit(64);
    });
    // Leaked on purpose: dropping the ledger would close a descriptor of it, and with that all locks.
    let crew: &'static Crew = Box::leak(Box::new(Crew::join(options)));
    tricks::play(crew);
    crew.leave();
}
