//! What `fell run` and `fell tree --why` tell of a tree that hangs, before it is ended and after.

mod common;
#[path = "common/schema.rs"]
mod schema;

use common::{House, LONG, PROMPTLY, Started, Told, needs, users};
use fell::document::{KillDocument, RunDocument, TreeDocument};
use fell_testkit::{Trick, Victim};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

/// A shell that waits for its child, which waits for nobody.
const WAITS: [&str; 3] = ["sh", "-c", "sleep 60 & wait"];

#[test]
fn the_cause_is_told_before_the_tree_is_ended() {
    for user in users() {
        let house = House::new(user);
        // The grace is used up: what is told comes before.
        let script = "trap '' TERM; while :; do echo 0123456789012345678901234567890123456789; done | sleep 60";
        let options = ["-t", "1s", "-g", "10m", "--on-timeout", "dump"];
        let mut run = Started::new(house.fell_run(&options, &["sh", "-c", script]));
        run.await_err("time limit of 1s reached; what stands:");
        run.await_err("is blocked writing to a pipe whose reader is PID");
        // The first request is that of the limit.
        run.send(Signal::INT);
        run.send(Signal::TERM);
        let told = run.finish_within(PROMPTLY + Duration::from_secs(10));
        assert!(told.err.contains("time limit of 1s reached: felled"), "{user:?} {told:?}");
        house.assert_empty(&told);
    }
}

#[test]
fn the_report_has_the_dump_whatever_is_shown() {
    for user in users() {
        let house = House::new(user);
        let told = Told::by(house.fell_run(&["-t", "500ms", "--on-timeout", "quiet", "--json"], &WAITS));
        assert_eq!(told.code, 124, "{user:?} {told:?}");
        assert!(!told.err.contains("what stands"), "{told:?}");
        schema::check("run", told.last_line().as_bytes());
        let report: RunDocument = serde_json::from_str(&told.last_line()).unwrap();
        let dump = report.dump.expect("a dump");
        let shell = &dump.processes[0];
        assert_eq!((shell.place.as_deref(), shell.process.name.as_str()), (Some("root"), "sh"), "{told:?}");
        assert!(shell.why[0].contains("(sleep)"), "{:#?}", dump.lines());
        assert_eq!(dump.processes.len(), 2, "{:#?}", dump.lines());
        assert!(shell.cgroup.is_some(), "{told:?}");
        house.assert_empty(&told);
    }
}

#[test]
fn nothing_is_told_unless_it_is_asked_for() {
    let house = House::new(users()[0]);
    let told = Told::by(house.fell_run(&["-t", "300ms"], &WAITS));
    assert_eq!(told.err.lines().count(), 1, "{told:?}");
    let told = Told::by(house.fell_run(&["-t", "300ms", "-v"], &WAITS));
    assert!(told.err.contains("what stands:"), "{told:?}");
    house.assert_empty(&told);
}

#[test]
fn what_is_left_is_told_too() {
    let house = House::new(users()[0]);
    let script = ["sh", "-c", "setsid sleep 60 & exit 0"];
    let told = Told::by(house.fell_run(&["--leftovers", "fail", "--on-timeout", "dump"], &script));
    assert_eq!(told.code, 122, "{told:?}");
    assert!(told.err.contains("the command has ended; what it has left:"), "{told:?}");
    assert!(told.err.contains("orphan, now under"), "{told:?}");
    house.assert_empty(&told);
}

#[test]
fn a_signal_shows_the_live_tree() {
    for user in users() {
        let house = House::new(user);
        let mut run = Started::new(house.fell_run(&[], &["sh", "-c", "sleep 60 & echo ready; wait"]));
        run.await_out("ready");
        run.send(Signal::USR1);
        run.await_err("what stands:");
        run.await_err("sleep 60 & echo ready; wait (child of");
        run.send(Signal::TERM);
        let told = run.finish();
        assert_eq!(told.code, 143, "{user:?} {told:?}");
        house.assert_empty(&told);
    }
}

