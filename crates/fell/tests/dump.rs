//! The dump names the cause: real processes that hang, each in its own way.

use fell::detail::Calendar;
use fell::document::{DumpDocument, DumpedProcess};
use fell::dump::{Dump, DumpOptions, dump};
use fell::released::Claims;
use fell::{Cause, KillPolicy, Pid, ProcessId, Progress, Running, Stream, Supervisor, look_at};
use fell_testkit::{Trick, Victim};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

/// Everything that is started here ends by then.
const SELF_LIMIT: Duration = Duration::from_secs(60);
/// How long a shell may take to get to where it hangs, on a loaded machine.
const LONG: Duration = Duration::from_secs(30);

fn run(script: &str, words: &[&str]) -> Supervisor {
    Supervisor::new("sh")
        .args(["-c", script, "sh"])
        .args(words)
        .stdin(Stream::Null)
        .timeout(Some(SELF_LIMIT))
        .kill_policy(KillPolicy { grace: Duration::from_millis(200), ..KillPolicy::default() })
}

/// Serves the run until its command has been started.
fn started(mut running: Running) -> Running {
    while running.command().is_none() {
        let soon = Calendar::now().now + Duration::from_millis(5);
        assert!(!matches!(running.wait_until(Some(soon), None).unwrap(), Progress::Finished(_)), "it has ended");
    }
    running
}

/// Looks until the dump shows what is waited for.
fn await_dump(running: &mut Running, is_it: impl Fn(&DumpDocument) -> bool) -> DumpDocument {
    let began = Instant::now();
    loop {
        let document = document(&running.dump(DumpOptions::default()));
        if is_it(&document) {
            return document;
        }
        assert!(began.elapsed() < LONG, "never seen: {:#?}", document.lines());
        let soon = Calendar::now().now + Duration::from_millis(10);
        assert!(!matches!(running.wait_until(Some(soon), None).unwrap(), Progress::Finished(_)), "it has ended");
    }
}

fn document(dump: &Dump) -> DumpDocument {
    DumpDocument::new(dump, &Calendar::now())
}

fn says(dumped: &DumpedProcess, what: &str) -> bool {
    dumped.why.iter().any(|why| why.contains(what))
}

/// Whether somebody's reason holds this.
fn told(document: &DumpDocument, what: &str) -> bool {
    document.processes.iter().any(|dumped| says(dumped, what))
}

fn pids_of(document: &DumpDocument, name: &str) -> Vec<u32> {
    let mut pids: Vec<u32> = document
        .processes
        .iter()
        .filter(|dumped| dumped.process.name == name)
        .map(|dumped| dumped.process.pid)
        .collect();
    pids.sort_unstable();
    pids
}

fn end(mut running: Running) {
    running.force().unwrap();
    let report = running.wait().unwrap();
    assert_eq!(report.survivors().count(), 0, "{report:#?}");
}

/// Two programs, each of which waits for what the other writes.
const DEADLOCK: &str = "cd \"$1\" && mkfifo p q && exec 3<>p 4<>q
    cat <p >q 3>&- 4>&- &
    cat <q >p 3>&- 4>&- &
    exec 3>&- 4>&-
    wait";

#[test]
fn two_processes_that_wait_for_each_other_are_a_deadlock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut running = started(run(DEADLOCK, &[path]).spawn().unwrap());
    let document = await_dump(&mut running, |document| !document.deadlocks.is_empty());
    let cats = pids_of(&document, "cat");
    assert_eq!(document.deadlocks.len(), 1, "{:#?}", document.lines());
    assert_eq!(document.deadlocks[0].pids, cats, "{:#?}", document.lines());
    for (cat, other, fifo) in [(cats[0], cats[1], "p"), (cats[1], cats[0], "q")] {
        let dumped = document.processes.iter().find(|dumped| dumped.process.pid == cat).unwrap();
        let first = format!("waits for data from the FIFO {path}/{fifo} whose writer is PID {other} (cat)");
        let second = first.replace(&format!("/{fifo} "), if fifo == "p" { "/q " } else { "/p " });
        assert!(dumped.why == [first.as_str()] || dumped.why == [second.as_str()], "{:#?}", document.lines());
    }
    assert!(document.lines()[0].contains("which waits for PID"), "{:#?}", document.lines());
    end(running);
}

#[test]
fn a_writer_whose_reader_does_not_read_is_told_who_that_is() {
    let script = "while :; do echo 0123456789012345678901234567890123456789; done | sleep 60";
    let mut running = started(run(script, &[]).spawn().unwrap());
    let document = await_dump(&mut running, |document| {
        told(document, "whose reader is PID") && !pids_of(document, "sleep").is_empty()
    });
    let reader = pids_of(&document, "sleep")[0];
    assert!(told(&document, &format!("whose reader is PID {reader} (sleep)")), "{:#?}", document.lines());
    assert!(document.deadlocks.is_empty(), "a sleeper wakes up: {:#?}", document.lines());
    end(running);
}

