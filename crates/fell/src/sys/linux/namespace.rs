//! A PID namespace for one run: when its first process ends, the kernel ends all that is inside.

use super::raw::errno;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use std::ffi::CStr;

/// What the first process of the namespace has to know, prepared before the fork.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// For a caller without privilege, who needs a user namespace around it: the lines of `uid_map` and `gid_map`, which
    /// map the caller's own IDs to themselves.
    maps: Option<(String, String)>,
}

impl Namespace {
    /// For this process's user.
    pub(crate) fn prepare() -> Namespace {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        let maps = (!user.is_root()).then(|| {
            let line = |id: u32| format!("{id} {id} 1\n");
            (line(user.as_raw()), line(group.as_raw()))
        });
        Namespace { maps }
    }

    /// Forks into a fresh namespace: 0 in the child, which is its first process.
    ///
    /// # Errors
    ///
    /// The kernel, or a limit, forbids it.
    ///
    /// # Safety
    ///
    /// As for `fork(2)`: a child of a process with threads may do only what is async-signal-safe.
    pub(super) unsafe fn fork(&self) -> Result<i32, i32> {
        let user = if self.maps.is_some() { libc::CLONE_NEWUSER } else { 0 };
        let flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS | user | libc::SIGCHLD;
        // SAFETY: without CLONE_VM and a stack of its own, the child goes on here on a copy, as after fork. The C library's
        // fork handlers don't run, which matter only to a child that uses its locks.
        let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
        match i32::try_from(pid) {
            Ok(pid) if pid >= 0 => Ok(pid),
            _ => Err(errno()),
        }
    }

    /// Makes the namespace fit to live in: the caller's own IDs, and a `/proc` of its own that nobody outside sees.
    ///
    /// # Errors
    ///
    /// A mount, or a map, is forbidden.
    pub(super) fn furnish(&self) -> Result<(), Errno> {
        if let Some((users, groups)) = &self.maps {
            // A group can be mapped without privilege only by who has given up setgroups(2).
            write(c"/proc/self/setgroups", b"deny")?;
            write(c"/proc/self/uid_map", users.as_bytes())?;
            write(c"/proc/self/gid_map", groups.as_bytes())?;
        }
        mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount(c"proc", c"/proc", c"proc", flags, None)
    }
}

fn write(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text).map(|_| ())
}
