//! The peers that are Rust libraries, as programs: `peer table`, `peer tree PID`, `peer kill PID`.

use std::collections::HashMap;
use std::process::ExitCode;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["table"] => {
            let table = table(ProcessRefreshKind::nothing());
            table.inspect(|system| println!("{}", system.processes().len())).is_some()
        }
        ["tree", pid] => pid.parse().is_ok_and(tree),
        ["kill", pid] => pid.parse().is_ok_and(kill),
        _ => false,
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn table(what: ProcessRefreshKind) -> Option<System> {
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what.without_tasks());
    Some(system)
}

/// The facts that `fell tree` shows, of the processes of one tree.
fn tree(root: u32) -> bool {
    let what = ProcessRefreshKind::nothing()
        .with_cmd(UpdateKind::Always)
        .with_user(UpdateKind::Always)
        .with_memory()
        .with_cpu();
    let Some(system) = table(what) else { return false };
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    for (pid, process) in system.processes() {
        if let Some(parent) = process.parent() {
            children.entry(parent).or_default().push(*pid);
        }
    }
    let mut waiting = vec![Pid::from_u32(root)];
    while let Some(pid) = waiting.pop() {
        let Some(process) = system.process(pid) else { return false };
        println!("{pid} {:?} {} {:?} {:?}", process.parent(), process.memory(), process.user_id(), process.cmd());
        waiting.extend(children.remove(&pid).unwrap_or_default());
    }
    true
}

/// Sends TERM and does not wait.
fn kill(root: u32) -> bool {
    kill_tree::blocking::kill_tree(root).is_ok()
}
