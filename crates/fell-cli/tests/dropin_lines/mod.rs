//! Command lines of the old tools.

mod dumb_init;
mod timeout;
mod tini;

pub(crate) use dumb_init::DUMB_INIT;
pub(crate) use timeout::TIMEOUT;
pub(crate) use tini::TINI;

/// How alike two runs have to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Like {
    /// Exit code and both streams.
    Letters,
    /// The same, the lines of standard error in any order.
    AnyOrder,
    /// Exit code and the first line of standard error: what follows is a help text.
    FirstLine,
    /// Exit code.
    Code,
}

/// A command line, as a shell takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) script: &'static str,
    pub(crate) like: Like,
    /// The first version of the tool that has it.
    pub(crate) since: (u32, u32),
}

pub(crate) const fn line(script: &'static str) -> Line {
    Line { script, like: Like::Letters, since: (0, 0) }
}

pub(crate) const fn alike(like: Like, script: &'static str) -> Line {
    Line { script, like, since: (0, 0) }
}

pub(crate) const fn since(since: (u32, u32), script: &'static str) -> Line {
    Line { script, like: Like::Letters, since }
}
