//! What this host allows, found out by doing it wherever that leaves no trace.

use super::{Linux, kernel_release, proc};
use crate::sys::{Handle, Machine, Probed, ReadError, parse};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};
use rustix::process::{child_subreaper, getpriority_process, setpriority_process};
use rustix::thread::CapabilitySet;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Whether something can be had, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Whether it can be had.
    pub(super) available: bool,
    /// What was seen: a version, a path, or what the system said.
    pub(super) detail: String,
}

impl Finding {
    fn yes(detail: impl fmt::Display) -> Finding {
        Finding { available: true, detail: detail.to_string() }
    }

    fn no(detail: impl fmt::Display) -> Finding {
        Finding { available: false, detail: detail.to_string() }
    }
}

/// All that was probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Findings {
    /// The kernel's release.
    pub(super) kernel: Finding,
    /// `pidfd_open(2)`.
    pub(super) pidfd: Finding,
    /// Inodes of pidfds that tell processes apart.
    pub(super) pidfd_inode: Finding,
    /// A `/proc` of the own PID namespace that shows every process.
    pub(super) proc: Finding,
    /// `/proc/PID/task/TID/children`.
    pub(super) children: Finding,
    /// `PR_SET_CHILD_SUBREAPER`.
    pub(super) subreaper: Finding,
    /// A directory in cgroup v2.
    pub(super) cgroup: Finding,
    /// A new PID namespace.
    pub(super) pid_namespace: Finding,
    /// Events of every fork and exit.
    pub(super) proc_connector: Finding,
    /// The highest priority, nice -20.
    pub(super) priority: Finding,
    /// Tracing a process of the same user that is no descendant.
    pub(super) trace: Finding,
}

pub(super) fn has_capability(capability: CapabilitySet) -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(capability))
}

impl Linux {
    /// Probes the host. Makes and removes one cgroup directory, opens and closes one netlink socket, and raises and
    /// restores the calling thread's priority.
    pub fn probe(&self) -> Vec<Probed> {
        super::abilities::report(self.find())
    }

    fn find(&self) -> Findings {
        let (pidfd, pidfd_inode) = self.probe_pidfd();
        Findings {
            kernel: match kernel_release() {
                Some(release) => Finding::yes(format_args!("Linux {release}")),
                None => Finding::no("the kernel does not tell its release"),
            },
            pidfd,
            pidfd_inode,
            proc: self.probe_proc(),
            children: match self.children(self.own()) {
                Ok(_) => Finding::yes("/proc/PID/task/TID/children"),
                Err(ReadError::Unsupported) => Finding::no("/proc/PID/task/TID/children is not there"),
                Err(error) => Finding::no(error),
            },
            subreaper: match child_subreaper() {
                Ok(_) => Finding::yes("PR_SET_CHILD_SUBREAPER"),
                Err(errno) => Finding::no(errno),
            },
            cgroup: probe_cgroup(self.own().get()),
            pid_namespace: probe_pid_namespace(),
            proc_connector: match probe_proc_connector() {
                Ok(()) => Finding::yes("netlink"),
                Err(errno) => Finding::no(errno),
            },
            priority: match probe_priority() {
                Ok(()) => Finding::yes("nice -20"),
                Err(errno) => Finding::no(format_args!("nice -20: {errno}")),
            },
            trace: probe_trace(),
        }
    }

    fn probe_pidfd(&self) -> (Finding, Finding) {
        let own = match self.open(self.own()) {
            Ok(own) => own,
            Err(error) => return (Finding::no(format_args!("{error:?}")), Finding::no("no pidfd")),
        };
        if own.fd().is_none() {
            return (Finding::no("pidfd_open is missing or forbidden"), Finding::no("no pidfd"));
        }
        let inode = match own.id().birth.inode {
            Some(inode) => Finding::yes(format_args!("this process is {}:{inode}", self.own())),
            None => Finding::no("the kernel is older than 6.9"),
        };
        (Finding::yes("pidfd_open"), inode)
    }

    fn probe_proc(&self) -> Finding {
        match self.proc() {
            Ok(()) => match self.hides() {
                None => Finding::yes("/proc shows this PID namespace"),
                Some(why) => Finding { available: true, detail: why },
            },
            Err(ReadError::Failed(error)) => Finding::no(error),
            Err(ReadError::Gone | ReadError::Unsupported) => {
                Finding::no("/proc is not there, or shows another PID namespace")
            }
        }
    }
}

