//! A table in columns, as `ps` lays it out.

use std::fmt;

/// To which side a column is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table in columns. The last one may be of any width.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these headings.
    pub(crate) fn new(headings: &[(String, Align)]) -> Table {
        Table {
            columns: headings.iter().map(|(_, align)| *align).collect(),
            rows: vec![headings.iter().map(|(heading, _)| heading.clone()).collect()],
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width_of(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for ((cell, align), width) in row.iter().zip(&self.columns).zip(&widths) {
                let blanks = " ".repeat(width.saturating_sub(width_of(cell)));
                match align {
                    Align::Left => line.extend([cell, &blanks, "  "]),
                    Align::Right => line.extend([&blanks, cell.as_str(), "  "]),
                }
            }
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

/// How many letters of a cell are seen: colours take no room.
fn width_of(cell: &str) -> usize {
    anstream::adapter::strip_str(cell).map(|piece| piece.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(&[
            (String::from("PID"), Align::Right),
            (String::from("STATE"), Align::Left),
            (String::from("COMMAND"), Align::Left),
        ]);
        table.row(vec![String::from("7"), String::from("\u{1b}[31mzombie\u{1b}[0m"), String::from("a")]);
        table.row(vec![String::from("4711"), String::from("é"), String::from("b c")]);
        assert_eq!(table.to_string(), " PID  STATE   COMMAND\n   7  \u{1b}[31mzombie\u{1b}[0m  a\n4711  é       b c");
    }
}
