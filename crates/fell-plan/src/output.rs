//! The files that hold the steps' output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file that holds the output of one attempt.
#[derive(Debug)]
pub(crate) struct OutputFile {
    pub(crate) path: PathBuf,
    file: File,
}

impl OutputFile {
    /// A new, empty file. Both streams of the command append to it, and so keep their order.
    ///
    /// # Errors
    ///
    /// It can't be made.
    pub(crate) fn create(directory: &Path, step: &str, attempt: u32) -> io::Result<OutputFile> {
        fs::create_dir_all(directory)?;
        // An older one may be held open by somebody who must not write into this one.
        let path = OutputFile::clear(directory, step, attempt)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        Ok(OutputFile { path, file })
    }

    /// Where it is to be. One that an earlier plan has left there is removed.
    ///
    /// # Errors
    ///
    /// It can't be removed.
    pub(crate) fn clear(directory: &Path, step: &str, attempt: u32) -> io::Result<PathBuf> {
        let path = directory.join(format!("{step}.{attempt}.log"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(path),
        }
    }

    /// The file itself, for one of the command's streams.
    ///
    /// # Errors
    ///
    /// No descriptor is to be had.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// How long it is, and when it was written to last.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn state(&self) -> io::Result<(u64, SystemTime)> {
        let metadata = self.file.metadata()?;
        Ok((metadata.len(), metadata.modified()?))
    }

    /// The bytes from this place on, at most so many.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn read_from(&self, at: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The end of a file: whole lines of it, at most so many, and at most so many bytes. `true` if something is left out.
pub fn tail(path: &Path, lines: usize, bytes: u64) -> (String, bool) {
    let read = || -> io::Result<(Vec<u8>, bool)> {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(bytes);
        file.seek(SeekFrom::Start(start))?;
        let mut text = Vec::new();
        file.take(bytes).read_to_end(&mut text)?;
        Ok((text, start > 0))
    };
    let Ok((bytes, mut is_cut)) = read() else { return (String::new(), false) };
    let text = String::from_utf8_lossy(&bytes);
    let mut text = text.trim_end_matches('\n');
    if is_cut && let Some((_, rest)) = text.split_once('\n') {
        text = rest;
    }
    if let Some((at, _)) = text.rmatch_indices('\n').nth(lines.saturating_sub(1)) {
        is_cut = true;
        text = &text[at + 1..];
    }
    (String::from(text), is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_whole_lines_within_both_bounds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.log");
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(tail(&path, 2, 1000), (String::from("two\nthree"), true));
        assert_eq!(tail(&path, 9, 1000), (String::from("one\ntwo\nthree"), false));
        assert_eq!(tail(&path, 9, 8), (String::from("three"), true));
        fs::write(&path, b"a\xffb\n").unwrap();
        assert_eq!(tail(&path, 9, 1000).0, "a\u{fffd}b");
        assert_eq!(tail(Path::new("/no/such"), 9, 9), (String::new(), false));
    }

    #[test]
    fn an_older_file_is_not_written_into() {
        let directory = tempfile::tempdir().unwrap();
        let old = OutputFile::create(directory.path(), "a", 1).unwrap();
        let new = OutputFile::create(directory.path(), "a", 1).unwrap();
        io::Write::write_all(&mut old.handle().unwrap(), b"late").unwrap();
        assert_eq!(new.state().unwrap().0, 0);
    }
}
