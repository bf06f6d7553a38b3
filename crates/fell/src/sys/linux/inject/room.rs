//! Unused room behind a process's code: the last page of a segment is seldom full.

use super::hold::Room;
use super::of_errno;
use super::stub::LENGTH;
use crate::pid::Pid;
use crate::sys::inject::InjectError;
use crate::sys::linux::proc::{Files, proc_path};
use crate::sys::parse::{self, Mapping};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// How many bytes of an image are read to find its program headers.
const HEADERS: usize = 4096;
/// What linkers fill the rest of a page with: nothing, or instructions that trap.
const FILLS: [u8; 2] = [0x00, 0xcc];

/// Finds room for the instructions behind code that stays where it is as long as the program runs: its own, that
/// of its loader, that of the kernel's. A library could be unloaded by another thread.
///
/// Behind code means: behind the end of the segment as its ELF header has it, in its last page. A place that is not
/// filled evenly is passed over: what an earlier tracer has left when it was killed is never used again.
///
/// # Errors
///
/// There is none, or it is no 64-bit program.
pub(super) fn find(files: &Files, pid: Pid, auxv: &[u8]) -> Result<Room, InjectError> {
    if !is_64_bit(pid)? {
        return Err(InjectError::Foreign);
    }
    let path = proc_path!("/proc/{pid}/mem");
    let memory: File =
        rustix::fs::open(path.as_bytes(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(of_errno)?.into();
    let mut text = Vec::new();
    files.read(proc_path!("/proc/{pid}/maps").as_bytes(), &mut text, usize::MAX).map_err(of_errno)?;
    let mappings: Vec<Mapping<'_>> = parse::maps(&text).collect();
    let images = parse::images(auxv);
    [images.program.and_then(|inside| image_around(&mappings, inside)), images.loader, images.vdso]
        .into_iter()
        .flatten()
        .find_map(|image| in_image(&memory, &mappings, image))
        .ok_or(InjectError::NoRoom)
}

/// Whether the program is a 64-bit one, by the class in its file's header.
fn is_64_bit(pid: Pid) -> Result<bool, InjectError> {
    let path = proc_path!("/proc/{pid}/exe");
    let program: File =
        rustix::fs::open(path.as_bytes(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(of_errno)?.into();
    let mut identity = [0_u8; 5];
    program.read_exact_at(&mut identity, 0).map_err(InjectError::Failed)?;
    Ok(identity == *b"\x7fELF\x02")
}

/// Where the file begins that is mapped at this address.
fn image_around(mappings: &[Mapping<'_>], address: u64) -> Option<u64> {
    let here = mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&address))?;
    let is_begin =
        |mapping: &&Mapping<'_>| mapping.offset == 0 && mapping.inode == here.inode && mapping.name == here.name;
    mappings.iter().take_while(|mapping| mapping.start <= address).filter(is_begin).map(|mapping| mapping.start).last()
}

fn in_image(memory: &File, mappings: &[Mapping<'_>], image: u64) -> Option<Room> {
    let mut headers = [0_u8; HEADERS];
    memory.read_exact_at(&mut headers, image).ok()?;
    parse::segments(&headers)?.iter().filter(|segment| segment.executable).find_map(|segment| {
        let end = image.checked_add(segment.end())?;
        let is_code = |mapping: &&Mapping<'_>| {
            let is_last = mapping.start < end && end <= mapping.end && mapping.end - end < 4096;
            is_last && mapping.readable && mapping.executable && mapping.private && !mapping.writable
        };
        let mapping = mappings.iter().find(is_code)?;
        let mut rest = vec![0; usize::try_from(mapping.end - end).ok()?];
        memory.read_exact_at(&mut rest, end).ok()?;
        let at = unused(&rest)?;
        let fill = rest.get(at).copied()?;
        Some(Room { address: end + u64::try_from(at).ok()?, fill: u64::from_ne_bytes([fill; 8]) })
    })
}

/// Where in the rest of a page, which ends at a page's end, there is room: as far behind as possible.
fn unused(rest: &[u8]) -> Option<usize> {
    let slots = (1..=rest.len() / LENGTH).map(|slot| rest.len() - slot * LENGTH);
    slots.into_iter().find(|at| {
        let place = rest.get(*at..*at + LENGTH).unwrap_or_default();
        FILLS.iter().any(|fill| place.iter().all(|byte| byte == fill))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_even_place_is_taken() {
        assert_eq!(unused(&[0; LENGTH - 1]), None);
        assert_eq!(unused(&[0; LENGTH]), Some(0));
        let mut rest = [0xcc; 3 * LENGTH + 5];
        assert_eq!(unused(&rest), Some(2 * LENGTH + 5));
        rest[2 * LENGTH + 7] = 0;
        assert_eq!(unused(&rest), Some(LENGTH + 5));
        rest[LENGTH + 5] = 0x90;
        rest[5] = 0;
        assert_eq!(unused(&rest), None);
        assert_eq!(unused(&[0x90; 500]), None);
    }

    #[test]
    fn an_image_begins_where_its_file_does() {
        let text = b"1000-2000 r--p 00000000 0:0 7 /a\n2000-3000 r-xp 00001000 0:0 7 /a\n\
            5000-6000 r--p 00000000 0:0 7 /a\n6000-7000 r-xp 00001000 0:0 7 /a\n8000-9000 r-xp 00001000 0:0 9 /b\n";
        let mappings: Vec<Mapping<'_>> = parse::maps(text).collect();
        assert_eq!(image_around(&mappings, 0x1040), Some(0x1000));
        assert_eq!(image_around(&mappings, 0x6fff), Some(0x5000));
        assert_eq!(image_around(&mappings, 0x8000), None);
        assert_eq!(image_around(&mappings, 0x4000), None);
    }

    #[test]
    fn this_process_has_room_where_nothing_is_mapped_twice() {
        let files = Files::default();
        let own = Pid::new(std::process::id()).unwrap();
        let mut auxv = Vec::new();
        files.read(b"/proc/self/auxv", &mut auxv, usize::MAX).unwrap();
        let room = find(&files, own, &auxv).unwrap();
        assert_eq!(room.address % 8, 0);
    }
}
