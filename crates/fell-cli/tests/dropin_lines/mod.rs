//! Command lines of the old tools.

mod dumb_init;
mod timeout;
mod tini;

pub use dumb_init::DUMB_INIT;
pub use timeout::TIMEOUT;
pub use tini::TINI;

/// How alike two runs have to be.
#[derive(Debug, Clone, Copy)]
pub enum Like {
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
pub struct Line {
    pub script: &'static str,
    pub like: Like,
    /// The first version of the tool that has it.
    pub since: (u32, u32),
}

pub const fn line(script: &'static str) -> Line {
    Line { script, like: Like::Letters, since: (0, 0) }
}

pub const fn alike(like: Like, script: &'static str) -> Line {
    Line { script, like, since: (0, 0) }
}

pub const fn since(since: (u32, u32), script: &'static str) -> Line {
    Line { script, like: Like::Letters, since }
}
