//! Who is whose parent, of all processes.

use std::collections::HashMap;
use std::fs;
use std::io;

/// One look at all processes.
#[derive(Debug)]
pub(crate) struct Table {
    /// Parent and whether it is a zombie, by PID.
    rows: HashMap<i32, (i32, bool)>,
}

impl Table {
    /// Looks.
    pub(crate) fn look() -> io::Result<Self> {
        let mut rows = HashMap::new();
        for pid in pids()? {
            // Gone meanwhile, if it can't be read.
            if let Ok(text) = fs::read(format!("/proc/{pid}/stat"))
                && let Some(row) = row(&text)
            {
                rows.insert(pid, row);
            }
        }
        Ok(Self { rows })
    }

    /// Whether a process is this ancestor, or descends from it.
    pub(crate) fn descends(&self, mut pid: i32, ancestor: i32) -> bool {
        // No chain is longer than there are processes.
        for _ in 0..=self.rows.len() {
            if pid == ancestor {
                return true;
            }
            match self.rows.get(&pid) {
                Some((parent, _)) => pid = *parent,
                None => return false,
            }
        }
        false
    }

    /// The zombies among a process's children.
    pub(crate) fn zombies_of(&self, parent: i32) -> Vec<i32> {
        let mut zombies: Vec<_> =
            self.rows.iter().filter(|(_, row)| **row == (parent, true)).map(|(pid, _)| *pid).collect();
        zombies.sort_unstable();
        zombies
    }

    /// Whether a process is a zombie.
    pub(crate) fn is_zombie(&self, pid: i32) -> bool {
        self.rows.get(&pid).is_some_and(|(_, zombie)| *zombie)
    }
}

/// The PIDs in `/proc`.
pub(crate) fn pids() -> io::Result<Vec<i32>> {
    let names = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

/// Parent and state, from behind the last parenthesis: the name may hold some.
fn row(stat: &[u8]) -> Option<(i32, bool)> {
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(name_ends + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    Some((fields.next()?.parse().ok()?, state == "Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_confuse() {
        assert_eq!(row(b"7 (a) Z 0 (b) S 5 1"), Some((5, false)));
        assert_eq!(row(b"7 (x) Z 5 1"), Some((5, true)));
        assert_eq!(row(b"7"), None);
    }

    #[test]
    fn we_descend_from_init() {
        let own = std::process::id() as i32;
        let table = Table::look().expect("there is /proc");
        assert!(table.descends(own, own));
        assert!(!table.is_zombie(own));
        assert!(!table.descends(1, own));
    }
}
