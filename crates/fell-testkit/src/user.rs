//! Programs run as somebody else.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The user that owns nothing.
pub const NOBODY: u32 = 65534;

/// A command that runs as another user.
#[derive(Debug)]
pub struct UserCommand {
    /// The command: add arguments and spawn it while this value lives.
    pub command: Command,
    reachable: Reachable,
}

impl UserCommand {
    /// The program that is run: the original, or a copy that the user can reach.
    pub fn program(&self) -> &Path {
        &self.reachable.path
    }
}

/// Makes a command that runs `program` with this uid and gid and without supplementary groups, in `/`. Only for root.
///
/// # Errors
///
/// When the program can't be copied to where the user can reach it.
pub fn as_user(program: &Path, uid: u32) -> io::Result<UserCommand> {
    let reachable = Reachable::by_others(program)?;
    let mut command = Command::new(&reachable.path);
    // std drops the supplementary groups of root itself when a uid is given.
    command.uid(uid).gid(uid).current_dir("/");
    Ok(UserCommand { command, reachable })
}

/// A program in a place where every user can run it.
#[derive(Debug)]
pub(crate) struct Reachable {
    pub(crate) path: PathBuf,
    /// Holds the copy, if there is one.
    _folder: Option<TempDir>,
}

impl Reachable {
    pub(crate) fn by_others(program: &Path) -> io::Result<Self> {
        let program = fs::canonicalize(program)?;
        let others = |path: &Path, bits: u32| fs::metadata(path).is_ok_and(|data| data.mode() & bits == bits);
        // Readable too: an unreadable program makes its processes undumpable, and they can't look at themselves.
        if others(&program, 0o005) && program.ancestors().skip(1).all(|folder| others(folder, 0o001)) {
            return Ok(Self { path: program, _folder: None });
        }
        let folder = world_folder()?;
        let path = folder.path().join(program.file_name().unwrap_or_default());
        fs::copy(&program, &path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self { path, _folder: Some(folder) })
    }
}

/// A scratch folder into which every user can look.
pub(crate) fn world_folder() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("fell-testkit-").tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_cannot_reach_is_copied() {
        let closed = tempfile::tempdir().expect("makes a folder");
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).expect("is ours");
        let program = closed.path().join("true");
        fs::copy("/bin/true", &program).expect("copies");
        let reachable = Reachable::by_others(&program).expect("copies");
        assert_ne!(reachable.path, program);
        let command = as_user(&program, NOBODY).expect("copies").program().to_owned();
        assert!(!command.exists(), "the copy goes with its value");
        if rustix::process::geteuid().is_root() {
            let mut user = as_user(&program, NOBODY).expect("copies");
            assert!(user.command.status().expect("runs").success());
        }
    }

    #[test]
    fn what_others_can_reach_is_not_copied() {
        let shell = fs::canonicalize("/bin/sh").expect("is there");
        assert_eq!(Reachable::by_others(&shell).expect("is there").path, shell);
    }
}
