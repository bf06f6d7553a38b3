//! The project's chores; `cargo xtask --help` lists them.

#![forbid(unsafe_code)]

mod arena;
mod bench;
mod codegen;
mod command;
mod cross;
mod deny;
mod dist;
mod fuzz;
mod gate;
mod place;
mod plan;
mod programs;
mod python;
mod suites;
mod tidy;

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

/// The project's chores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check everything that a change must pass, by `fell validate`; stops at the first failure
    Test {
        /// Run this step alone and directly; may be repeated
        #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(gate::names()))]
        only: Vec<String>,
        /// Print the steps, run none
        #[arg(long)]
        list: bool,
        /// Run none: ask whether each step of the last full run has said itself that it passed
        #[arg(long)]
        confirm: bool,
    },
    /// Check the floors of the engine and the other rules of the house
    Tidy,
    /// Write the generated files: `docs/schemas`
    Codegen {
        /// Compare with the committed files and write nothing
        #[arg(long)]
        check: bool,
    },
    /// Let the victims play against fell and its peers; fails on any loss of fell
    Arena {
        /// For the arena itself; `-- --help` lists them
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Measure fell beside its peers and beside what C needs; writes docs/benchmarks.md
    Bench(bench::Options),
    /// Build the binary as it is released, static and small, and say where it is
    Dist,
    /// Check the other systems from a Debian machine: Windows under Wine, macOS, FreeBSD, Linux on Arm
    Cross {
        /// Check this system alone; may be repeated
        #[arg(long, value_name = "SYSTEM", value_parser = PossibleValuesParser::new(cross::names()))]
        only: Vec<String>,
        /// Print the systems, check none
        #[arg(long)]
        list: bool,
    },
    /// Feed damaged bytes to the parsers for a bounded time
    Fuzz {
        /// Seconds for each target
        #[arg(long, default_value_t = fuzz::SECONDS)]
        seconds: u32,
        /// Targets to run; all when none is named
        targets: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Test { list: true, .. } => {
            gate::list();
            Ok(())
        }
        Chore::Test { confirm: true, .. } => gate::confirm(),
        Chore::Test { only, .. } => gate::run(&only),
        Chore::Tidy => tidy::run(),
        Chore::Codegen { check } => codegen::run(check),
        Chore::Arena { arguments } => arena::run(&arguments),
        Chore::Bench(options) => bench::run(&options),
        Chore::Dist => dist::build().map(|path| println!("{}", path.display())),
        Chore::Cross { list: true, .. } => {
            cross::list();
            Ok(())
        }
        Chore::Cross { only, .. } => cross::run(&only),
        Chore::Fuzz { seconds, targets } => fuzz::run(seconds, &targets),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
