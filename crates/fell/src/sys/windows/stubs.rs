//! What this system does not have: the kernel itself ends a run whose supervisor is killed, so that nothing is ever
//! abandoned; users have no numbers; and what a process waits in is not told.

use super::Windows;
use crate::info::ProcessInfo;
use crate::pid::Pid;
use crate::scene::{Scene, Thing};
use crate::snapshot::Gap;
use crate::sys::parse::Lock;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The trace of an abandoned run, of which there is none.
#[derive(Debug)]
pub(crate) enum Trace {}

impl Trace {
    pub(crate) fn run(&self) -> &str {
        match *self {}
    }

    pub(crate) fn members(&self) -> Vec<Pid> {
        match *self {}
    }

    pub(crate) fn kill(&self) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn remove(&self) {
        match *self {}
    }
}

/// Calls this never.
pub(crate) fn for_each_abandoned(_visit: impl FnMut(&Trace)) {}

/// No names: nobody has a number.
pub(crate) fn users() -> HashMap<u32, String> {
    HashMap::new()
}

/// Looks into no process.
pub(crate) fn see_inside(_machine: &Windows, _rows: &[ProcessInfo], _until: Duration) -> (Scene, Vec<Gap>) {
    let what = String::from("what processes wait in, listen on and lock is not told by this system");
    (Scene::default(), vec![Gap { pid: None, what }])
}

/// Not told.
pub(crate) fn things_of_path(_path: &Path) -> Option<Vec<Thing>> {
    None
}

/// Not told.
pub(crate) fn things_of_own_output() -> Option<Vec<Thing>> {
    None
}

/// Not told.
pub(crate) fn held_locks() -> io::Result<Vec<Lock>> {
    Err(io::ErrorKind::Unsupported.into())
}
