//! As PID 1 of a PID namespace: everything is reaped, signals reach the command, exit codes pass.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const INITS: [&str; 4] = ["fell run --", "tini --", "dumb-init", "timeout 60"];

/// A directory with fell under all of its names.
fn names() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["fell", "timeout", "tini", "dumb-init"] {
        symlink(env!("CARGO_BIN_EXE_fell"), directory.path().join(name)).unwrap();
    }
    directory
}

/// Runs these words as PID 1; `None` where no PID namespace is to be had.
fn as_pid_1(path: &Path, words: &str, command: &[&str]) -> Option<Output> {
    let unshare = |arguments: &[&str]| {
        Command::new("unshare")
            .args(["--pid", "--fork", "--mount-proc"])
            .args(arguments)
            .env("PATH", format!("{}:/usr/bin:/bin", path.display()))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    if !unshare(&["true"]).status.success() {
        eprintln!("SKIPPED: no PID namespace is to be had here");
        return None;
    }
    let words: Vec<&str> = words.split(' ').chain(command.iter().copied()).collect();
    Some(unshare(&words))
}

#[test]
fn exit_codes_pass() {
    let names = names();
    for init in INITS {
        for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)] {
            let Some(output) = as_pid_1(names.path(), init, &["sh", "-c", script]) else { return };
            assert_eq!(output.status.code(), Some(code), "{init} {script}");
        }
        let Some(output) = as_pid_1(names.path(), init, &["no_such_command"]) else { return };
        assert_eq!(output.status.code(), Some(if init == "dumb-init" { 2 } else { 127 }), "{init}");
    }
}

#[test]
fn signals_reach_the_command() {
    let names = names();
    for init in INITS {
        for signal in ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "VTALRM", "40"] {
            let script = format!("trap 'echo got; exit 3' {signal}; kill -{signal} 1; sleep 9 & wait");
            let Some(output) = as_pid_1(names.path(), init, &["bash", "-c", &script]) else { return };
            assert_eq!((output.status.code(), &output.stdout[..]), (Some(3), &b"got\n"[..]), "{init} {signal}");
        }
    }
    // These end nothing by themselves, and `timeout` does not pass them on; to it, ALRM is the limit.
    for init in &INITS[..3] {
        for signal in ["WINCH", "CONT", "URG", "ALRM"] {
            let script = format!("trap 'echo got; exit 3' {signal}; kill -{signal} 1; sleep 9 & wait");
            let Some(output) = as_pid_1(names.path(), init, &["bash", "-c", &script]) else { return };
            assert_eq!(output.status.code(), Some(3), "{init} {signal}");
        }
    }
}

#[test]
fn no_zombie_stays() {
    let names = names();
    for init in INITS {
        let script = "(sleep .1 &) ; (setsid sleep .1 &) ; sleep .5; ps -eo stat= | grep -c Z";
        let Some(output) = as_pid_1(names.path(), init, &["sh", "-c", script]) else { return };
        assert_eq!(&output.stdout[..], b"0\n", "{init}");
    }
}

#[test]
fn an_orphan_from_outside_the_run_is_collected_too() {
    let names = names();
    // Entered from outside, as `docker exec` does: its orphans come home to PID 1 and not to the guardian.
    let script = "for i in 1 2 3; do nsenter -t 1 -p -m sh -c '(sleep .1 &)'; done; sleep .5; ps -eo stat= | grep -c Z";
    let Some(output) = as_pid_1(names.path(), "fell run --", &["sh", "-c", script]) else { return };
    assert_eq!(&output.stdout[..], b"0\n", "{output:?}");
}

#[test]
fn what_remains_ends_in_grace() {
    let names = names();
    let script = "(trap 'echo told; exit' TERM; setsid sleep 60 & wait) & sleep .3; exit 4";
    let Some(output) = as_pid_1(names.path(), "fell run --", &["sh", "-c", script]) else { return };
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(4), &b"told\n"[..]));
}

/// Bursts of orphans that are dead at once; prints when no zombie is left. `ORPHANS` sets their number.
const BURST: &str = r#"
use POSIX ();
for (1..$ARGV[0] / 500) {
    my $parent = fork;
    if (!$parent) { for (1..500) { my $child = fork; POSIX::_exit(0) if defined $child && !$child } POSIX::_exit(0) }
    waitpid $parent, 0;
}
while (1) {
    opendir my $proc, "/proc";
    my $dead = 0;
    for (grep { /^\d+$/ } readdir $proc) { open my $stat, "<", "/proc/$_/stat" or next; $dead++ if (<$stat> // "") =~ /\) Z / }
    last if !$dead;
    select undef, undef, undef, .002;
}
"#;

#[test]
fn reaping_keeps_up_with_tini() {
    if std::env::var_os("FELL_HEAVY").is_none() {
        eprintln!("SKIPPED: a measurement; FELL_HEAVY=1 runs it");
        return;
    }
    if !Path::new("/usr/bin/tini").exists() {
        eprintln!("SKIPPED: tini is not installed");
        return;
    }
    let names = names();
    let orphans = std::env::var("ORPHANS").unwrap_or_else(|_| String::from("4000"));
    let time = |init: &str| {
        let begin = Instant::now();
        as_pid_1(names.path(), init, &["perl", "-e", BURST, &orphans]).map(|output| {
            assert_eq!(output.status.code(), Some(0), "{init} {output:?}");
            begin.elapsed()
        })
    };
    // The best of three each, in turn: whatever else the machine does hits both.
    let inits = ["/usr/bin/tini --", "fell run --", "tini --", "dumb-init"];
    let mut best = [Duration::MAX; 4];
    for _ in 0..3 {
        for (init, best) in inits.iter().zip(&mut best) {
            let Some(time) = time(init) else { return };
            *best = time.min(*best);
        }
    }
    for (init, time) in inits.iter().zip(best).skip(1) {
        let ratio = time.as_secs_f64() / best[0].as_secs_f64();
        eprintln!("{init}: {ratio:.2} of tini, with {orphans} orphans");
        assert!(ratio < 2.0, "{init}: {ratio:.2} of tini: {time:?} {best:?}");
    }
}
