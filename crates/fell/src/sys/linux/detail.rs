//! The names of users.

use std::collections::HashMap;
use std::fs;

/// The names of the users of this host. `/etc/passwd` alone: a static binary has no name service.
pub(crate) fn users() -> HashMap<u32, String> {
    parse(&fs::read_to_string("/etc/passwd").unwrap_or_default())
}

fn parse(table: &str) -> HashMap<u32, String> {
    let user = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, String::from(name)))
    };
    // Of several names for one number the first counts, as with getpwuid(3).
    table.lines().rev().filter_map(user).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts() {
        let users = parse("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n# no\n\nann:x:1000:1000::/:\nbad:x:y:0\n");
        assert_eq!(users.get(&0).map(String::as_str), Some("root"));
        assert_eq!(users.get(&1000).map(String::as_str), Some("ann"));
        assert_eq!(users.len(), 2);
    }
}
