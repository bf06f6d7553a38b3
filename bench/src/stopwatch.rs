//! Commands run side by side, and what each has cost.

use std::process::Command;

use miette::{IntoDiagnostic, Result, WrapErr, miette};

use crate::place::Place;

/// One command among those that are compared.
#[derive(Clone)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) words: Vec<String>,
    /// The exit codes that say it did its work.
    pub(crate) codes: &'static [i64],
}

impl Contestant {
    pub(crate) fn new<S: Into<String>>(name: &'static str, words: impl IntoIterator<Item = S>) -> Contestant {
        Contestant { name, words: words.into_iter().map(Into::into).collect(), codes: &[0] }
    }

    /// One that ends with one of these exit codes when it did its work.
    pub(crate) fn ending_with(self, codes: &'static [i64]) -> Contestant {
        Contestant { codes, ..self }
    }
}

/// What one run of a command has cost.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// From its start to its end.
    pub(crate) wall: f64,
    /// Processor time of it and of what it has waited for.
    pub(crate) cpu: f64,
    /// Peak resident set in KiB, the largest among it and what it has waited for.
    pub(crate) memory: f64,
}

/// The samples of one command.
pub(crate) struct Samples {
    pub(crate) name: &'static str,
    pub(crate) all: Vec<Sample>,
}

impl Samples {
    pub(crate) fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        let mut values: Vec<f64> = self.all.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        match values.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => values[length / 2],
            length => f64::midpoint(values[length / 2 - 1], values[length / 2]),
        }
    }
}

/// Runs each command once a round, beginning with another one each time.
pub(crate) fn measure(place: &Place, rounds: u32, contestants: &[Contestant]) -> Result<Vec<Samples>> {
    let mut command = Command::new(place.program("stopwatch"));
    command.arg(rounds.to_string()).arg(place.priority.to_string());
    for (index, contestant) in contestants.iter().enumerate() {
        if index > 0 {
            command.arg(";;");
        }
        command.args(&contestant.words);
    }
    let output = command.output().into_diagnostic().wrap_err("the stopwatch does not start")?;
    if !output.status.success() {
        return Err(miette!("the stopwatch ended with {}", output.status));
    }
    let mut samples: Vec<Samples> =
        contestants.iter().map(|contestant| Samples { name: contestant.name, all: Vec::new() }).collect();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let numbers: Vec<i64> = line.split(' ').map(str::parse).collect::<Result<_, _>>().into_diagnostic()?;
        let &[index, wall, cpu, memory, status] = numbers.as_slice() else { return Err(miette!("odd sample: {line}")) };
        let index = usize::try_from(index).into_diagnostic()?;
        let (Some(one), Some(contestant)) = (samples.get_mut(index), contestants.get(index)) else {
            return Err(miette!("odd sample: {line}"));
        };
        if status & 0xff != 0 || !contestant.codes.contains(&(status >> 8)) {
            return Err(miette!("{} ended with status {status}: {}", contestant.name, contestant.words.join(" ")));
        }
        one.all.push(Sample { wall: wall as f64 / 1e9, cpu: cpu as f64 / 1e6, memory: memory as f64 });
    }
    Ok(samples)
}
