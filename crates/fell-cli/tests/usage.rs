//! Bad input: one clear line that says what, where, and what would be right; and the exit code.

use std::process::Command;

struct Told {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn fell(words: &[&str], variables: &[(&str, &str)]) -> Told {
    let output = Command::new(env!("CARGO_BIN_EXE_fell")).args(words).envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn bad_input_is_told_in_one_line() {
    for (words, code, line) in [
        (
            &[][..],
            2,
            "no verb was given: expected run, kill, tree, zombies, validate, doctor, install-links, completions or man; try 'fell --help'",
        ),
        (&["rum"], 2, "unrecognized subcommand 'rum'; a similar subcommand exists: 'run'"),
        (&["rnu"], 2, "unrecognized subcommand 'rnu'; a similar subcommand exists: 'run'"),
        (&["certainly-none"], 2, "unrecognized subcommand 'certainly-none'; try 'fell --help'"),
        (&["--tree"], 2, "unexpected argument '--tree' found; try 'fell --help'"),
        (&["run"], 125, "the following required arguments were not provided: <COMMAND>...; try 'fell run --help'"),
        (
            &["run", "--tmeout", "3s", "true"],
            125,
            "unexpected argument '--tmeout' found; a similar argument exists: '--timeout'",
        ),
        (
            &["run", "-t", "30", "--", "true"],
            125,
            "invalid value '30' for '--timeout <D>': a number without a unit; did you mean 30s?; try 'fell run --help'",
        ),
        (
            &["run", "-t", "0s", "true"],
            125,
            "invalid value '0s' for '--timeout <D>': a limit must be longer than 0; for no limit, leave it out; try 'fell run --help'",
        ),
        (
            &["run", "-s", "FOO", "true"],
            125,
            "invalid value 'FOO' for '--signal <SIG>': not a signal: expected a name or number such as TERM, SIGTERM, term or 15; try 'fell run --help'",
        ),
        (
            &["run", "--leftovers", "keep", "true"],
            125,
            "invalid value 'keep' for '--leftovers <RULE>' [possible values: kill, fail, warn, allow]; try 'fell run --help'",
        ),
        (
            &["run", "--report", "junit=x", "true"],
            125,
            "invalid value 'junit=x' for '--report <FORMAT=FILE>': junit is not offered yet: expected json=FILE; try 'fell run --help'",
        ),
        (
            &["run", "--report", "json=/no/such/x", "true"],
            125,
            "--report json=/no/such/x: no directory /no/such; make it first",
        ),
        (&["run", "/no/such"], 127, "no such command: /no/such; check the path"),
        (&["run", "no-such-command"], 127, "no such command: no-such-command; it is not in PATH"),
        (
            &["run", "/etc/passwd"],
            126,
            "can't execute /etc/passwd: Permission denied (os error 13); is /etc/passwd a program, with the right to execute it?",
        ),
        (&["kill"], 2, "the following required arguments were not provided: <TARGET>...; try 'fell kill --help'"),
        (
            &["kill", "sshd"],
            2,
            "invalid value 'sshd' for '[TARGET]...': not a PID: expected a number such as 4711; try 'fell kill --help'",
        ),
        (
            &["kill", "0"],
            2,
            "invalid value '0' for '[TARGET]...': 0 is no process: a PID is 1 or more; try 'fell kill --help'",
        ),
        (
            &["kill", "-5"],
            2,
            "invalid value '-5' for '[TARGET]...': a negative number is a process group, not a process: a PID is 1 or more; try 'fell kill --help'",
        ),
        (
            &["kill", "4711:x"],
            2,
            "invalid value '4711:x' for '[TARGET]...': the part behind the colon is no pidfd inode: expected PID:INODE such as 4711:5032; try 'fell kill --help'",
        ),
        (
            &["kill", ":0"],
            2,
            "invalid value ':0' for '[TARGET]...': not a port: expected :PORT with 1 to 65535, such as :8080; try 'fell kill --help'",
        ),
        (
            &["kill", "--grace", "5", "4711"],
            2,
            "invalid value '5' for '--grace <D>': a number without a unit; did you mean 5s?; try 'fell kill --help'",
        ),
        (
            &["kill", "1"],
            2,
            "process 1 is not to be ended: PID 1 ends the whole system or container; nothing was signalled",
        ),
        (
            &["kill", "-q", "-v", "4711"],
            2,
            "the argument '--quiet' cannot be used with '--verbose...'; try 'fell kill --help'",
        ),
        (&["tree", "2147483647"], 2, "no process 2147483647; expected the PID of a running process"),
        (
            &["tree", "2147483648"],
            2,
            "invalid value '2147483648' for '[PID]': larger than any PID (at most 2147483647); try 'fell tree --help'",
        ),
        (
            &["zombies", "--count", "--json"],
            2,
            "the argument '--count' cannot be used with '--json'; try 'fell zombies --help'",
        ),
        (
            &["completions", "q"],
            2,
            "invalid value 'q' for '<SHELL>' [possible values: bash, elvish, fish, powershell, zsh]; try 'fell completions --help'",
        ),
        (
            &["man", "rum"],
            2,
            "invalid value 'rum' for '[VERB]' [possible values: run, kill, tree, zombies, validate, doctor, install-links, completions, man]; a similar value exists: 'run'",
        ),
    ] {
        let told = fell(words, &[]);
        assert_eq!((told.code, told.stderr.as_str()), (Some(code), format!("fell: {line}\n").as_str()), "{words:?}");
        assert_eq!(told.stdout, "", "{words:?}");
    }
}

#[test]
fn a_bad_variable_is_named() {
    let told = fell(&["run", "true"], &[("FELL_GRACE", "7")]);
    assert_eq!(told.code, Some(125));
    assert_eq!(
        told.stderr,
        "fell: invalid value '7' for '--grace <D>': a number without a unit; did you mean 7s? (set by FELL_GRACE); try 'fell run --help'\n"
    );
    let told = fell(&["tree"], &[("FELL_LOG", "fell=loud")]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.starts_with("fell: FELL_LOG=fell=loud is no log filter"), "{}", told.stderr);
}

#[test]
fn the_command_line_wins_over_the_environment() {
    let told = fell(&["run", "--leftovers", "kill", "true"], &[("FELL_LEFTOVERS", "fail"), ("FELL_QUIET", "1")]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_mark_of_a_run_around_is_no_flag() {
    let told = fell(&["kill"], &[("FELL_RUN", "4711-1")]);
    assert_eq!(told.code, Some(2));
}

#[test]
fn no_one_is_signalled_if_one_target_is_refused() {
    let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let told = fell(&["kill", &child.id().to_string(), "1"], &[]);
    assert_eq!(told.code, Some(2), "{}", told.stderr);
    assert_eq!(child.try_wait().unwrap(), None);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_own_ancestors_are_refused() {
    let told = fell(&["kill", &std::process::id().to_string()], &[]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.ends_with("; --force lifts this; nothing was signalled\n"), "{}", told.stderr);
}

#[test]
fn help_goes_to_stdout() {
    for (words, beginning) in [
        (&["--help"][..], "Fell whole process trees"),
        (&["run", "--help"], "Run a command so that nothing it started outlives it"),
        (&["run", "-h"], "Run a command so that nothing it started outlives it"),
        (&["kill", "--help"], "End running process trees"),
        (&["--version"], concat!("fell ", env!("CARGO_PKG_VERSION"))),
    ] {
        let told = fell(words, &[]);
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{words:?}");
        assert!(told.stdout.starts_with(beginning), "{}", told.stdout);
    }
}
