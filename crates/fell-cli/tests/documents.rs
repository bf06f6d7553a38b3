//! What `--json` prints can be read back as the documents that the library publishes.

#[path = "common/schema.rs"]
mod schema;

use fell::document::{DoctorDocument, KillDocument, RunDocument, TreeDocument, ZombiesDocument};
use serde_json::Value;
use std::process::{Command, Output, Stdio};

fn fell(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fell")).args(words).output().unwrap()
}

fn last_line(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap().trim_end().lines().last().unwrap()
}

#[test]
fn a_tree() {
    let own = std::process::id();
    let output = fell(&["tree", "--json", "--ancestors", &own.to_string()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document: TreeDocument = serde_json::from_slice(&output.stdout).unwrap();
    schema::check("tree", &output.stdout);
    assert_eq!(document.schema, "fell/tree/1");
    assert_eq!(document.parent.pid, own);
    assert_eq!(document.total_count, document.children.len() + 1);
    // Other tests of this process have children as well.
    let is_it = |argv: &Vec<String>| argv.get(1).is_some_and(|verb| verb == "tree") && argv.contains(&own.to_string());
    let itself = document.children.iter().find(|child| child.command_line.as_ref().is_some_and(is_it)).unwrap();
    assert_eq!((itself.ppid, itself.name.as_str()), (Some(own), "fell"));
    assert!(itself.id.starts_with(&itself.pid.to_string()));
    assert!(itself.started_at.as_ref().unwrap().ends_with('Z'));
    assert_eq!(document.ancestors.unwrap().first().map(|ancestor| ancestor.pid), document.parent.ppid);
}

#[test]
fn secrets_are_hidden_unless_asked_for() {
    let mut child =
        Command::new("sh").args(["-c", "read x", "--password=hunter2"]).stdin(Stdio::piped()).spawn().unwrap();
    let pid = child.id().to_string();
    for (words, shows) in
        [(&["tree", &pid][..], false), (&["tree", "--json", &pid], false), (&["tree", "--no-redact", &pid], true)]
    {
        let output = fell(words);
        assert_eq!(String::from_utf8_lossy(&output.stdout).contains("hunter2"), shows, "{words:?} {output:?}");
    }
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_dry_run_of_kill_signals_nothing() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let output = fell(&["kill", "--dry-run", "--json", &child.id().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    schema::check("kill", last_line(&output).as_bytes());
    let document: KillDocument = serde_json::from_str(last_line(&output)).unwrap();
    assert!(document.dry_run);
    assert_eq!(document.clean, None);
    assert_eq!(document.targets[0].processes[0].action.as_deref(), Some("end"));
    assert_eq!(child.try_wait().unwrap(), None);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_kill_ends_in_its_report() {
    let mut child = Command::new("sh").args(["-c", "cat & wait"]).stdin(Stdio::piped()).spawn().unwrap();
    let output = fell(&["kill", "--json", &child.id().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["schema"], "fell/kill/1", "{line}");
    }
    schema::check("kill", last_line(&output).as_bytes());
    let document: KillDocument = serde_json::from_str(last_line(&output)).unwrap();
    assert_eq!((document.event.as_str(), document.clean), ("report", Some(true)));
    assert!(!document.targets[0].processes.is_empty());
    child.wait().unwrap();
}

#[test]
fn a_target_that_is_gone_is_a_success() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().to_string();
    child.wait().unwrap();
    let output = fell(&["kill", &pid]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "fell: already gone: nothing was alive\n");
}

#[test]
fn a_run_writes_its_report() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    let report = format!("json={}", path.display());
    let output = fell(&["run", "--report", &report, "--json", "--", "sh", "-c", "echo out; exit 7"]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(output.stdout.starts_with(b"out\n"));
    schema::check("run", last_line(&output).as_bytes());
    let printed: RunDocument = serde_json::from_str(last_line(&output)).unwrap();
    let written: RunDocument = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(printed, written);
    assert_eq!(
        (written.schema.as_str(), written.event.as_str(), written.cause.as_str()),
        ("fell/run/1", "report", "exited")
    );
    assert_eq!(written.status.and_then(|status| status.code), Some(7));
    assert_eq!(written.exit_code, Some(7));
    assert!(written.clean);
    assert!(!written.containment.layers.is_empty());
}

#[test]
fn zombies_and_their_parent() {
    let own = std::process::id().to_string();
    let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
    let pid = child.id();
    // The wait does not collect: it only tells that the child has ended.
    let ended = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
    let id = rustix::process::WaitId::Pid(rustix::process::Pid::from_child(&child));
    rustix::process::waitid(id, ended).unwrap();
    let output = fell(&["zombies", "--json", "--parent", &own]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    schema::check("zombies", &output.stdout);
    let document: ZombiesDocument = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document.schema, "fell/zombies/1");
    let zombie = document.zombies.iter().find(|zombie| zombie.process.pid == pid).unwrap();
    assert_eq!((zombie.ppid, zombie.ours), (Some(std::process::id()), false));
    child.wait().unwrap();
}

#[test]
fn an_examination() {
    let output = fell(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    schema::check("doctor", &output.stdout);
    let document: DoctorDocument = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document.schema, "fell/doctor/1");
    assert!(document.abilities.iter().any(|ability| ability.name == "proc" && ability.available));
}