/// Makes a directory below the own cgroup and removes it.
fn probe_cgroup(own: u32) -> Finding {
    let (mounts, places) = match (std::fs::read("/proc/self/mountinfo"), std::fs::read("/proc/self/cgroup")) {
        (Ok(mounts), Ok(places)) => (mounts, places),
        (Err(error), _) | (_, Err(error)) => return Finding::no(error),
    };
    let Some(place) = parse::cgroup(&places).v2 else { return Finding::no("this process is in no cgroup v2") };
    let mut mounted = parse::mountinfo(&mounts).flatten().filter(|mount| mount.fs_type == b"cgroup2").peekable();
    if mounted.peek().is_none() {
        return Finding::no("cgroup v2 is not mounted");
    }
    let Some(parent) = mounted.find_map(|mount| mount.reach(place)) else {
        return Finding::no("the own cgroup is not below any mount of cgroup v2");
    };
    let parent = PathBuf::from(OsStr::from_bytes(&parent));
    let probe = parent.join(format!("fell-doctor-{own}"));
    if let Err(errno) = rustix::fs::mkdir(&probe, Mode::RWXU) {
        return Finding::no(format_args!("{}: {errno}", parent.display()));
    }
    match rustix::fs::rmdir(&probe) {
        Ok(()) => Finding::yes(parent.display()),
        Err(errno) => Finding::no(format_args!("{} was made and can't be removed: {errno}", probe.display())),
    }
}

/// Judged by settings, since a namespace that is really made costs a fork.
fn probe_pid_namespace() -> Finding {
    if has_capability(CapabilitySet::SYS_ADMIN) {
        return Finding::yes("by CAP_SYS_ADMIN");
    }
    // Debian's switch; kernels without it allow.
    if proc::line("/proc/sys/kernel/unprivileged_userns_clone").is_ok_and(|switch| switch == "0") {
        return Finding::no("kernel.unprivileged_userns_clone is 0");
    }
    // Ubuntu's switch.
    if proc::line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").is_ok_and(|switch| switch != "0") {
        return Finding::no("kernel.apparmor_restrict_unprivileged_userns is set");
    }
    match proc::line("/proc/sys/user/max_user_namespaces").map(|most| most.parse::<u64>()) {
        Ok(Ok(0)) => Finding::no("user.max_user_namespaces is 0"),
        Ok(Ok(_)) => Finding::yes("by a user namespace"),
        Ok(Err(_)) => Finding::no("user.max_user_namespaces makes no sense"),
        Err(error) => Finding::no(format_args!("user.max_user_namespaces: {error}")),
    }
}

/// `CN_IDX_PROC` and `CN_VAL_PROC` of the kernel's `include/uapi/linux/connector.h`.
const CN_PROC: u32 = 1;
/// `PROC_CN_MCAST_LISTEN` and `PROC_CN_MCAST_IGNORE` of `include/uapi/linux/cn_proc.h`.
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;

/// Subscribes, and takes the subscription back: up to Linux 6.6, the kernel counts one that was closed without.
fn probe_proc_connector() -> Result<(), Errno> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::CONNECTOR),
    )?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, CN_PROC))?;
    for order in [LISTEN, IGNORE] {
        rustix::net::sendto(&socket, &connector_message(order), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    }
    Ok(())
}

/// `nlmsghdr` (16 bytes), `cn_msg` (20 bytes), `proc_cn_mcast_op` (4 bytes).
fn connector_message(order: u32) -> [u8; 40] {
    let no_flags_and_done: u32 = u32::from_ne_bytes({
        let kind = libc::NLMSG_DONE.to_ne_bytes();
        [kind[0], kind[1], 0, 0]
    });
    let payload_length: u32 = u32::from_ne_bytes({
        let length = 4_u16.to_ne_bytes();
        [length[0], length[1], 0, 0]
    });
    let words = [40, no_flags_and_done, 0, 0, CN_PROC, CN_PROC, 0, 0, payload_length, order];
    let mut message = [0; 40];
    for (place, word) in message.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    message
}

/// Raises the calling thread's priority and restores it, which is always allowed.
fn probe_priority() -> Result<(), Errno> {
    let before = getpriority_process(None)?;
    setpriority_process(None, -20)?;
    setpriority_process(None, before)
}

fn probe_trace() -> Finding {
    let scope = match proc::line("/proc/sys/kernel/yama/ptrace_scope") {
        Ok(scope) => scope,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Finding::yes("no Yama"),
        Err(error) => return Finding::no(error),
    };
    let detail = format!("kernel.yama.ptrace_scope is {scope}");
    match scope.as_str() {
        "0" => Finding::yes(detail),
        "1" | "2" if has_capability(CapabilitySet::SYS_PTRACE) => {
            Finding::yes(format_args!("{detail}, with CAP_SYS_PTRACE"))
        }
        _ => Finding::no(detail),
    }
}