#[test]
fn programs_that_are_asked_are_limited_and_leave_nothing() {
    for user in users() {
        let house = House::new(user);
        let options = [
            "-t",
            "300ms",
            "--dump-with",
            "echo name of {pid}: $(cat /proc/{pid}/comm)",
            "--dump-with",
            "setsid sleep 61 & echo gone astray; exit 3",
            "--json",
        ];
        let told = Told::by(house.fell_run(&options, &["sleep", "60"]));
        assert_eq!(told.code, 124, "{user:?} {told:?}");
        let report: RunDocument = serde_json::from_str(&told.last_line()).unwrap();
        let all = report.dump.expect("a dump").told;
        assert_eq!(all.len(), 2, "{told:?}");
        assert!(all[0].output.starts_with("name of ") && all[0].output.ends_with(": sleep"), "{all:?}");
        assert_eq!(all[1].output, "gone astray\n(exit code 3)");
        house.assert_empty(&told);
    }
}

#[test]
fn a_port_is_free_again_before_the_run_is_over() {
    for user in users() {
        let house = House::new(user);
        let victim = Victim::of(Trick::PortListener).prepare().unwrap();
        let told = Told::by(house.fell_run(&["-t", "2s", "--wait-released", "5s", "--json"], victim.argv()));
        assert_eq!(told.code, 124, "{user:?} {told:?}");
        let port = victim.ledger().port();
        let report: RunDocument = serde_json::from_str(&told.last_line()).unwrap();
        let released = report.released.expect("what was released");
        assert!(released.held.is_empty(), "{released:?}");
        assert!(released.released.iter().any(|what| what.starts_with(&format!("port {port} "))), "{released:?}");
        assert!(told.err.contains(&format!("free again: port {port} ")), "{told:?}");
        let address = ("127.0.0.1", u16::try_from(port).unwrap());
        drop(std::net::TcpListener::bind(address).expect("the port can be bound"));
        house.assert_empty(&told);
    }
}

#[test]
fn a_kill_waits_until_the_port_is_free() {
    let house = House::new(users()[0]);
    let mut victim = Victim::of(Trick::PortListener).spawn().unwrap();
    victim.wait_ready().unwrap();
    let port = victim.ledger().port();
    let target = format!(":{port}");
    let told = Told::by(house.fell(&["kill", "--wait-released", "5s", "--json", &target]));
    assert_eq!(told.code, 0, "{told:?}");
    schema::check("kill", told.last_line().as_bytes());
    let report: KillDocument = serde_json::from_str(&told.last_line()).unwrap();
    let released = report.released.expect("what was released");
    assert!(released.held.is_empty() && !released.released.is_empty(), "{released:?}");
    drop(std::net::TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())).expect("the port can be bound"));
}

#[test]
fn a_port_that_somebody_else_holds_too_is_not_said_to_be_free() {
    let house = House::new(users()[0]);
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    // The child has it from this process, and so this one keeps it.
    rustix::io::fcntl_setfd(&server, rustix::io::FdFlags::empty()).unwrap();
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    rustix::io::fcntl_setfd(&server, rustix::io::FdFlags::CLOEXEC).unwrap();
    let told = Told::by(house.fell(&["kill", "--wait-released", "100ms", &child.id().to_string()]));
    child.wait().unwrap();
    assert_eq!(told.code, 1, "{told:?}");
    let expected = format!("port {port} (127.0.0.1:{port}): still held by PID {} (", std::process::id());
    assert!(told.err.contains(&expected), "{told:?}");
}

