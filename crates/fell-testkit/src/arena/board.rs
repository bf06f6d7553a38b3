//! The board that shows who lost what.

use super::case::Case;
use super::mode::Mode;
use super::record::{Loss, Record, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;

/// A contestant under a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// The contestant.
    pub(crate) name: String,
    /// The user.
    pub(crate) user: String,
    /// Whether the suite runs as this user.
    pub(crate) is_own_user: bool,
    /// Whether its losses make the suite fail.
    pub(crate) must_win: bool,
}

impl Column {
    /// Its name on the board and on the command line.
    fn label(&self) -> String {
        if self.is_own_user { self.name.clone() } else { format!("{}@{}", self.name, self.user) }
    }

    /// Whether a game belongs here.
    pub(crate) fn is_of(&self, case: &Case) -> bool {
        case.contestant == self.name && case.user == self.user
    }
}

/// All records, by victim and column.
pub(crate) struct Board<'a> {
    records: &'a [Record],
    columns: &'a [Column],
    modes: Vec<Mode>,
    victims: Vec<&'a str>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    records: &'a [Record],
}

impl<'a> Board<'a> {
    /// Lays the records out, in their order.
    pub(crate) fn new(records: &'a [Record], columns: &'a [Column]) -> Self {
        let mut modes: Vec<Mode> = records.iter().map(|record| record.case.mode).collect();
        modes.sort_unstable();
        modes.dedup();
        let mut victims: Vec<&str> = records.iter().map(|record| record.case.victim.as_str()).collect();
        victims.dedup();
        Self { records, columns, modes, victims }
    }

