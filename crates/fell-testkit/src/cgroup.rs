//! Cgroup directories that the harness makes for its victims.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// A hierarchy in which a directory may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// cgroup v1 with this controller.
    V1(&'static str),
    /// cgroup v2.
    V2,
}

/// The directory of our own cgroup in a hierarchy, or `None` if the host lacks it or shows it nowhere.
fn own(hierarchy: Hierarchy) -> Option<PathBuf> {
    let mine = own_path(hierarchy, &fs::read_to_string("/proc/self/cgroup").ok()?)?;
    let (root, point) = mount(hierarchy, &fs::read_to_string("/proc/self/mountinfo").ok()?)?;
    let inside = Path::new(&mine).strip_prefix(root).ok()?;
    Some(Path::new(&point).join(inside))
}

fn own_path(hierarchy: Hierarchy, text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let found = match hierarchy {
            Hierarchy::V1(name) => controllers.split(',').any(|controller| controller == name),
            Hierarchy::V2 => number == "0" && controllers.is_empty(),
        };
        found.then(|| path.to_owned())
    })
}

fn mount(hierarchy: Hierarchy, text: &str) -> Option<(String, String)> {
    text.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let left: Vec<_> = left.split(' ').collect();
        let right: Vec<_> = right.split(' ').collect();
        let found = match hierarchy {
            Hierarchy::V1(name) => right[0] == "cgroup" && right.get(2)?.split(',').any(|option| option == name),
            Hierarchy::V2 => right[0] == "cgroup2",
        };
        found.then(|| (left[3].to_owned(), left[4].to_owned()))
    })
}

/// A cgroup directory of ours; removed on drop.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Makes a fresh directory below our own cgroup, or says `None` if the host has no such hierarchy.
    pub(crate) fn make(hierarchy: Hierarchy) -> io::Result<Option<Self>> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Some(own) = own(hierarchy) else {
            return Ok(None);
        };
        let path = loop {
            let path = own.join(format!("victims-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed)));
            match fs::create_dir(&path) {
                Ok(()) => break path,
                // Of a process with this number in another PID namespace, or of one that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        };
        let made = Self { path };
        // So that a victim with another uid can join.
        fs::set_permissions(made.path.join("cgroup.procs"), fs::Permissions::from_mode(0o666))?;
        Ok(Some(made))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // EBUSY while the last of the dead is still leaving.
        for _ in 0..2000 {
            match fs::remove_dir(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    crate::end::pause(Duration::from_millis(1));
                }
                _ => return,
            }
        }
        eprintln!("fell-testkit: {} is still in use and stays behind", self.path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        39 31 0:36 /a /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn finds_both_kinds_of_hierarchy() {
        let pids = mount(Hierarchy::V1("pids"), HYBRID);
        assert_eq!(pids, Some(("/a".into(), "/sys/fs/cgroup/pids".into())));
        assert_eq!(mount(Hierarchy::V2, HYBRID), Some(("/".into(), "/sys/fs/cgroup/unified".into())));
        assert_eq!(mount(Hierarchy::V1("freezer"), HYBRID), None);
        assert_eq!(own_path(Hierarchy::V1("pids"), "8:cpu,pids:/a/b\n0::/x\n"), Some("/a/b".into()));
        assert_eq!(own_path(Hierarchy::V2, "8:cpu,pids:/a/b\n0::/x\n"), Some("/x".into()));
    }
}