#[test]
fn a_lock_that_somebody_else_has_is_said_to_be_held() {
    if !needs("flock") {
        return;
    }
    let house = House::new(users()[0]);
    let mut victim = Victim::of(Trick::LockHolder).spawn().unwrap();
    victim.wait_ready().unwrap();
    let lock = victim.file().to_str().unwrap();
    let options = ["-t", "1s", "--on-timeout", "dump"];
    let told = Told::by(house.fell_run(&options, &["sh", "-c", "flock \"$1\" true; :", "sh", lock]));
    let expected = format!("waits for a lock on {lock} that PID ");
    let line = told.err.lines().find(|line| line.contains(&expected)).unwrap_or_else(|| panic!("{told:?}"));
    if told.err.contains("out of time") {
        eprintln!("skipped: this machine is too busy to look at everybody within the bound");
        return;
    }
    assert!(line.ends_with("(fell-victim) holds"), "{told:?}");
    assert!(!told.err.contains("free again"), "the tree never held it: {told:?}");
    house.assert_empty(&told);
}

#[test]
fn a_tree_says_why() {
    for user in users() {
        let house = House::new(user);
        let mut run = Started::new(house.fell_run(&[], &["sh", "-c", "echo $$; sleep 60 & wait"]));
        let pid = run.number().to_string();
        let began = Instant::now();
        loop {
            let text = Told::by(house.fell(&["tree", "--why", &pid]));
            assert_eq!(text.code, 0, "{user:?} {text:?}");
            // It may still be on its way to where it waits.
            if text.text().starts_with(&format!("{pid} sleeping sh -c")) && text.text().contains("(sleep)") {
                break;
            }
            assert!(began.elapsed() < LONG, "{text:?}");
        }
        let json = Told::by(house.fell(&["tree", "--why", "--json", &pid]));
        schema::check("tree", &json.out);
        let document: TreeDocument = serde_json::from_slice(&json.out).unwrap();
        let dump = document.dump.expect("a dump");
        assert_eq!(dump.processes[0].process.pid.to_string(), pid);
        assert_eq!(dump.processes.len(), document.total_count, "{json:?}");
        let plain: Value = serde_json::from_slice(&Told::by(house.fell(&["tree", "--json", &pid])).out).unwrap();
        assert_eq!(plain.get("dump"), None);
        run.send(Signal::TERM);
        house.assert_empty(&run.finish());
    }
}

/// The commands of the page, each as it stands there but for its numbers.
#[test]
fn the_commands_of_the_page_on_seeing_work() {
    if !(needs("bash") && needs("flock")) {
        return;
    }
    let house = House::new(users()[0]);
    let script = house.folder().join("ci.sh");
    std::fs::write(&script, "#!/bin/sh\necho begun\nsleep 60\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut server = Victim::of(Trick::PortListener).spawn().unwrap();
    let mut holder = Victim::of(Trick::LockHolder).spawn().unwrap();
    server.wait_ready().unwrap();
    holder.wait_ready().unwrap();
    let lock = holder.file().to_str().unwrap();
    let mut hung = Started::new(house.fell_run(&[], &["sh", "-c", "echo $$; flock \"$1\" true; :", "sh", lock]));
    let waits = hung.number().to_string();
    let port = server.ledger().port().to_string();
    let (listens, supervisor) = (server.pid().unwrap().to_string(), hung.pid().to_string());
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/seeing.md")).unwrap();
    let mut inside = false;
    let mut commands: Vec<&str> = Vec::new();
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => commands.push(line),
            _ => {}
        }
    }
    assert_eq!(commands.len(), 9, "{commands:?}");
    for command in commands {
        let pid = if command.contains("listens") { &listens } else { &waits };
        let real =
            command.replace("10m", "1s").replace("4711", pid).replace("4699", &supervisor).replace("8080", &port);
        let mut bash = house.command("bash");
        let path = house.fell_program().parent().unwrap();
        let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap());
        bash.args(["-o", "pipefail", "-c", &real]).current_dir(house.folder()).env("PATH", path);
        let told = Told::by(bash);
        let expected = if command.starts_with("fell run") { 124 } else { 0 };
        assert_eq!(told.code, expected, "{real}: {told:?}");
        if command.contains("grep") {
            assert_eq!(told.text().lines().count(), 1, "{real}: {told:?}");
        }
    }
    hung.await_err("that PID");
    hung.send(Signal::TERM);
    house.assert_empty(&hung.finish());
}
