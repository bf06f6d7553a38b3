//! The adversary suite: every victim, in every mode, against every contestant.

#[path = "../arena/mod.rs"]
mod arena;

fn main() -> std::process::ExitCode {
    arena::main()
}
