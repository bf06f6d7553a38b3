//! Whether a service is ready.

use super::wake::Wake;
use crate::output::OutputFile;
use crate::plan::{Sign, Step};
use fell::{Leftovers, Progress, Running, Stream, Supervisor};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::time::Duration;

/// How often a sign is looked for.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one try of a command may take.
const TRY_LIMIT: Duration = Duration::from_secs(5);
/// How much output is read at once.
const PORTION: u64 = 1 << 20;

/// Looks for the sign that a service is ready.
#[derive(Debug)]
pub(super) struct Lookout {
    sign: Sign,
    /// How much of the output has been read.
    read: u64,
    next: Duration,
    limit: Duration,
    deadline: Duration,
}

impl Lookout {
    /// For this service, from now on; `None` for a step, which nobody waits for.
    pub(super) fn new(step: &Step, now: Duration) -> Option<Lookout> {
        let readiness = step.service.as_ref()?;
        let deadline = now.saturating_add(readiness.timeout);
        Some(Lookout { sign: readiness.sign.clone(), read: 0, next: now, limit: readiness.timeout, deadline })
    }

    /// When to look again.
    pub(super) fn due(&self) -> Duration {
        self.next.min(self.deadline)
    }

    /// The limit, if it is reached.
    pub(super) fn has_failed(&self, now: Duration) -> Option<Duration> {
        (now >= self.deadline).then_some(self.limit)
    }

    /// Whether the sign is there.
    pub(super) fn is_ready(
        &mut self,
        step: &Step,
        running: &Running,
        output: &OutputFile,
        wake: &Wake,
        now: Duration,
    ) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now.saturating_add(PAUSE);
        match &self.sign {
            Sign::Started => running.command().is_some(),
            Sign::Log(text) => {
                let text = text.clone();
                self.finds(text.as_bytes(), output)
            }
            Sign::Port(port) => listens(running, *port),
            Sign::Command(command) => {
                let rest = self.deadline.saturating_sub(now).min(TRY_LIMIT);
                succeeds(step, command, wake, rest)
            }
        }
    }

    fn finds(&mut self, text: &[u8], output: &OutputFile) -> bool {
        loop {
            let Ok(bytes) = output.read_from(self.read, PORTION) else { return false };
            if bytes.windows(text.len()).any(|window| window == text) {
                return true;
            }
            // The text may have begun and not yet ended.
            let kept = text.len() - 1;
            let passed = u64::try_from(bytes.len().saturating_sub(kept)).unwrap_or(0);
            self.read += passed;
            if u64::try_from(bytes.len()).unwrap_or(0) < PORTION {
                return false;
            }
        }
    }
}

/// A stranger on the port is not the service.
fn listens(running: &Running, port: u16) -> bool {
    match fell::ports::listeners(port) {
        Ok(found) if found.processes.is_empty() => false,
        Ok(found) => {
            let tree = running.look();
            found.processes.iter().any(|id| tree.rows.iter().any(|row| row.pid() == id.pid))
        }
        Err(error) => {
            tracing::debug!(%error, port, "who listens is not known");
            // No name is looked up: that would bring the resolver, and what it loads, into a static binary.
            let here = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
            std::net::TcpStream::connect(here.as_slice()).is_ok()
        }
    }
}

fn succeeds(step: &Step, command: &[String], wake: &Wake, limit: Duration) -> bool {
    let [program, arguments @ ..] = command else { return false };
    let supervisor = Supervisor::new(program)
        .args(arguments)
        .current_dir(&step.dir)
        .stdin(Stream::Null)
        .stdout(Stream::Null)
        .stderr(Stream::Null)
        .timeout(Some(limit))
        .leftovers(Leftovers::Kill)
        .settle(Duration::ZERO)
        .foreground(Some(false));
    let supervisor = step.env.iter().fold(supervisor, |supervisor, (name, value)| supervisor.env(name, value));
    let tried = supervisor.spawn().and_then(|mut running| running.wait_until(None, Some(wake.as_fd())));
    match tried {
        Ok(Progress::Finished(report)) => report.status.is_some_and(|status| status.success()),
        // Something else is to be done first; dropping the run has ended the try.
        Ok(Progress::Woken | Progress::Elapsed | Progress::EndDue(_)) => false,
        Err(error) => {
            tracing::debug!(%error, "the sign's command");
            false
        }
    }
}