    fn of_winners(&self) -> impl Iterator<Item = &'a Record> {
        let winners: Vec<&Column> = self.columns.iter().filter(|column| column.must_win).collect();
        self.records.iter().filter(move |record| winners.iter().any(|column| column.is_of(&record.case)))
    }

    /// How many games those won that must.
    pub(crate) fn passed(&self) -> usize {
        self.of_winners().filter(|record| record.verdict == Verdict::Passed).count()
    }

    /// How many games those lost that must not.
    pub(crate) fn lost(&self) -> usize {
        self.of_winners().filter(|record| record.verdict == Verdict::Lost).count()
    }

    /// The labels of those that must win.
    pub(crate) fn must_win(&self) -> Vec<String> {
        self.columns.iter().filter(|column| column.must_win).map(Column::label).collect()
    }

    /// One letter a mode, the worst of all rounds.
    fn cell(&self, victim: &str, column: &Column) -> String {
        let letter = |mode: &Mode| {
            let played = self.records.iter().filter(|record| {
                record.case.victim == victim && record.case.mode == *mode && column.is_of(&record.case)
            });
            let worst = played.min_by_key(|record| match record.verdict {
                Verdict::Lost => (0, record.losses.iter().min().copied()),
                Verdict::Skipped => (1, None),
                Verdict::Passed => (2, None),
                Verdict::NotApplicable => (3, None),
            });
            worst.map_or(' ', Record::letter)
        };
        self.modes.iter().map(letter).collect()
    }

    /// Won and played games of a column in a mode.
    fn score(&self, column: &Column, mode: Option<Mode>) -> (usize, usize) {
        let of_mode = |record: &&Record| mode.is_none_or(|mode| record.case.mode == mode);
        let records = self.records.iter().filter(|record| column.is_of(&record.case)).filter(of_mode);
        let verdicts: Vec<_> = records.map(|record| record.verdict).collect();
        let won = verdicts.iter().filter(|verdict| **verdict == Verdict::Passed).count();
        (won, won + verdicts.iter().filter(|verdict| **verdict == Verdict::Lost).count())
    }

    /// The middle of the times to the last death, of games that were won.
    fn median(&self, column: &Column, mode: Mode) -> Option<u64> {
        let mut times: Vec<u64> = self
            .records
            .iter()
            .filter(|record| {
                record.verdict == Verdict::Passed && record.case.mode == mode && column.is_of(&record.case)
            })
            .filter_map(|record| record.last_death_ms)
            .collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    fn initials(&self) -> String {
        self.modes.iter().map(|mode| initial(*mode)).collect()
    }

    fn legend(&self) -> String {
        let modes: Vec<_> = self.modes.iter().map(|mode| format!("{} {}", initial(*mode), mode.name())).collect();
        let losses: Vec<_> = Loss::ALL.iter().map(|loss| format!("{} {}", loss.letter(), loss.about())).collect();
        format!("{}. `.` won, `-` not applicable, `~` not possible here, {}.", modes.join(", "), losses.join(", "))
    }

    fn totals(&self, column: &Column) -> String {
        let (won, played) = self.score(column, None);
        format!("{won}/{played}")
    }

    /// Which games were not possible here, by reason: nothing is left out in silence.
    fn skipped(&self) -> Vec<String> {
        let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for record in self.records.iter().filter(|record| record.verdict == Verdict::Skipped) {
            let Some(column) = self.columns.iter().find(|column| column.is_of(&record.case)) else { continue };
            let victims = reasons.entry(format!("{}: {}", column.label(), record.note)).or_default();
            if !victims.contains(&record.case.victim.as_str()) {
                victims.push(&record.case.victim);
            }
        }
        let all = self.victims.len();
        let shown = |victims: &[&str]| {
            if victims.len() == all { String::from("every victim") } else { victims.join(", ") }
        };
        reasons.into_iter().map(|(reason, victims)| format!("skipped: {reason}: {}", shown(&victims))).collect()
    }

    /// Where somebody died only after the return of one that must win; not a loss unless that is asked for.
    fn late(&self) -> Vec<String> {
        let records =
            self.of_winners().filter(|record| record.verdict == Verdict::Passed && !record.case.mode.crashes());
        let late = records.filter_map(|record| {
            let column = self.columns.iter().find(|column| column.is_of(&record.case))?;
            let (label, victim, mode) = (column.label(), &record.case.victim, record.case.mode.name());
            Some(format!("late: {label}: {victim} in {mode}: the last died {} ms after its return", record.late_ms?))
        });
        late.collect()
    }

    /// What those lost that must not, and how to see it again.
    fn complaints(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for record in self.of_winners().filter(|record| record.verdict == Verdict::Lost) {
            let Some(column) = self.columns.iter().find(|column| column.is_of(&record.case)) else { continue };
            let (label, victim, mode) = (column.label(), &record.case.victim, record.case.mode.name());
            let note = if record.note.is_empty() || record.losses == [Loss::Error] {
                String::new()
            } else {
                format!(" ({})", record.note)
            };
            let said = if record.output.is_empty() { String::new() } else { format!("; it said: {}", record.output) };
            lines.push(format!(
                "lost: {label}: {victim} in {mode}{note}: {}{said}; repeat: fell-arena --contestants {label} --only {victim} --modes {mode}",
                record.reasons().join("; ")
            ));
        }
        lines
    }

    /// For the terminal.
    pub(crate) fn text(&self) -> String {
        let labels: Vec<String> = self.columns.iter().map(Column::label).collect();
        let width = |at: usize| labels[at].len().max(self.modes.len()).max(self.totals(&self.columns[at]).len());
        let first = self.victims.iter().map(|victim| victim.len()).max().unwrap_or(0).max("victim".len());
        let row = |head: &str, cells: Vec<String>| {
            let mut line = format!("{head:first$}");
            for (at, cell) in cells.iter().enumerate() {
                line += &format!("  {cell:<width$}", width = width(at));
            }
            format!("{}\n", line.trim_end())
        };
        let mut text = row("victim", labels.clone());
        text += &row("", self.columns.iter().map(|_| self.initials()).collect());
        for victim in &self.victims {
            text += &row(victim, self.columns.iter().map(|column| self.cell(victim, column)).collect());
        }
        text += &row("won", self.columns.iter().map(|column| self.totals(column)).collect());
        text += &format!("\n{}\n", self.legend().replace('`', ""));
        for line in self.skipped().into_iter().chain(self.late()).chain(self.complaints()) {
            text += &format!("{line}\n");
        }
        text
    }

    /// For the documentation.
    pub(crate) fn markdown(&self) -> String {
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let rule = |count: usize| format!("|{}\n", " --- |".repeat(count));
        let head = |first: &str, rest: Vec<String>| std::iter::once(first.to_owned()).chain(rest).collect::<Vec<_>>();
        let mut text = String::from(
            "Games won of games played, and the median time from the beginning of the end to the last death:\n\n",
        );
        text += &row(head("contestant", self.modes.iter().map(|mode| mode.name().to_owned()).collect()));
        text += &rule(self.modes.len() + 1);
        for column in self.columns {
            let score = |mode: &Mode| match (self.score(column, Some(*mode)), self.median(column, *mode)) {
                ((_, 0), _) => String::from("–"),
                ((won, played), Some(time)) => format!("{won}/{played}, {time} ms"),
                ((won, played), None) => format!("{won}/{played}"),
            };
            text += &row(head(&column.label(), self.modes.iter().map(score).collect()));
        }
        text += &format!("\n{}\n\n", self.legend());
        let labels = self.columns.iter().map(|column| format!("{} `{}`", column.label(), self.initials())).collect();
        text += &row(head("victim", labels));
        text += &rule(self.columns.len() + 1);
        for victim in &self.victims {
            let cells = self.columns.iter().map(|column| format!("`{}`", self.cell(victim, column))).collect();
            text += &row(head(victim, cells));
        }
        for line in self.skipped() {
            text += &format!("\n{line}\n");
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> io::Result<String> {
        Ok(serde_json::to_string_pretty(&Document { schema: "fell/arena/1", records: self.records })? + "\n")
    }
}

/// The letter of a mode above its column.
fn initial(mode: Mode) -> char {
    match mode {
        Mode::Run => 'r',
        Mode::Leftover => 'l',
        Mode::Cancel => 'c',
        Mode::Crash => 'x',
        Mode::Kill => 'k',
        Mode::KillShared => 's',
        Mode::CrashEarly => 'e',
    }
}
