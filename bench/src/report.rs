//! The results: as data, and as a page.

use std::fmt::Write as _;

use serde::Serialize;

use crate::stopwatch::Samples;

/// All of one run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) versions: Vec<Version>,
    pub(crate) missing: Vec<String>,
    pub(crate) sections: Vec<Section>,
    pub(crate) curves: Vec<Curves>,
}

/// Where it was measured.
#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) load_before: String,
    pub(crate) load_after: String,
    pub(crate) realtime: bool,
}

/// What a peer calls itself.
#[derive(Serialize)]
pub(crate) struct Version {
    pub(crate) package: String,
    pub(crate) says: String,
}

/// One comparison.
#[derive(Serialize)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) text: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) bars: Vec<Bar>,
}

/// One contestant.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// To the reference of its section, by medians of wall time.
    pub(crate) ratio: f64,
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
    pub(crate) memory_kib: f64,
    pub(crate) rounds: usize,
}

/// What fell is held to.
#[derive(Serialize)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) limit: f64,
    /// The measured value has to be at least, not at most, the limit.
    pub(crate) at_least: bool,
}

/// Cost against size.
#[derive(Serialize)]
pub(crate) struct Curves {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) size: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// One contestant's cost against size.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Size, and milliseconds.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Row {
    /// The row of these samples, beside those of the reference.
    pub(crate) fn new(samples: &Samples, reference: &Samples) -> Row {
        let wall = samples.median(|sample| sample.wall);
        Row {
            name: samples.name.to_owned(),
            ratio: wall / reference.median(|sample| sample.wall),
            wall_ms: wall * 1e3,
            cpu_ms: samples.median(|sample| sample.cpu) * 1e3,
            memory_kib: samples.median(|sample| sample.memory),
            rounds: samples.all.len(),
        }
    }
}

impl Bar {
    pub(crate) fn at_most(what: &str, measured: f64, limit: f64) -> Bar {
        Bar { what: what.to_owned(), measured, limit, at_least: false }
    }

    pub(crate) fn at_least(what: &str, measured: f64, limit: f64) -> Bar {
        Bar { what: what.to_owned(), measured, limit, at_least: true }
    }

    pub(crate) fn holds(&self) -> bool {
        if self.at_least { self.measured >= self.limit } else { self.measured <= self.limit }
    }
}

impl Section {
    /// The ratio of a contestant, if it took part.
    pub(crate) fn ratio(&self, name: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.name == name).map(|row| row.ratio)
    }
}

impl Report {
    /// The page `docs/benchmarks.md`.
    pub(crate) fn page(&self) -> String {
        let mut page = String::from(
            "# Benchmarks\n\nMade by `cargo xtask bench`; the same figures are in [benchmarks.json](benchmarks.json). \
             What they mean, and what was tried, is in [performance.md](performance.md).\n\n\
             Only ratios travel to another machine. Each is of medians; the commands of a table were run in turns, in one run, \
             each round beginning with another one. A time is that of a whole process, from its start to its end, unless it says otherwise.\n\n",
        );
        self.say_machine(&mut page);
        page.push_str("## Bars\n\n| what | measured | bar | |\n|---|---:|---:|---|\n");
        for bar in self.sections.iter().flat_map(|section| &section.bars) {
            let sign = if bar.at_least { "≥" } else { "≤" };
            let verdict = if bar.holds() { "met" } else { "**not met**" };
            line(
                &mut page,
                format_args!("| {} | {} | {sign} {} | {verdict} |", bar.what, short(bar.measured), short(bar.limit)),
            );
        }
        page.push('\n');
        for section in &self.sections {
            line(&mut page, format_args!("## {}\n\n{}\n", section.title, section.text));
            if section.rows.is_empty() {
                continue;
            }
            page.push_str(
                "| | ratio | median | processor time | peak RSS | rounds |\n|---|---:|---:|---:|---:|---:|\n",
            );
            for row in &section.rows {
                line(
                    &mut page,
                    format_args!(
                        "| {} | {} | {} ms | {} ms | {} KiB | {} |",
                        row.name,
                        short(row.ratio),
                        short(row.wall_ms),
                        short(row.cpu_ms),
                        row.memory_kib,
                        row.rounds
                    ),
                );
            }
            page.push('\n');
        }
        if !self.curves.is_empty() {
            page.push_str("## Cost against size\n\nBoth axes are logarithmic.\n\n");
            for curves in &self.curves {
                line(&mut page, format_args!("![{}](benchmarks-{}.svg)\n", curves.title, curves.name));
            }
        }
        page.truncate(page.trim_end().len());
        page.push('\n');
        page
    }

    fn say_machine(&self, page: &mut String) {
        let Machine { processor, cores, memory_gib, kernel, load_before, load_after, realtime } = &self.machine;
        page.push_str("## Where\n\n| | |\n|---|---|\n");
        let scheduling = match realtime {
            true => "real time (`SCHED_FIFO`), so that other load hardly shows",
            false => "ordinary",
        };
        for (what, value) in [
            ("processor", format!("{processor}, {cores} cores")),
            ("memory", format!("{memory_gib} GiB")),
            ("kernel", kernel.clone()),
            ("load average before and after", format!("{load_before}; {load_after}")),
            ("scheduling of what is measured", scheduling.to_owned()),
        ] {
            line(page, format_args!("| {what} | {value} |"));
        }
        for Version { package, says } in &self.versions {
            line(page, format_args!("| {package} | {says} |"));
        }
        if !self.missing.is_empty() {
            line(page, format_args!("| could not be had here | {} |", self.missing.join(", ")));
        }
        page.push('\n');
    }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("a String takes all that is written");
}

/// With three digits.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        value if !value.is_finite() => String::from("?"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.01 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_a_direction() {
        assert!(Bar::at_most("", 0.9, 0.9).holds() && !Bar::at_most("", 0.91, 0.9).holds());
        assert!(Bar::at_least("", 40.0, 40.0).holds() && !Bar::at_least("", 39.0, 40.0).holds());
    }

    #[test]
    fn numbers_have_three_digits() {
        let words = [0.0, 0.0042, 0.456, 1.234, 12.34, 123.4, 12345.6, f64::NAN].map(short);
        assert_eq!(words, ["0.00", "0.0042", "0.46", "1.23", "12.3", "123", "12346", "?"]);
    }
}