#[test]
fn who_keeps_the_other_end_of_its_own_pipe_waits_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let script = "cd \"$1\" && mkfifo p && exec cat <>p >/dev/null";
    let mut running = started(run(script, &[folder.path().to_str().unwrap()]).spawn().unwrap());
    let document = await_dump(&mut running, |document| told(document, "whose only writer it is itself"));
    assert_eq!(document.deadlocks[0].pids, pids_of(&document, "cat"), "{:#?}", document.lines());
    end(running);
}

fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        eprintln!("skipped: {program} is not on this machine");
    }
    found
}

#[test]
fn a_lock_that_a_daemon_holds_is_told_with_its_holder() {
    if !has("flock") {
        return;
    }
    let mut victim = Victim::of(Trick::LockHolder).spawn().unwrap();
    victim.wait_ready().unwrap();
    let path = victim.file().to_str().unwrap();
    let mut running = started(run("flock \"$1\" true; :", &[path]).spawn().unwrap());
    let expected = format!("waits for a lock on {path} that PID ");
    let document = await_dump(&mut running, |document| told(document, &expected));
    let holder = document.processes.iter().find(|dumped| says(dumped, &expected)).unwrap();
    assert!(holder.why[0].ends_with("(fell-victim) holds"), "{:#?}", document.lines());
    assert_eq!(holder.wants_locks.as_deref(), Some(&[format!("flock write {path}")][..]), "{:#?}", document.lines());
    end(running);
}

/// The lock belongs to the open file: whoever has that holds it, whoever took it.
#[test]
fn a_lock_that_was_handed_on_is_told_with_who_has_it_now() {
    if !has("flock") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handed.lock");
    let path = path.to_str().unwrap();
    let script = "exec 9>\"$1\"; flock 9; sleep 60 & exec 9>&-; flock \"$1\" true; :";
    let mut running = started(run(script, &[path]).spawn().unwrap());
    let document = await_dump(&mut running, |document| told(document, "(sleep) holds"));
    let sleeper = pids_of(&document, "sleep")[0];
    let expected = format!("waits for a lock on {path} that PID {sleeper} (sleep) holds");
    assert!(told(&document, &expected), "{:#?}", document.lines());
    let holder = document.processes.iter().find(|dumped| dumped.process.pid == sleeper).unwrap();
    assert_eq!(holder.locks.as_deref(), Some(&[format!("flock write {path}")][..]), "{:#?}", document.lines());
    end(running);
}

#[test]
fn a_server_that_keeps_a_port_is_told_with_the_port() {
    let mut victim = Victim::of(Trick::PortListener).spawn().unwrap();
    victim.wait_ready().unwrap();
    let port = u16::try_from(victim.ledger().port()).unwrap();
    let root = ProcessId::unborn(Pid::new(victim.pid().unwrap()).unwrap());
    let document = document(&dump(&look_at(&root), &DumpOptions::default().rooted(Some(root.pid))));
    let server = document.processes.iter().find(|dumped| dumped.listens.as_deref() == Some(&[port]));
    let server = server.unwrap_or_else(|| panic!("{:#?}", document.lines()));
    assert_eq!(server.other_session, Some(true), "{:#?}", document.lines());
    assert!(document.lines().iter().any(|line| line.contains(&format!("listens on port {port}"))));
}

#[test]
fn a_client_is_told_who_does_not_answer_it() {
    if !has("bash") {
        return;
    }
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let script = format!("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; read -r line <&3'");
    let mut running = started(run(&script, &[]).spawn().unwrap());
    let own = std::process::id();
    let queued = await_dump(&mut running, |document| told(document, "not yet accepted"));
    assert!(told(&queued, &format!("not yet accepted by PID {own} (")), "{:#?}", queued.lines());
    let (connection, _) = server.accept().unwrap();
    let taken = await_dump(&mut running, |document| told(document, "whose other end"));
    assert!(told(&taken, &format!("whose other end is with PID {own} (")), "{:#?}", taken.lines());
    drop(connection);
    end(running);
}

#[test]
fn a_shell_that_waits_for_a_background_child_is_told_which() {
    let mut running = started(run("sleep 60 & wait", &[]).spawn().unwrap());
    let document = await_dump(&mut running, |document| {
        pids_of(document, "sleep").first().is_some_and(|child| told(document, &format!("child PID {child} (sleep)")))
    });
    let shell = &document.processes[0];
    assert_eq!(shell.place.as_deref(), Some("root"), "{:#?}", document.lines());
    assert_eq!(shell.why.len(), 1, "{:#?}", document.lines());
    end(running);
}

#[test]
fn the_end_is_announced_before_anything_is_signalled() {
    let supervisor = run("trap 'echo told' TERM; sleep 60 & wait", &[]);
    let mut running = supervisor.timeout(Some(Duration::from_millis(300))).announce_end(true).spawn().unwrap();
    let cause = loop {
        match running.wait_until(None, None).unwrap() {
            Progress::EndDue(cause) => break cause,
            Progress::Finished(report) => panic!("{report:#?}"),
            Progress::Woken | Progress::Elapsed => {}
        }
    };
    assert_eq!(cause, Cause::TimedOut);
    // However long the caller takes: nobody was told anything.
    let document = await_dump_of(&running);
    assert!(document.processes.iter().any(|dumped| dumped.process.name == "sleep"), "{:#?}", document.lines());
    let report = running.wait().unwrap();
    assert_eq!((report.cause, report.survivors().count()), (Cause::TimedOut, 0), "{report:#?}");
    assert!(report.at_limit.is_some());
}

