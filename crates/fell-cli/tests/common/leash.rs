//! A cgroup v2 directory that holds whatever a test starts, to see who is left and to end it.

use super::pause;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Its drop ends whoever is inside.
pub(crate) struct Leash {
    path: PathBuf,
}

impl Leash {
    /// `None`, said aloud, where no cgroup v2 directory can be made; the pipes of the command then tell who is left.
    pub(crate) fn new() -> Option<Leash> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let made = own().and_then(|own| {
            // Not `fell-`: that would be the trace of a run.
            let path = own.join(format!("house-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed)));
            fs::create_dir(&path).ok()?;
            Some(Leash { path })
        });
        if made.is_none() {
            eprintln!("without a leash: no cgroup v2 directory can be made here");
        }
        made
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Who is alive inside, in directories below as well: `PID NAME STATE`.
    pub(crate) fn living(&self) -> Vec<(u32, String)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            for pid in members.lines().filter_map(|line| line.parse().ok()) {
                // Zombies are listed as long as nobody has collected them.
                if let Some(name) = name_of_living(pid) {
                    found.push((pid, name));
                }
            }
            let below = fs::read_dir(&folder).into_iter().flatten().flatten();
            folders.extend(below.map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
        found
    }

    /// Waits until nobody is alive inside; gives who still is when time runs out.
    pub(crate) fn wait_empty(&self, limit: Duration) -> Vec<(u32, String)> {
        let end = Instant::now() + limit;
        loop {
            let left = self.living();
            if left.is_empty() && !self.is_populated() || Instant::now() >= end {
                return left;
            }
            pause(Duration::from_millis(2));
        }
    }

    /// As the kernel sees it, without a race: zombies don't count.
    fn is_populated(&self) -> bool {
        fs::read_to_string(self.path.join("cgroup.events")).is_ok_and(|events| events.contains("populated 1"))
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if self.is_populated() {
            eprintln!("ends what a test has left: {:?}", self.living());
            // Frozen or not, whoever is inside ends.
            fs::write(self.path.join("cgroup.kill"), "1").unwrap_or_else(|error| eprintln!("cgroup.kill: {error}"));
            self.wait_empty(super::PROMPTLY);
        }
        for _ in 0..500 {
            remove(&self.path);
            if !self.path.exists() {
                return;
            }
            pause(Duration::from_millis(2));
        }
        eprintln!("{} stays behind", self.path.display());
    }
}

/// The directories below first.
fn remove(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        remove(&entry.path());
    }
    // One that is still in use is tried again.
    fs::remove_dir(path).unwrap_or(());
}

fn own() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = text.lines().find_map(|line| line.strip_prefix("0::/"))?.to_owned();
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .map(PathBuf::from)
        .into_iter()
        .find(|root| root.join("cgroup.procs").is_file() && root.join("cgroup.controllers").is_file())
        .map(|root| root.join(own))
}

/// Its name and state, unless it is gone or a zombie without living threads.
fn name_of_living(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = (stat.split_once('(')?.1.rsplit_once(')')?.0, stat.rsplit_once(')')?.1);
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let threads: u32 = fields.get(17)?.parse().ok()?;
    (fields.first()? != &"Z" || threads > 1).then(|| format!("{name} {}, child of {}", fields[0], fields[1]))
}
