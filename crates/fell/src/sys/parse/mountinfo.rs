//! `/proc/PID/mountinfo`: what is mounted where.

use super::{ParseError, lines};

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Which directory of the file system is seen at the mount point.
    pub root: Vec<u8>,
    /// Where it is mounted.
    pub mount_point: Vec<u8>,
    /// Options of this mount, separated by commas.
    pub options: &'a [u8],
    /// The type of file system: `cgroup2`, `proc`.
    pub fs_type: &'a [u8],
    /// Options of the file system, separated by commas.
    pub super_options: &'a [u8],
}

impl Mount<'_> {
    /// The value of an option of the file system: `hidepid` of `rw,hidepid=invisible`.
    pub fn super_option(&self, name: &[u8]) -> Option<&[u8]> {
        self.super_options.split(|byte| *byte == b',').find_map(|option| option.strip_prefix(name)?.strip_prefix(b"="))
    }

    /// The path by which the directory `path` of the file system is reached through this mount, if it is.
    pub fn reach(&self, path: &[u8]) -> Option<Vec<u8>> {
        let below = match self.root.as_slice() {
            b"/" => path,
            root => path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with(b"/"))?,
        };
        let below = below.strip_prefix(b"/").unwrap_or(below);
        // A path that begins with `/..` lies outside of the cgroup namespace.
        if below.split(|byte| *byte == b'/').any(|part| part == b"..") {
            return None;
        }
        let mut reached = self.mount_point.clone();
        if !below.is_empty() {
            if !reached.ends_with(b"/") {
                reached.push(b'/');
            }
            reached.extend_from_slice(below);
        }
        Some(reached)
    }
}

/// The mounts, in the kernel's order: of two at one place the later hides the earlier.
///
/// A line that is not of this kind is given as an error that names it.
pub fn mountinfo(bytes: &[u8]) -> impl Iterator<Item = Result<Mount<'_>, ParseError>> {
    lines(bytes).map(|line| mount(line).ok_or_else(|| ParseError::new("mountinfo: line", line)))
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`; the fields before
/// the dash may be more than these.
fn mount(line: &[u8]) -> Option<Mount<'_>> {
    let mut words = line.split(|byte| *byte == b' ');
    let root = unescape(words.nth(3)?);
    let mount_point = unescape(words.next()?);
    let options = words.next()?;
    words.by_ref().find(|word| *word == b"-")?;
    let fs_type = words.next()?;
    let super_options = words.nth(1)?;
    Some(Mount { root, mount_point, options, fs_type, super_options })
}

/// Undoes the kernel's `\040` for blank, tab, newline and backslash.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, behind)) = rest.split_first() {
        match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                plain.push(*first);
                rest = behind;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"41 31 0:38 / /sys/fs/cgroup\\040x rw,nosuid shared:4 master:1 - cgroup2 none rw,hidepid=2\n";

    fn one(line: &[u8]) -> Mount<'_> {
        mountinfo(line).next().unwrap().unwrap()
    }

    #[test]
    fn reads_a_line() {
        let mount = one(LINE);
        assert_eq!(mount.mount_point, b"/sys/fs/cgroup x");
        assert_eq!(
            (mount.fs_type, mount.options, mount.root.as_slice()),
            (&b"cgroup2"[..], &b"rw,nosuid"[..], &b"/"[..])
        );
        assert_eq!(mount.super_option(b"hidepid"), Some(&b"2"[..]));
        assert_eq!(mount.super_option(b"hide"), None);
    }

    #[test]
    fn a_point_may_look_like_a_separator() {
        assert_eq!(one(b"1 2 0:1 / /a\\040-\\040b\\134040\\xff rw - proc proc rw").mount_point, b"/a - b\\040\\xff");
        assert_eq!(one(b"1 2 0:1 / \\777 rw - proc proc rw").mount_point, b"\\777");
    }

    #[test]
    fn a_cut_line_is_named() {
        for end in 1..LINE.len() {
            for mount in mountinfo(&LINE[..end]) {
                match mount {
                    Ok(mount) => assert_eq!(mount.fs_type, b"cgroup2"),
                    Err(error) => assert!(LINE.starts_with(error.found())),
                }
            }
        }
    }

    #[test]
    fn reaches_only_what_is_below_its_root() {
        let whole = one(b"1 2 0:1 / /cg rw - cgroup2 none rw");
        assert_eq!(whole.reach(b"/"), Some(b"/cg".to_vec()));
        assert_eq!(whole.reach(b"/a/b"), Some(b"/cg/a/b".to_vec()));
        assert_eq!(whole.reach(b"/../b"), None);
        let part = one(b"1 2 0:1 /a /cg rw - cgroup2 none rw");
        assert_eq!(part.reach(b"/a"), Some(b"/cg".to_vec()));
        assert_eq!(part.reach(b"/a/b"), Some(b"/cg/b".to_vec()));
        assert_eq!(part.reach(b"/ab"), None);
    }
}
