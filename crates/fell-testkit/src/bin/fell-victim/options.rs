//! The command line.

use fell_testkit::{HARD_LIMIT, Trick};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// What to play: a trick, or the part of one that goes on after an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Trick(Trick),
    Leaf,
    Hop,
    ThreadedHop,
    Disguised,
}

impl Part {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "leaf" => Self::Leaf,
            "hop" => Self::Hop,
            "threaded-hop" => Self::ThreadedHop,
            "disguised" => Self::Disguised,
            _ => Self::Trick(name.parse().map_err(|error| format!("{error}; --list names them all"))?),
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) part: Part,
    pub(crate) program: PathBuf,
    pub(crate) ledger: Option<PathBuf>,
    pub(crate) ready: Option<OsString>,
    pub(crate) count: Option<u32>,
    pub(crate) limit: Duration,
    pub(crate) pace: Duration,
    pub(crate) budget: Option<u32>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) cgroups: Vec<PathBuf>,
    pub(crate) leave: bool,
    /// The three that an exec hands on.
    pub(crate) slot: u32,
    pub(crate) ledger_fd: Option<i32>,
    pub(crate) deadline: Option<u64>,
}

impl Options {
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut args = args.peekable();
        let zeroth = args.next().unwrap_or_default();
        let name = args.next().ok_or("which trick? --list names them all")?;
        let part = Part::parse(&name.to_string_lossy())?;
        let mut options = Self {
            part,
            program: std::env::current_exe().unwrap_or_else(|_| zeroth.into()),
            ledger: None,
            ready: None,
            count: None,
            limit: HARD_LIMIT,
            pace: Duration::from_millis(1),
            budget: None,
            file: None,
            cgroups: Vec::new(),
            leave: false,
            slot: 0,
            ledger_fd: None,
            deadline: None,
        };
        while let Some(flag) = args.next() {
            if flag == "--leave" {
                options.leave = true;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{} wants a value", flag.display()))?;
            let number = || {
                std::str::from_utf8(value.as_bytes())
                    .ok()
                    .and_then(|text| text.parse::<u64>().ok())
                    .ok_or_else(|| format!("{} wants a number", flag.display()))
            };
            let small = || u32::try_from(number()?).map_err(|_| format!("{} is too large", flag.display()));
            match flag.as_bytes() {
                b"--ledger" => options.ledger = Some(value.into()),
                b"--ready" => options.ready = Some(value),
                b"--count" => options.count = Some(small()?),
                b"--limit-ms" => options.limit = Duration::from_millis(number()?),
                b"--pace-us" => options.pace = Duration::from_micros(number()?),
                b"--budget" => options.budget = Some(small()?),
                b"--file" => options.file = Some(value.into()),
                b"--cgroup" => options.cgroups.push(value.into()),
                b"--slot" => options.slot = small()?,
                b"--ledger-fd" => options.ledger_fd = Some(small()? as i32),
                b"--deadline" => options.deadline = Some(number()?),
                _ => return Err(format!("no option is called {}", flag.display())),
            }
        }
        Ok(options)
    }
}
