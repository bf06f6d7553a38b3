//! Where the victim program is.

use std::io;
use std::path::PathBuf;

/// The built `fell-victim`: `$FELL_VICTIM`, or next to the current executable or in a folder above it.
///
/// # Errors
///
/// When it has not been built.
pub fn victim_binary() -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os("FELL_VICTIM") {
        return Ok(path.into());
    }
    beside("fell-victim")
}

/// A program that is built with the tests: next to the current executable or in a folder above it.
///
/// # Errors
///
/// When it has not been built.
pub(crate) fn beside(name: &str) -> io::Result<PathBuf> {
    let me = std::env::current_exe()?;
    // Tests run in target/PROFILE/deps, examples in target/PROFILE/examples.
    me.ancestors().skip(1).take(3).map(|folder| folder.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        let message = format!("no {name} near {}: run `cargo build -p fell-testkit` first", me.display());
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}
