//! `/proc/PID/status`: what `stat` lacks, by name.

use super::{ended_words, number, split_once};
use crate::pid::Pid;

/// The fields that the engine uses; `None` where the kernel has none or its value makes no sense.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// `Tgid`: the process that this thread belongs to.
    pub group_leader: Option<Pid>,
    /// `PPid`.
    pub parent: Option<Pid>,
    /// `TracerPid`.
    pub tracer: Option<Pid>,
    /// `Uid`: real, effective, saved and file-system user.
    pub uids: Option<[u32; 4]>,
    /// `NSpid`: the PID in each PID namespace, from the one that this `/proc` shows inwards; empty before Linux 4.1.
    pub namespace_pids: Vec<Pid>,
    /// `SigIgn`: the signals that are ignored, bit 0 for signal 1.
    pub ignored: Option<u64>,
    /// `SigCgt`: the signals that are caught, bit 0 for signal 1.
    pub caught: Option<u64>,
    /// `Seccomp`: 0 without a filter, 1 in strict mode, 2 with filters; of this thread.
    pub seccomp: Option<u32>,
    /// `CapEff`: the effective capabilities.
    pub capabilities: Option<u64>,
}

/// Reads `/proc/PID/status`. The kernel escapes newlines in the name, so every line is a field.
pub fn status(bytes: &[u8]) -> Status {
    let mut status = Status::default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some((name, value)) = split_once(line, b':') else { continue };
        let mut words = ended_words(value);
        match name {
            b"Tgid" => status.group_leader = pid(words.next()),
            b"PPid" => status.parent = pid(words.next()),
            b"TracerPid" => status.tracer = pid(words.next()),
            b"Uid" => {
                let numbers: Option<Vec<u32>> = words.map(number).collect();
                status.uids = numbers.and_then(|numbers| numbers.try_into().ok());
            }
            b"NSpid" => status.namespace_pids = words.map_while(|word| pid(Some(word))).collect(),
            b"SigIgn" => status.ignored = mask(words.next()),
            b"SigCgt" => status.caught = mask(words.next()),
            b"Seccomp" => status.seccomp = words.next().and_then(number),
            b"CapEff" => status.capabilities = mask(words.next()),
            _ => {}
        }
    }
    status
}

fn pid(word: Option<&[u8]>) -> Option<Pid> {
    number(word?).and_then(Pid::from_raw)
}

fn mask(word: Option<&[u8]>) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(word?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] =
        b"Name:\tx\\nUid:\t7\nTgid:\t4711\nPid:\t4712\nPPid:\t0\nTracerPid:\t0\nUid:\t0\t65534\t0\t65534\n\
        NSpid:\t4711\t12\t1\nSigIgn:\t0000000000001000\nSigCgt:\tffffffffffffffff\nCapEff:\t000001ffffffffff\nSeccomp:\t2\n";

    #[test]
    fn reads_fields_by_name() {
        let status = status(FILE);
        assert_eq!(status.group_leader, Pid::new(4711));
        assert_eq!(status.parent, None);
        assert_eq!(status.uids, Some([0, 65534, 0, 65534]));
        assert_eq!(status.namespace_pids.iter().map(|pid| pid.get()).collect::<Vec<_>>(), [4711, 12, 1]);
        assert_eq!(status.ignored, Some(1 << 12));
        assert_eq!(status.caught, Some(u64::MAX));
        assert_eq!(status.capabilities, Some(0x1ff_ffff_ffff));
        assert_eq!(status.seccomp, Some(2));
    }

    #[test]
    fn a_cut_value_is_unknown() {
        let whole = status(FILE);
        for end in 0..FILE.len() {
            let cut = status(&FILE[..end]);
            assert!(cut.group_leader.is_none() || cut.group_leader == whole.group_leader, "cut at {end}");
            assert!(cut.uids.is_none() || cut.uids == whole.uids, "cut at {end}");
            assert!(cut.caught.is_none() || cut.caught == whole.caught, "cut at {end}");
        }
        assert_eq!(status(b"Uid:\t1\t2\n").uids, None);
        assert_eq!(status(b"Tgid:\t-1\nSigCgt:\txyz\n"), Status::default());
    }
}
