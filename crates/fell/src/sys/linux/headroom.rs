//! How many processes there may be: of the system, of a cgroup. And in which of them a process is.

use super::proc::{Files, proc_path};
use crate::pid::Pid;
use crate::sys::headroom::{Limit, LimitKind};
use crate::sys::parse::{self, Mount};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The inode of the first PID namespace: `PROC_PID_INIT_INO` of the kernel's `include/linux/proc_ns.h`.
const FIRST_NAMESPACE: u64 = 0xeffffffc;

/// The cgroup of a process: that of version 2, or, where it is in the root there, of the version 1 hierarchy in which it is
/// furthest from the root. Parts of it that are not UTF-8 are shown as U+FFFD.
pub(crate) fn cgroup_of(pid: Pid) -> Option<String> {
    let bytes = read(proc_path!("/proc/{pid}/cgroup").as_bytes())?;
    let cgroups = parse::cgroup(&bytes);
    let by_name = cgroups.v1.iter().filter(|place| place.controllers == b"name=systemd");
    let any = cgroups.v1.iter();
    let paths = cgroups.v2.into_iter().chain(by_name.chain(any).map(|place| place.path));
    let path = paths.clone().find(|path| *path != b"/").or_else(|| paths.clone().next())?;
    Some(String::from_utf8_lossy(path).into_owned())
}

/// Whether a process is the first of its PID namespace: PID 1 of this system, or of a container.
pub(crate) fn is_namespace_init(pid: Pid) -> Option<bool> {
    if pid == Pid::INIT {
        return Some(true);
    }
    let status = parse::status(&read(proc_path!("/proc/{pid}/status").as_bytes())?);
    // A process always has one, from Linux 4.1 on.
    status.namespace_pids.last().map(|innermost| *innermost == Pid::INIT)
}

/// Whether this is PID 1 of the whole system, and not of a container. Where that can't be told, PID 1 is.
pub(crate) fn is_system_init(pid: Pid) -> bool {
    pid == Pid::INIT && !is_in_container()
}

fn is_in_container() -> bool {
    rustix::fs::stat("/proc/self/ns/pid").is_ok_and(|stat| stat.st_ino != FIRST_NAMESPACE)
}

/// The bounds of the system, and the tightest one around each of these processes. `threads` is how many threads can be seen.
pub(crate) fn limits(of: &[Pid], threads: Option<u64>) -> Vec<Limit> {
    let number = |path: &str| parse::one_number(&read(path.as_bytes())?);
    let all = read(b"/proc/loadavg").and_then(|bytes| parse::loadavg_threads(&bytes));
    // A container has numbers of its own for what can be seen from inside; the whole system's threads it only shares.
    let numbered = if is_in_container() { threads } else { all };
    let pid_max =
        number("/proc/sys/kernel/pid_max").map(|limit| Limit { kind: LimitKind::PidMax, used: numbered, limit });
    let threads_max =
        number("/proc/sys/kernel/threads-max").map(|limit| Limit { kind: LimitKind::ThreadsMax, used: all, limit });
    pid_max.into_iter().chain(threads_max).chain(cgroup_limits(of)).collect()
}

fn cgroup_limits(of: &[Pid]) -> Vec<Limit> {
    let Some(table) = read(b"/proc/self/mountinfo") else { return Vec::new() };
    let mounts: Vec<Mount<'_>> = parse::mountinfo(&table).flatten().collect();
    let is_v1 = |mount: &&Mount<'_>| {
        mount.fs_type == b"cgroup" && mount.super_options.split(|byte| *byte == b',').any(|option| option == b"pids")
    };
    let v1 = mounts.iter().find(is_v1);
    let v2 = mounts.iter().find(|mount| mount.fs_type == b"cgroup2");
    let places: BTreeSet<(bool, Vec<u8>)> = of
        .iter()
        .filter_map(|pid| {
            let bytes = read(proc_path!("/proc/{pid}/cgroup").as_bytes())?;
            let cgroups = parse::cgroup(&bytes);
            let has_pids = |controllers: &[u8]| controllers.split(|byte| *byte == b',').any(|one| one == b"pids");
            match cgroups.v1.iter().find(|place| has_pids(place.controllers)) {
                Some(place) => Some((true, place.path.to_vec())),
                None => cgroups.v2.map(|path| (false, path.to_vec())),
            }
        })
        .collect();
    let mut limits: Vec<Limit> = Vec::new();
    for (is_v1, path) in places {
        let Some(mount) = (if is_v1 { v1 } else { v2 }) else { continue };
        let Some(directory) = mount.reach(&path) else { continue };
        let tightest =
            tightest(Path::new(OsStr::from_bytes(&directory)), Path::new(OsStr::from_bytes(&mount.mount_point)));
        limits.extend(tightest.filter(|limit| !limits.contains(limit)));
    }
    limits
}

/// The bound that leaves least, of a cgroup and all around it.
fn tightest(directory: &Path, top: &Path) -> Option<Limit> {
    let bound = |directory: &Path| {
        let limit = parse::pids_max(&fs::read(directory.join("pids.max")).ok()?)??;
        let used = fs::read(directory.join("pids.current")).ok().and_then(|bytes| parse::one_number(&bytes));
        let name = directory.strip_prefix(top).unwrap_or(directory);
        let name = PathBuf::from("/").join(name).to_string_lossy().into_owned();
        Some(Limit { kind: LimitKind::Cgroup(name), used, limit })
    };
    let around = directory.ancestors().take_while(|ancestor| ancestor.starts_with(top));
    around.filter_map(bound).min_by_key(|limit| limit.left().unwrap_or(limit.limit))
}

fn read(path: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    Files::default().read(path, &mut bytes, usize::MAX).ok().map(|_| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_that_leaves_least_counts() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).unwrap();
        assert_eq!(tightest(&inner, folder.path()), None);
        write("a/b/pids.max", "max\n");
        assert_eq!(tightest(&inner, folder.path()), None);
        write("a/pids.max", "50\n");
        write("a/pids.current", "48\n");
        write("pids.max", "60\n");
        write("pids.current", "20\n");
        let expected = Limit { kind: LimitKind::Cgroup(String::from("/a")), used: Some(48), limit: 50 };
        assert_eq!(tightest(&inner, folder.path()), Some(expected));
        // Of one whose use is not known, all may be left.
        fs::remove_file(folder.path().join("a/pids.current")).unwrap();
        assert_eq!(tightest(&inner, folder.path()).unwrap().used, Some(20));
    }

    #[test]
    fn this_process_is_counted() {
        let own = Pid::new(std::process::id()).unwrap();
        let limits = limits(&[own], None);
        assert!(limits.iter().any(|limit| limit.kind == LimitKind::ThreadsMax && limit.used < Some(limit.limit)));
        assert_eq!(is_namespace_init(Pid::INIT), Some(true));
        assert!(cgroup_of(own).is_none_or(|path| path.starts_with('/')));
    }
}
