//! `fell zombies --watch D`.

use super::{exit, look, show};
use crate::args::ZombiesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, JsonLines};
use fell::Signal;
use fell::document::ZombiesDocument;
use fell::signals::SignalStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::time::{Duration, SystemTime};

/// Looks again and again, until it is interrupted; ends as the last look would have.
///
/// # Errors
///
/// stdout can't be written to, or signals can't be read.
pub(super) fn act(args: &ZombiesArgs, interval: Duration) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("signals can't be read: {error}"));
    let signals = SignalStream::block_and_open(&[Signal::INT, Signal::TERM, Signal::HUP]).map_err(failed)?;
    let interval = Timespec::try_from(interval).map_err(|_| {
        Failure::new(Exit::Usage, "--watch: longer than any clock runs").help("expected a duration such as 10s")
    })?;
    loop {
        let document = ZombiesDocument::new(&look(args));
        if !args.json && !args.common.quiet {
            output::say(humantime::format_rfc3339_seconds(SystemTime::now()));
        }
        show(args, &document, JsonLines::One)?;
        let arrived = poll(&mut [PollFd::new(&signals, PollFlags::IN)], Some(&interval));
        match arrived.map_err(|errno| failed(errno.into())) {
            Ok(0) => {}
            Ok(_) => return Ok(exit(&document)),
            Err(failure) => return Err(failure),
        }
    }
}