fn await_dump_of(running: &Running) -> DumpDocument {
    document(&running.dump(DumpOptions::default()))
}

#[test]
fn leftovers_are_announced_too() {
    let supervisor = run("setsid sleep 60 & exit 0", &[]).settle(Duration::from_millis(50)).announce_end(true);
    let mut running = supervisor.spawn().unwrap();
    let mut left = None;
    let report = loop {
        match running.wait_until(None, None).unwrap() {
            Progress::EndDue(cause) => {
                assert_eq!(cause, Cause::Exited);
                left = Some(await_dump_of(&running));
            }
            Progress::Finished(report) => break report,
            Progress::Woken | Progress::Elapsed => {}
        }
    };
    let left = left.unwrap();
    assert_eq!(left.processes.len(), 1, "{:#?}", left.lines());
    assert_eq!(left.processes[0].place.as_deref(), Some("orphan"));
    assert_eq!((report.cause, report.leftovers.len(), report.survivors().count()), (Cause::Exited, 1, 0));
}

#[test]
fn thousands_of_descriptors_stay_within_the_bound() {
    let own: Vec<std::fs::File> = (0..900).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    let root = ProcessId::unborn(Pid::new(std::process::id()).unwrap());
    let none = dump(&look_at(&root), &DumpOptions::default().time(Duration::ZERO));
    assert!(none.gaps.iter().any(|gap| gap.what.contains("out of time")), "{none:#?}");
    assert!(none.processes.iter().all(|dumped| dumped.why.is_empty() && dumped.listens.is_none()), "{none:#?}");
    let small = dump(&look_at(&root), &DumpOptions::default().size(100));
    assert_eq!(small.processes.len(), 0);
    assert!(small.more >= 1 && small.gaps.iter().any(|gap| gap.what.contains("left out")), "{small:#?}");
    drop(own);
}

#[test]
fn secrets_are_hidden_unless_they_are_asked_for() {
    let script = "sleep 60; : --password hunter2";
    let mut running = started(run(script, &[]).spawn().unwrap());
    let document = await_dump(&mut running, |document| !pids_of(document, "sleep").is_empty());
    let shown = |document: &DumpDocument| serde_json::to_string(document).unwrap().contains("hunter2");
    assert!(!shown(&document), "{:#?}", document.lines());
    let options = DumpOptions::default().secrets(true);
    assert!(shown(&self::document(&running.dump(options))));
    end(running);
}

#[test]
fn the_output_is_found_with_who_holds_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let own = ProcessId::unborn(Pid::new(std::process::id()).unwrap());
    let options = DumpOptions::default().output_to(file.path());
    let found = document(&dump(&look_at(&own), &options));
    let this = found.processes.iter().find(|dumped| dumped.process.pid == std::process::id()).unwrap();
    assert_eq!(this.holds_output, Some(true), "{:#?}", found.lines());
    let other = DumpOptions::default().output_to(Path::new("/proc/self/status"));
    let found = document(&dump(&look_at(&own), &other));
    assert!(found.processes.iter().all(|dumped| dumped.holds_output != Some(true)), "{:#?}", found.lines());
}

/// The tree's own lock, of which somebody outside has got the open file.
#[test]
fn a_lock_is_held_until_the_last_who_has_its_file_lets_go() {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
    if !has("flock") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.lock");
    let script = "exec 9>\"$1\"; flock 9; exec sleep 60";
    let mut running = started(run(script, &[path.to_str().unwrap()]).spawn().unwrap());
    let is_locked = |document: &DumpDocument| {
        document.processes.iter().any(|dumped| dumped.locks.as_ref().is_some_and(|locks| !locks.is_empty()))
            && !pids_of(document, "sleep").is_empty()
    };
    await_dump(&mut running, is_locked);
    let claims = Claims::of(&running.dump(DumpOptions::default()));
    assert_eq!(claims.locks.len(), 1, "{claims:?}");
    let command = rustix::process::Pid::from_raw(running.command().unwrap().as_raw());
    let pidfd = pidfd_open(command.unwrap(), PidfdFlags::empty()).unwrap();
    let kept = match pidfd_getfd(&pidfd, 9, PidfdGetfdFlags::empty()) {
        Ok(kept) => kept,
        Err(error) => {
            eprintln!("skipped: the descriptor of another process is not to be had: {error}");
            return end(running);
        }
    };
    end(running);
    let release = claims.look();
    assert_eq!((release.held.len(), release.released.len()), (1, 0), "{release:?}");
    drop(kept);
    let release = claims.wait(LONG);
    assert_eq!((release.held.len(), release.released.len()), (0, 1), "{release:?}");
}
