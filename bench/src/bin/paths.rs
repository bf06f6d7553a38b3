//! The hot paths of the engine, on made-up data, for a count of their instructions: `paths parse | look | kill`. `paths table` is a look at this host.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use fell::plan::Protected;
use fell::sys::fake::{Fake, Instance, Nature, Rules};
use fell::sys::parse;
use fell::{KillPolicy, Pid, ProcessId, Report, Tree};

const MEMBERS: usize = 100;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_default();
    let done = match path.as_str() {
        "parse" => {
            let row = "4711 (a (worker) S 1) S 4700 4711 4711 0 -1 4194304 1261 0 0 0 15 3 0 0 20 0 1 0 1938402 2703360 \
                       225 18446744073709551615 1 1 0 0 0 0 0 4096 0 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
            counted(|| (0..MEMBERS).all(|_| parse::stat(black_box(row.as_bytes())).is_ok_and(|stat| stat.threads == 1)))
        }
        "look" => {
            let pid = ProcessId::unborn(black_box(Pid::new(std::process::id())).unwrap_or(Pid::INIT));
            counted(|| Tree::rooted(&pid, &fell::look_at(&pid)).root().is_some())
        }
        // To be timed, not to be counted: it is of this host.
        "table" => !black_box(fell::look()).rows.is_empty(),
        "kill" => {
            let (fake, root) = host();
            counted(|| kill(&fake, root).is_clean())
        }
        _ => false,
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is counted is what happens in here.
#[inline(never)]
fn counted(path: impl FnOnce() -> bool) -> bool {
    black_box(path())
}

/// A host on which a tree stands.
fn host() -> (Fake, ProcessId) {
    let fake = Fake::new(Rules::CALM);
    let root = {
        let mut world = fake.world_mut();
        let shell = world.shell();
        let mut members: Vec<Instance> = world.spawn(shell, Nature::PLAIN).into_iter().collect();
        for index in 1..MEMBERS {
            if let Some(child) =
                members.get((index - 1) / 4).copied().and_then(|parent| world.spawn(parent, Nature::PLAIN))
            {
                members.push(child);
            }
        }
        world.pass(Duration::from_secs(1));
        members.first().map_or(ProcessId::unborn(Pid::INIT), |root| world.get(*root).id())
    };
    (fake, root)
}

fn kill(fake: &Fake, root: ProcessId) -> Report {
    let protected = Protected { own: Pid::new(3), ancestors: vec![Pid::INIT] };
    fell::kill_tree_on(fake, root, &KillPolicy::default(), protected).unwrap_or_else(|_| Report::already_gone(root))
}
