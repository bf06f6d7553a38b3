//! Populations of sleeping processes, which end with this program, however it ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use miette::{IntoDiagnostic, Result, WrapErr, miette};

use crate::place::Place;

/// A program that forks trees when asked. It runs under `fell run`, which ends what is left of them.
pub(crate) struct Herd {
    run: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    size: u32,
}

impl Herd {
    /// Starts it, without any tree.
    pub(crate) fn new(place: &Place) -> Result<Herd> {
        let mut run = Command::new(place.program("fell"))
            .args(["run", "--quiet", "--timeout", "20m", "--"])
            .arg(place.program("herd"))
            .arg(place.priority.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .into_diagnostic()
            .wrap_err("fell does not start")?;
        let (Some(orders), Some(answers)) = (run.stdin.take(), run.stdout.take()) else {
            return Err(miette!("the herd has no pipes"));
        };
        Ok(Herd { run, orders: Some(orders), answers: BufReader::new(answers), size: 0 })
    }

    /// Forks a tree of so many members, each with at most `fanout` children, and gives the PID of its root.
    pub(crate) fn tree(&mut self, members: u32, fanout: u32) -> Result<u32> {
        let orders = self.orders.as_mut().ok_or_else(|| miette!("the herd has no orders"))?;
        writeln!(orders, "tree {members} {fanout}").into_diagnostic().wrap_err("the herd has ended")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).into_diagnostic()?;
        let mut numbers = answer.split_whitespace().map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(root)), Some(Ok(standing))) if standing == members => {
                self.size += members;
                Ok(root)
            }
            _ => Err(miette!("a tree of {members} does not stand: the herd says {answer:?}")),
        }
    }

    /// Forks trees until there are so many processes.
    pub(crate) fn grow_to(&mut self, size: u32) -> Result<()> {
        while self.size < size {
            self.tree((size - self.size).min(1000), 10)?;
        }
        Ok(())
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        // The end of its orders ends the herd and all its trees; fell looks after what is left.
        self.orders = None;
        if let Err(error) = self.run.wait() {
            eprintln!("bench: the herd was not waited for: {error}");
        }
    }
}
