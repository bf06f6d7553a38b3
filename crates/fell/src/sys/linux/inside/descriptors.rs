//! What a process has open.

use super::{Look, SHORT, refusal};
use crate::pid::Pid;
use crate::scene::{Call, Descriptor, Interest, Kind, Seen};
use crate::sys::linux::proc::proc_path;
use crate::sys::parse::{self, FdInfo, Link};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, StatxFlags, makedev, readlinkat, statx};
use rustix::io::Errno;

/// How many descriptors of one process are looked at.
const MOST_DESCRIPTORS: usize = 4096;
/// How much of an epoll instance's list is read.
const LIST: usize = 128 * 1024;

/// Fills in what this process has open, and what its event loops watch.
pub(super) fn see(look: &mut Look<'_>, seen: &mut Seen) {
    let pid = seen.info.pid();
    let mut descriptors = Vec::new();
    let mut more = 0_usize;
    let until = look.until;
    let listed = look.machine.files().list(proc_path!("/proc/{pid}/fd").as_bytes(), |directory, name| {
        if descriptors.len() >= MOST_DESCRIPTORS || super::since_boot() >= until {
            more += 1;
            return;
        }
        descriptors.extend(descriptor(directory, name));
    });
    match listed {
        Ok(()) => {}
        Err(errno) => {
            match errno {
                Errno::ACCESS | Errno::PERM => look.closed += 1,
                errno => {
                    if let Some(what) = refusal(errno) {
                        look.gap(pid, what);
                    }
                }
            }
            return;
        }
    }
    if more > 0 {
        look.gap(pid, format!("{more} of its descriptors were not looked at"));
    }
    seen.descriptors = Some(descriptors);
    complete(look, pid, seen);
}

/// Reads of descriptors that are waited on what only `fdinfo` tells.
fn complete(look: &Look<'_>, pid: Pid, seen: &mut Seen) {
    let Some(descriptors) = &mut seen.descriptors else { return };
    for thread in seen.threads.iter_mut().flatten() {
        let waited_on: Vec<i32> = match &thread.call {
            Some(Call::Poll(interests, _)) => interests.iter().map(|interest| interest.number).collect(),
            Some(Call::Read(number)) => vec![*number],
            Some(Call::Wait(crate::scene::Whom::Pidfd(number))) => vec![*number],
            _ => Vec::new(),
        };
        for descriptor in descriptors.iter_mut().filter(|descriptor| waited_on.contains(&descriptor.number)) {
            match &mut descriptor.kind {
                Kind::Pidfd(process) => *process = info(look, pid, descriptor.number, SHORT).process,
                Kind::Epoll(watched) => {
                    let list = info(look, pid, descriptor.number, LIST).watched;
                    *watched = list
                        .into_iter()
                        .map(|one| Interest {
                            number: one.number,
                            reads: one.events & libc::EPOLLIN.cast_unsigned() != 0,
                            writes: one.events & libc::EPOLLOUT.cast_unsigned() != 0,
                        })
                        .collect();
                }
                _ => {}
            }
        }
        if let Some(Call::Poll(interests, _)) = &mut thread.call {
            let watched = interests.iter().filter_map(|interest| {
                let descriptor = descriptors.iter().find(|descriptor| descriptor.number == interest.number)?;
                match &descriptor.kind {
                    Kind::Epoll(watched) => Some(watched.clone()),
                    _ => None,
                }
            });
            let watched: Vec<Interest> = watched.flatten().collect();
            interests.extend(watched);
        }
    }
}

/// `/proc/PID/fdinfo/N`; nothing if it is not to be had.
pub(super) fn info(look: &Look<'_>, pid: Pid, number: i32, limit: usize) -> FdInfo {
    let bytes = look.read(proc_path!("/proc/{pid}/fdinfo/{number}").as_bytes(), limit);
    bytes.map_or_else(|_| FdInfo::default(), |bytes| parse::fdinfo(&bytes))
}

/// The descriptor with this name in its directory; `None` if it was closed since it was listed.
fn descriptor(directory: &OwnedFd, name: &[u8]) -> Option<Descriptor> {
    let number = std::str::from_utf8(name).ok()?.parse().ok()?;
    let link = readlinkat(directory, name, Vec::new()).ok()?;
    let kind = match parse::link(link.as_bytes()) {
        Link::Pipe(inode) => Kind::Pipe(inode),
        Link::Socket(inode) => Kind::Socket(inode),
        Link::Anonymous(b"eventpoll") => Kind::Epoll(Vec::new()),
        Link::Anonymous(b"pidfd") => Kind::Pidfd(None),
        Link::Anonymous(name) => Kind::Other(String::from_utf8_lossy(name).into_owned()),
        Link::Path(path) => {
            let path = String::from_utf8_lossy(path).into_owned();
            match file(directory, name) {
                Some((FileType::Fifo, id)) => Kind::Fifo(path, id),
                Some((FileType::CharacterDevice, _)) => Kind::Device(path),
                Some((_, id)) => Kind::File(path, id),
                None => Kind::Other(path),
            }
        }
    };
    let (reads, writes) = modes(directory, name);
    Some(Descriptor { number, kind, reads, writes })
}

/// Of which type it is, and its device and inode. Asks no file server.
pub(super) fn file(directory: &OwnedFd, name: &[u8]) -> Option<(FileType, (u64, u64))> {
    let mask = StatxFlags::TYPE | StatxFlags::INO;
    let found = statx(directory, name, AtFlags::STATX_DONT_SYNC, mask).ok()?;
    let device = makedev(found.stx_dev_major, found.stx_dev_minor);
    Some((FileType::from_raw_mode(found.stx_mode.into()), (device, found.stx_ino)))
}

/// Whether it is open for reading and for writing: the rights that its link shows.
pub(super) fn modes(directory: &OwnedFd, name: &[u8]) -> (bool, bool) {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::SYMLINK_NOFOLLOW;
    match statx(directory, name, flags, StatxFlags::MODE) {
        Ok(found) => (found.stx_mode & 0o400 != 0, found.stx_mode & 0o200 != 0),
        // Closed since: then it is neither.
        Err(_) => (false, false),
    }
}
