//! The adversary suite.
//!
//! The process that the user starts sends [`case::Case`]s to workers, one at a time, and shows what they record. A worker
//! plays them, each from its own preparation to its own clean-up. Beside each worker stands a warden, which cleans up
//! if the worker is killed. A worker dies with its starter, so that no `kill -9` leaves anything behind.

mod args;
mod board;
mod case;
mod cell;
mod clock;
mod contestant;
mod expectation;
mod field;
mod mark;
mod mode;
mod nursery;
mod play;
mod record;
mod table;
mod template;
mod warden;
mod worker;

use args::Args;
use board::Board;
use clap::Parser;
use field::Field;
use std::io;
use std::process::ExitCode;

/// The words that make this program a part of the suite instead of its face.
const WORKER: &str = "__worker";
const WARDEN: &str = "__warden";

pub(crate) fn main() -> ExitCode {
    let part = std::env::args().nth(1);
    let done = match part.as_deref() {
        Some(WORKER) => worker::serve(),
        Some(WARDEN) => warden::stand(),
        _ => contest(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fell-arena: {error}");
            ExitCode::from(2)
        }
    }
}

fn contest() -> io::Result<ExitCode> {
    let args = Args::parse();
    let field = Field::new(&args)?;
    if args.list {
        print!("{}", field.list());
        return Ok(ExitCode::SUCCESS);
    }
    let outputs = args.outputs()?;
    let records = field.play()?;
    let board = Board::new(&records, field.columns());
    print!("{}", board.text());
    outputs.write(&board)?;
    let (passed, lost) = (board.passed(), board.lost());
    println!("{passed} passed, {lost} failed ({})", board.must_win().join(", "));
    Ok(if lost == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
