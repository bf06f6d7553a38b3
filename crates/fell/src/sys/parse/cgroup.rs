//! `/proc/PID/cgroup`: where a process stands in each hierarchy of control groups.

use super::{lines, split_once};

/// A place in a version 1 hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Legacy<'a> {
    /// Its controllers, separated by commas, or `name=…`.
    pub controllers: &'a [u8],
    /// The path below the hierarchy's root.
    pub path: &'a [u8],
}

/// Where a process stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cgroups<'a> {
    /// The path in the version 2 hierarchy; `None` where there is none.
    pub v2: Option<&'a [u8]>,
    /// The places in version 1 hierarchies.
    pub v1: Vec<Legacy<'a>>,
}

/// Reads `/proc/PID/cgroup`: lines `ID:CONTROLLERS:PATH`. A line of another kind tells nothing.
///
/// A path may hold colons, and ends in ` (deleted)` if the group has been removed.
pub fn cgroup(bytes: &[u8]) -> Cgroups<'_> {
    let mut cgroups = Cgroups::default();
    for line in lines(bytes) {
        let Some((id, rest)) = split_once(line, b':') else { continue };
        match (id, split_once(rest, b':')) {
            (b"0", Some((b"", path))) => cgroups.v2 = Some(path),
            (_, Some((controllers, path))) => cgroups.v1.push(Legacy { controllers, path }),
            (_, None) => {}
        }
    }
    cgroups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_versions() {
        let file = b"4:memory:/a:b\n1:cpu,cpuacct:/\n9:name=systemd:/x\n0::/user.slice/fell-1 (deleted)\n";
        let cgroups = cgroup(file);
        assert_eq!(cgroups.v2, Some(&b"/user.slice/fell-1 (deleted)"[..]));
        assert_eq!(cgroups.v1[0], Legacy { controllers: b"memory", path: b"/a:b" });
        assert_eq!(cgroups.v1[2].controllers, b"name=systemd");
        assert_eq!(cgroup(b""), Cgroups::default());
        assert_eq!(cgroup(b"0::\xff\n").v2, Some(&b"\xff"[..]));
    }

    #[test]
    fn a_line_of_another_kind_tells_nothing() {
        assert_eq!(cgroup(b"nonsense\n0:/\n0::/x\n:\n").v2, Some(&b"/x"[..]));
    }
}
