//! Where the orphans of all games come home to.
//!
//! Some inits collect the dead so lazily that thousands of zombies fill the cage and then the host. So the starter of
//! the workers is a subreaper and collects them at once. The workers are not, and see their own zombies only.

use super::clock::pause;
use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper};
use std::collections::HashSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The children of this process that somebody else here waits for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nursery(Arc<Mutex<HashSet<u32>>>);

impl Nursery {
    /// Makes this process a subreaper, with a thread that collects whoever is adopted until the process ends.
    pub(crate) fn open() -> io::Result<Self> {
        set_child_subreaper(Some(getpid()))?;
        let nursery = Self::default();
        let own = nursery.clone();
        std::thread::Builder::new().spawn(move || own.collect())?;
        Ok(nursery)
    }

    fn own(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Spawns a child that its owner waits for.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        // Nobody is collected while it is not known whose this one is.
        let mut own = self.own();
        let child = command.spawn()?;
        own.insert(child.id());
        Ok(child)
    }

    /// Waits for such a child.
    pub(crate) fn wait(&self, child: &mut Child) -> io::Result<()> {
        child.wait()?;
        self.own().remove(&child.id());
        Ok(())
    }

    fn collect(&self) -> ! {
        loop {
            // Looked at first: an own child is not ours to take. Without children, and while an own child has not been
            // waited for, there is nothing to wait on.
            let pid = next_to_end();
            let own = self.own();
            let adopted = pid.filter(|pid| !own.contains(&pid.as_raw_pid().unsigned_abs()));
            match adopted.map(|pid| rustix::process::waitpid(Some(pid), WaitOptions::NOHANG)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    drop(own);
                    // An interrupted pause is a shorter one.
                    pause().ok();
                }
            }
        }
    }
}

/// Waits until a child has ended and leaves it as it is; `None` if there is no child.
fn next_to_end() -> Option<Pid> {
    // SAFETY: zeroes are a valid siginfo, which lives through the call and is filled by it.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let result = libc::waitid(libc::P_ALL, 0, &raw mut info, libc::WEXITED | libc::WNOWAIT);
        (result == 0).then(|| Pid::from_raw(info.si_pid())).flatten()
    }
}
