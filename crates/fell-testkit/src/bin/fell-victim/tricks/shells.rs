//! Trees that a shell makes. What the shell will fork is taken from the budget beforehand.

use crate::crew::Crew;
use fell_testkit::MOST_FORKS;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The command line of a leaf in a slot of its own.
fn leaf(crew: &Crew) -> String {
    let Some(slot) = crew.ledger.reserve(MOST_FORKS) else {
        crew.fail(io::Error::from_raw_os_error(libc::EAGAIN));
    };
    crew.ledger.record(slot).describe("shell's child", crew.slot());
    let program = crew.options.program.to_string_lossy().replace('\'', r"'\''");
    format!("'{program}' {}", crew.part_arguments("leaf", slot).join(" "))
}

fn become_shell(crew: &Crew, script: &str) -> ! {
    crew.fail(Command::new("/bin/sh").args(["-c", script]).exec())
}

pub(crate) fn background(crew: &'static Crew) {
    let script = format!("{} & {} & wait", leaf(crew), leaf(crew));
    become_shell(crew, &script);
}

pub(crate) fn pipeline(crew: &'static Crew) {
    // The last word keeps the shell from becoming the end of the pipeline itself.
    let script = format!("{} | {}; exit 3", leaf(crew), leaf(crew));
    become_shell(crew, &script);
}

pub(crate) fn leaves(crew: &'static Crew) {
    let script = format!("nohup {} >/dev/null 2>&1 & exit 0", leaf(crew));
    become_shell(crew, &script);
}
