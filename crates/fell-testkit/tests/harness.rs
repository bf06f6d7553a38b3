//! What the harness says of its victims and bystanders.

use fell_testkit::{Bystander, NOBODY, Placement, Trick, Victim, as_user, victim_binary};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn send(pid: i32, signal: Signal) {
    let pidfd = rustix::process::pidfd_open(Pid::from_raw(pid).expect("not 0"), PidfdFlags::empty()).expect("lives");
    rustix::process::pidfd_send_signal(&pidfd, signal).expect("is ours");
}

fn ready(setup: fell_testkit::Setup<'_>) -> Victim {
    let mut victim = setup.spawn().expect("spawns");
    victim.wait_ready().unwrap_or_else(|error| panic!("{error}"));
    victim
}

#[test]
fn an_untouched_bystander_is_untouched() {
    Bystander::spawn(Placement::OwnSession).expect("spawns").assert_untouched();
}

#[test]
fn a_bystander_sees_every_harm() {
    for signal in [Signal::TERM, Signal::CONT, Signal::HUP, Signal::STOP, Signal::KILL] {
        for slot in 0..3 {
            let bystander = Bystander::spawn(Placement::OwnSession).expect("spawns");
            let pid = bystander.tree().ledger().holder(slot).expect("locks can be read").expect("lives");
            send(pid, signal);
            let seen = || bystander.harm().expect("can be looked at").is_some();
            let told = bystander.tree().ledger().wait_until(SOON, |_| seen(), || false);
            assert!(told, "{signal:?} to slot {slot}");
        }
    }
}

#[test]
fn a_victim_in_the_group_of_a_bystander() {
    let bystander = Bystander::spawn(Placement::OwnGroup).expect("spawns");
    let victim = ready(Victim::of(Trick::IgnoreTerm).placement(Placement::GroupOf(bystander.pid())));
    let group = |pid: u32| rustix::process::getpgid(Pid::from_raw(pid as i32)).expect("lives");
    assert_eq!(group(victim.pid().expect("ours")), group(bystander.pid()));
    drop(victim);
    bystander.assert_untouched();
}

#[test]
fn grace_is_proved_by_the_clean_up() {
    for (trick, cleaned) in
        [(Trick::Graceful, 1), (Trick::GracefulTree, 4), (Trick::GracefulDaemon, 1), (Trick::GracefulStopped, 1)]
    {
        let victim = ready(Victim::of(trick));
        for who in victim.survivors().expect("locks can be read") {
            send(who.pid, Signal::TERM);
            send(who.pid, Signal::CONT);
        }
        victim.wait_all_dead(SOON).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(victim.cleaned(), cleaned, "{trick}");
        let text = std::fs::read_to_string(victim.file()).expect("is written");
        assert_eq!(text.lines().count() as u32, cleaned);
    }
}

#[test]
fn without_grace_nothing_is_cleaned() {
    let mut victim = ready(Victim::of(Trick::GracefulTree));
    victim.end().expect("ends");
    assert_eq!(victim.cleaned(), 0);
}

#[test]
fn trees_that_answer_signals() {
    // Per trick: who is alive after TERM to all that there were.
    for (trick, roles) in [
        (Trick::LeaderObeysMemberIgnores, vec!["member"]),
        (Trick::HeirOnTerm, vec!["heir"]),
        (Trick::ForksOnTerm, vec!["root", "born on TERM"]),
        (Trick::Ptraced, vec!["traced"]),
    ] {
        let victim = ready(Victim::of(trick));
        let mut all = victim.survivors().expect("locks can be read");
        // The tracer last: what it traces must have swallowed its TERM by then.
        all.sort_by_key(|who| who.role == "tracer");
        for who in all {
            if who.role == "tracer" {
                continue;
            }
            send(who.pid, Signal::TERM);
        }
        let now = || victim.survivors().expect("locks can be read").into_iter().map(|who| who.role).collect::<Vec<_>>();
        let expected = |now: Vec<String>| roles.iter().all(|role| now.iter().any(|one| one == role));
        assert!(victim.ledger().wait_until(SOON, |_| expected(now()), || false), "{trick}: {:?}", now());
    }
}

#[test]
fn respawners_come_again() {
    for (trick, slot) in
        [(Trick::Respawner, 1), (Trick::MutualRespawners, 0), (Trick::MutualRespawners, 1), (Trick::BoundedBomb, 1)]
    {
        let victim = ready(Victim::of(trick).count(4));
        let before = victim.survivors().expect("locks can be read").len();
        let forks = victim.ledger().forks();
        send(victim.ledger().holder(slot).expect("locks can be read").expect("lives"), Signal::KILL);
        let again = |page: &fell_testkit::Page| page.forks() > forks;
        assert!(victim.ledger().wait_until(SOON, again, || false), "{trick}");
        let alive = || victim.survivors().expect("locks can be read").len();
        assert!(victim.ledger().wait_until(SOON, |_| alive() >= before, || false), "{trick}: {} of {before}", alive());
    }
}

#[test]
fn somebody_else_may_start_a_victim() {
    let mut victim = Victim::of(Trick::FullDaemon).prepare().expect("prepares");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "\"$@\" & wait", "sh"]).args(victim.argv()).env_clear();
    let mut shell = shell.stdin(Stdio::null()).spawn().expect("spawns");
    victim.wait_ready().expect("ready");
    assert_eq!(victim.survivors().expect("locks can be read").len(), 2);
    assert_eq!(victim.pid(), None);
    victim.end().expect("ends");
    shell.wait().expect("is ours");
}

#[test]
fn as_somebody_else() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let victim = Victim::of(Trick::UserPidnsChild).prepare().expect("prepares");
    let mut user = as_user(&victim_binary().expect("is built"), NOBODY).expect("is reachable");
    let mut child = user.command.args(&victim.argv()[1..]).spawn().expect("spawns");
    let settled = |page: &fell_testkit::Page| page.failed() != 0 || page.ready() >= page.expected();
    assert!(victim.ledger().wait_until(SOON, settled, || false));
    drop(victim);
    child.wait().expect("is ours");
}

#[test]
fn by_hand_without_a_harness() {
    let mut command = Command::new(victim_binary().expect("is built"));
    command.args(["deep-chain", "--count", "3", "--limit-ms", "700", "--ready", "1"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("spawns");
    let mut output = BufReader::new(child.stdout.take().expect("is piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("reads");
    assert_eq!(line, "ready\n");
    // The end of the pipe is the death of the whole tree.
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("reads");
    child.wait().expect("is ours");
}

#[test]
fn wrong_command_lines_are_refused() {
    for line in [&["none"][..], &["plain", "--count"], &["plain", "--count", "x"], &["plain", "--none", "1"], &[]] {
        let status =
            Command::new(victim_binary().expect("is built")).args(line).stderr(Stdio::null()).status().expect("runs");
        assert_eq!(status.code(), Some(64), "{line:?}");
    }
}

#[test]
fn what_is_held_can_be_seen() {
    let victim = ready(Victim::of(Trick::PortListener));
    let port = victim.ledger().port() as u16;
    std::net::TcpStream::connect(("127.0.0.1", port)).expect("is listened at");
    let victim = ready(Victim::of(Trick::LockHolder));
    let file = std::fs::File::open(victim.file()).expect("is there");
    let taken = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    assert_eq!(taken, Err(rustix::io::Errno::WOULDBLOCK));
}
