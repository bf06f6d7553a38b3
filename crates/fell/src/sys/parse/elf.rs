//! Where a 64-bit program's code lies, from the first bytes of its ELF file or of its image in memory.
//!
//! Only what `zombie::inject` asks for: the segments that are loaded. Whole-file readers want the section table as well,
//! which is at the file's end and never loaded.

/// `PT_LOAD` of `elf.h`.
const LOAD: u32 = 1;
/// `PF_X` of `elf.h`.
const EXECUTE: u32 = 1;
/// How many bytes a program header of a 64-bit file has.
const HEADER: usize = 56;

/// A part of the file that is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Where it is loaded, relative to where the file's first segment is.
    pub address: u64,
    /// How many bytes of it are in memory.
    pub size: u64,
    /// Whether it is code.
    pub executable: bool,
}

impl Segment {
    /// The address behind its last byte.
    pub fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }
}

/// The segments that are loaded, from the first bytes of the file; `None` if these are not those of a 64-bit
/// little-endian program or library, or if its program headers lie behind them.
pub fn segments(bytes: &[u8]) -> Option<Vec<Segment>> {
    let identity = bytes.get(..7)?;
    if identity != b"\x7fELF\x02\x01\x01" {
        return None;
    }
    let offset = usize::try_from(u64_at(bytes, 32)?).ok()?;
    let size = usize::from(u16_at(bytes, 54)?);
    let count = usize::from(u16_at(bytes, 56)?);
    if size < HEADER {
        return None;
    }
    let mut segments = Vec::new();
    for index in 0..count {
        let at = offset.checked_add(index.checked_mul(size)?)?;
        let header = bytes.get(at..at.checked_add(HEADER)?)?;
        if u32_at(header, 0)? == LOAD {
            segments.push(Segment {
                address: u64_at(header, 16)?,
                size: u64_at(header, 40)?,
                executable: u32_at(header, 4)? & EXECUTE != 0,
            });
        }
    }
    // The image begins with the page of its first segment, which holds these headers.
    let first = segments.first()?.address & !0xfff;
    for segment in &mut segments {
        segment.address = segment.address.checked_sub(first)?;
    }
    Some(segments)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// Where the images of a process begin, from `/proc/PID/auxv`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Images {
    /// An address inside of the program's own image: its program headers (`AT_PHDR`).
    pub program: Option<u64>,
    /// Where the loader begins (`AT_BASE`); `None` for a static program.
    pub loader: Option<u64>,
    /// Where the kernel's own code for programs begins (`AT_SYSINFO_EHDR`).
    pub vdso: Option<u64>,
}

/// Reads `/proc/PID/auxv` of a 64-bit process: pairs of a kind and a value.
pub fn images(bytes: &[u8]) -> Images {
    let mut images = Images::default();
    for pair in bytes.chunks_exact(16) {
        let value = u64_at(pair, 8).filter(|value| *value != 0);
        match u64_at(pair, 0) {
            Some(0) => break,
            Some(3) => images.program = value,
            Some(7) => images.loader = value,
            Some(33) => images.vdso = value,
            _ => {}
        }
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(headers: &[(u32, u32, u64, u64)]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&u16::try_from(headers.len()).unwrap().to_le_bytes());
        for (kind, flags, address, size) in headers {
            let mut header = [0_u8; 56];
            header[..4].copy_from_slice(&kind.to_le_bytes());
            header[4..8].copy_from_slice(&flags.to_le_bytes());
            header[16..24].copy_from_slice(&address.to_le_bytes());
            header[40..48].copy_from_slice(&size.to_le_bytes());
            bytes.extend(header);
        }
        bytes
    }

    #[test]
    fn addresses_count_from_the_image() {
        let bytes = file(&[(6, 4, 0x40_0040, 8), (1, 4, 0x40_0000, 0x990), (1, 5, 0x40_1000, 0x123)]);
        let code = Segment { address: 0x1000, size: 0x123, executable: true };
        assert_eq!(segments(&bytes).unwrap()[1], code);
        assert_eq!(code.end(), 0x1123);
    }

    #[test]
    fn damaged_headers_are_none() {
        let whole = file(&[(1, 5, 0x1000, 0x123), (1, 5, 0, 1)]);
        assert_eq!(segments(&whole), None, "a segment before the first one");
        let whole = file(&[(1, 5, 0, 0x123)]);
        for end in 0..whole.len() {
            assert_eq!(segments(&whole[..end]), None, "cut at {end}");
        }
        for (at, value) in [(0, 0), (4, 1), (5, 2), (54, 8), (39, 0xff), (57, 0xff)] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            assert_eq!(segments(&bytes), None, "{value} at {at}");
        }
        assert_eq!(segments(&file(&[])), None);
        let far = Segment { address: u64::MAX, size: 2, executable: false };
        assert_eq!(far.end(), u64::MAX);
    }

    #[test]
    fn images_are_named_by_their_kind() {
        let pairs: [(u64, u64); 6] = [(6, 4096), (3, 0x40_0040), (7, 0), (33, 0x7fff_0000), (0, 0), (7, 9)];
        let bytes: Vec<u8> =
            pairs.iter().flat_map(|(kind, value)| [kind.to_le_bytes(), value.to_le_bytes()].concat()).collect();
        let found = Images { program: Some(0x40_0040), loader: None, vdso: Some(0x7fff_0000) };
        assert_eq!(images(&bytes), found);
        assert_eq!(images(&bytes[..20]), Images::default());
    }
}
