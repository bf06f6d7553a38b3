//! What is compared.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use miette::{IntoDiagnostic, Result, miette};

use crate::herd::Herd;
use crate::peers::{PYTHON, Peers};
use crate::place::Place;
use crate::report::{Bar, Curves, Line, Row, Section};
use crate::stopwatch::{Contestant, Samples, measure};

/// What a scenario gives.
pub(crate) enum Given {
    Section(Section),
    Curves(Curves),
}

/// A scenario, by its name.
pub(crate) type Scenario = fn(&Place, &Peers) -> Result<Given>;

/// All of them, in the order of the page.
pub(crate) const ALL: &[(&str, Scenario)] = &[
    ("run", run),
    ("pipe", pipe),
    ("idle", idle),
    ("tree", tree),
    ("table", table),
    ("felling", felling),
    ("felling-peers", felling_peers),
    ("size", size),
    ("table-curve", table_curve),
    ("tree-curve", tree_curve),
    ("felling-curve", felling_curve),
];

/// The rows of quick contestants, and of slow ones beside the first of the quick ones, each in turns of their own.
fn rows(place: &Place, quick: &[Contestant], slow: &[Contestant]) -> Result<Vec<Row>> {
    let mut rows = beside_first(&measure(place, place.rounds, quick)?);
    if let Some(reference) = quick.first().filter(|_| !slow.is_empty()) {
        let mut all = vec![reference.clone()];
        all.extend_from_slice(slow);
        rows.extend(beside_first(&measure(place, place.slow_rounds, &all)?).into_iter().skip(1));
    }
    Ok(rows)
}

fn beside_first(samples: &[Samples]) -> Vec<Row> {
    let Some(reference) = samples.first() else { return Vec::new() };
    samples.iter().map(|samples| Row::new(samples, reference)).collect()
}

fn bars(section: &Section, limits: &[(&str, &str, f64)]) -> Vec<Bar> {
    let bar = |&(name, what, limit): &(&str, &str, f64)| Some(Bar::at_most(what, section.ratio(name)?, limit));
    limits.iter().filter_map(bar).collect()
}

const TIMEOUT: &str = "GNU `timeout 10`";
const RUN: &str = "`fell run`, all containment on";
const DROP_IN: &str = "fell as `timeout 10`";

fn run(place: &Place, peers: &Peers) -> Result<Given> {
    let nothing = place.program("nothing");
    let with = |name, words: &[&str]| Contestant::new(name, words.iter().copied().chain([nothing.as_str()]));
    let (fell, link) = (place.program("fell"), place.program("timeout"));
    let mut quick = vec![
        with(TIMEOUT, &["timeout", "10"]),
        with(RUN, &[&fell, "run", "--"]),
        with("`fell run --timeout 10s`", &[&fell, "run", "--timeout", "10s", "--"]),
        with(DROP_IN, &[&link, "10"]),
        with("C: vfork, exec, wait", &[]),
    ];
    for (package, words) in [("tini", &["tini", "-s", "--"][..]), ("dumb-init", &["dumb-init"])] {
        if peers.has(package) {
            quick.push(with(package, words));
        }
    }
    let mut section = Section {
        name: "run",
        title: "Running a command",
        text: String::from(
            "The command is a static program that returns at once. Peak RSS is the largest of the tool's processes and the command's, as `wait4` tells.",
        ),
        rows: rows(place, &quick, &[])?,
        bars: Vec::new(),
    };
    section.bars = bars(
        &section,
        &[
            (RUN, "`fell run -- true`, all containment on, to GNU timeout", 0.9),
            (DROP_IN, "fell under the name `timeout`, to GNU timeout", 0.9),
        ],
    );
    let memory = |name: &str| section.rows.iter().find(|row| row.name == name).map(|row| row.memory_kib);
    if let (Some(own), Some(timeout)) = (memory(RUN), memory(TIMEOUT)) {
        section.bars.push(Bar::at_most("peak RSS of `fell run`, to GNU timeout's", own / timeout, 1.0));
    }
    Ok(Given::Section(section))
}

fn pipe(place: &Place, _: &Peers) -> Result<Given> {
    let flow = place.program("flow");
    let mebibytes = if place.quick { 256 } else { 1024 };
    let line = |name, before: &str| {
        Contestant::new(
            name,
            [String::from("sh"), String::from("-c"), format!("{flow} write {mebibytes} | {before} {flow} read")],
        )
    };
    let fell = place.program("fell");
    let contestants =
        [line("the pipe alone", ""), line(TIMEOUT, "timeout 60"), line("`fell run`", &format!("{fell} run --"))];
    let rows = beside_first(&measure(place, place.slow_rounds.max(9), &contestants)?);
    let mut section = Section {
        name: "pipe",
        title: "Bytes through an inherited pipe",
        text: format!("{mebibytes} MiB from one program to another, with the reader behind the tool."),
        rows,
        bars: Vec::new(),
    };
    section.bars = bars(&section, &[("`fell run`", "1 GB through an inherited pipe, to the pipe alone", 1.05)]);
    Ok(Given::Section(section))
}

/// Of a process: how often it was given up and taken the processor, and its share of memory in KiB.
fn idle_facts(pid: &str) -> Option<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let number = |text: &str, key: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
    };
    let switches = number(&status, "voluntary_ctxt_switches:")? + number(&status, "nonvoluntary_ctxt_switches:")?;
    let memory = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    Some((switches, number(&memory, "Pss:")?))
}

/// A process and its descendants but for the last generation, which is the command.
fn tools_of(pid: u32) -> Vec<String> {
    let mut tools = Vec::new();
    let mut next = Some(pid.to_string());
    while let Some(pid) = next {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        next = children.split_whitespace().next().map(str::to_owned);
        if next.is_some() {
            tools.push(pid);
        }
    }
    tools
}

/// Switches in a while, and memory, of a tool in front of a sleeping command.
fn idle_of(words: &[&str], time: Duration) -> Result<(u64, u64, usize)> {
    let (program, arguments) = words.split_first().ok_or_else(|| miette!("no command"))?;
    let mut tool =
        Command::new(program).args(arguments).args(["sleep", "20"]).stdin(Stdio::null()).spawn().into_diagnostic()?;
    thread::sleep(Duration::from_secs(1));
    let facts = |pid: &String| idle_facts(pid).ok_or_else(|| miette!("{program} can't be looked at"));
    let tools = tools_of(tool.id());
    let before: Vec<(u64, u64)> = tools.iter().map(facts).collect::<Result<_>>()?;
    thread::sleep(time);
    let after: Vec<(u64, u64)> = tools.iter().map(facts).collect::<Result<_>>()?;
    tool.kill().into_diagnostic()?;
    tool.wait().into_diagnostic()?;
    let switches = |facts: &[(u64, u64)]| facts.iter().map(|fact| fact.0).sum::<u64>();
    Ok((switches(&after) - switches(&before), after.iter().map(|fact| fact.1).sum(), tools.len()))
}

fn idle(place: &Place, _: &Peers) -> Result<Given> {
    let time = Duration::from_secs(if place.quick { 3 } else { 10 });
    let fell = place.program("fell");
    let (wakes, memory, processes) = idle_of(&[&fell, "run", "--timeout", "1h", "--"], time)?;
    let (timeout_wakes, timeout_memory, _) = idle_of(&["timeout", "3600"], time)?;
    let text = format!(
        "In front of a sleeping command, for {} s: `fell run --timeout 1h` was woken {wakes} times, GNU timeout {timeout_wakes} times. \
         Proportional memory (PSS) of fell's {processes} processes together: {memory} KiB; of GNU timeout's one: {timeout_memory} KiB.",
        time.as_secs()
    );
    let bars = vec![Bar::at_most("wake-ups of an idle `fell run`", wakes as f64, 0.0)];
    Ok(Given::Section(Section { name: "idle", title: "Waiting", text, rows: Vec::new(), bars }))
}

const AMONG: u32 = 10_000;

fn among(place: &Place) -> u32 {
    if place.quick { AMONG / 10 } else { AMONG }
}

const FLOOR_WALK: &str = "C: children walk";
const FELL_TREE: &str = "`fell tree`";
const PSUTIL: &str = "psutil";
const PSUTIL_IDLE: &str = "psutil, asked for nothing";

/// Who lists one tree: the quick ones, and those that read the whole table for it.
fn listers(place: &Place, peers: &Peers, root: u32) -> (Vec<Contestant>, Vec<Contestant>) {
    let pid = root.to_string();
    let fell = place.program("fell");
    let quick = vec![
        Contestant::new(FLOOR_WALK, [place.program("walk"), pid.clone()]),
        Contestant::new(FELL_TREE, [fell.as_str(), "tree", &pid]),
        Contestant::new("`fell tree --json`", [fell.as_str(), "tree", "--json", &pid]),
    ];
    let mut slow = Vec::new();
    if peers.has("python3-psutil") {
        slow.push(Contestant::new(PSUTIL, [PYTHON.to_owned(), place.script("psutil_tree.py"), pid.clone()]));
        slow.push(Contestant::new(PSUTIL_IDLE, [PYTHON.to_owned(), place.script("psutil_idle.py")]));
    }
    if peers.has("psmisc") {
        slow.push(Contestant::new("pstree", ["pstree", "-p", &pid]));
    }
    slow.push(Contestant::new("sysinfo", [place.program("peer"), String::from("tree"), pid.clone()]));
    if peers.has("npm") {
        let words = peers.node(&place.script("pidtree.js")).into_iter().chain([pid]);
        slow.push(Contestant::new("pidtree", words));
    }
    (quick, slow)
}

fn tree(place: &Place, peers: &Peers) -> Result<Given> {
    let mut herd = Herd::new(place)?;
    let size = among(place);
    herd.grow_to(size - 100)?;
    let root = herd.tree(100, 4)?;
    let (quick, slow) = listers(place, peers, root);
    let mut section = Section {
        name: "tree",
        title: "One tree of 100 processes among many",
        text: format!(
            "Among {size} processes. The floor reads of each member what `fell tree` shows: row, command line, owner, inode of its pidfd."
        ),
        rows: rows(place, &quick, &slow)?,
        bars: Vec::new(),
    };
    section.bars = bars(&section, &[(FELL_TREE, "`fell tree` of 100 among 10,000, to the children walk in C", 1.3)]);
    if let (Some(psutil), Some(own)) = (section.ratio(PSUTIL), section.ratio(FELL_TREE)) {
        let what = "psutil's `children(recursive=True)`, to `fell tree`, whole processes";
        section.bars.push(Bar::at_least(what, psutil / own, 40.0));
    }
    Ok(Given::Section(section))
}

const FLOOR_TABLE: &str = "C: getdents and stat";
const FELL_LOOK: &str = "the library's `look`";
const FELL_TABLE: &str = "`fell zombies --count`";

/// Who reads the whole table.
fn readers(place: &Place, peers: &Peers) -> (Vec<Contestant>, Vec<Contestant>) {
    let quick = vec![
        Contestant::new(FLOOR_TABLE, [place.program("table")]),
        Contestant::new(FELL_LOOK, [place.program("paths").as_str(), "table"]),
        // With 1 where a zombie is about.
        Contestant::new(FELL_TABLE, [place.program("fell").as_str(), "zombies", "--count"]).ending_with(&[0, 1]),
    ];
    let mut slow = Vec::new();
    if peers.has("procps") {
        slow.push(Contestant::new("`ps -e`", ["ps", "-e"]));
        slow.push(Contestant::new("pgrep", ["pgrep", "no-such-name"]).ending_with(&[1]));
    }
    if peers.has("python3-psutil") {
        slow.push(Contestant::new(PSUTIL, [PYTHON.to_owned(), place.script("psutil_table.py")]));
    }
    slow.push(Contestant::new("sysinfo", [place.program("peer"), String::from("table")]));
    if peers.has("psmisc") {
        slow.push(Contestant::new("pstree", ["pstree"]));
    }
    (quick, slow)
}

fn table(place: &Place, peers: &Peers) -> Result<Given> {
    let mut herd = Herd::new(place)?;
    let size = among(place);
    herd.grow_to(size)?;
    let (quick, slow) = readers(place, peers);
    let fewer = place.with_rounds((place.rounds / 3).max(5), place.slow_rounds);
    let mut section = Section {
        name: "table",
        title: "The whole table",
        text: format!(
            "{size} processes. `look` gives every row in full; `fell zombies --count` looks, and thinks about what it saw."
        ),
        rows: rows(&fewer, &quick, &slow)?,
        bars: Vec::new(),
    };
    section.bars =
        bars(&section, &[(FELL_LOOK, "`look` at the whole table of 10,000, to getdents and stat in C", 1.1)]);
    Ok(Given::Section(section))
}

const FLOOR_FELL: &str = "C: kill loop, waits by pidfd";
const FLOOR_PROVED: &str = "C: kill loop that proves who it hits";
const FELL_KILL: &str = "`fell kill`";

/// Who ends a tree: the PID comes last.
fn fellers(place: &Place) -> Vec<Contestant> {
    let (fell, floor) = (place.program("fell"), place.program("loop"));
    vec![
        Contestant::new(FLOOR_FELL, [floor.as_str(), "pidfd"]),
        Contestant::new("C: kill loop, waits by number", [floor.as_str(), "number"]),
        Contestant::new(FLOOR_PROVED, [floor.as_str(), "proved"]),
        Contestant::new(FELL_KILL, [fell.as_str(), "kill", "--quiet"]),
    ]
}

fn felling_fellers(place: &Place, peers: &Peers) -> Vec<Contestant> {
    let mut others = Vec::new();
    if peers.has("python3-psutil") {
        others.push(Contestant::new(PSUTIL, [PYTHON.to_owned(), place.script("psutil_fell.py")]));
    }
    others.push(Contestant::new("kill_tree (does not wait)", [place.program("peer"), String::from("kill")]));
    if peers.has("npm") {
        others.push(Contestant::new("tree-kill (does not wait)", peers.node(&place.script("tree_kill.js"))));
    }
    others
}

/// Each contestant ends trees of its own, in turns.
fn felled(place: &Place, rounds: u32, members: u32, contestants: &[Contestant]) -> Result<Vec<Samples>> {
    let mut herd = Herd::new(place)?;
    let mut all: Vec<Samples> =
        contestants.iter().map(|contestant| Samples { name: contestant.name, all: Vec::new() }).collect();
    for round in 0..rounds as usize {
        for step in 0..contestants.len() {
            let index = (round + step) % contestants.len();
            let (Some(contestant), Some(samples)) = (contestants.get(index), all.get_mut(index)) else { continue };
            let mut contestant = contestant.clone();
            contestant.words.push(herd.tree(members, members)?.to_string());
            for mut once in measure(place, 1, &[contestant])? {
                samples.all.append(&mut once.all);
            }
        }
    }
    Ok(all)
}

fn felling(place: &Place, _: &Peers) -> Result<Given> {
    let members = if place.quick { 200 } else { 1000 };
    let rounds = (place.rounds / 5).max(5);
    let mut section = Section {
        name: "felling",
        title: "Ending a thousand sleepers",
        text: format!(
            "A tree of {members} processes, all but one children of its root, which end at the first TERM. \
             The floor lists them, sends TERM, and waits until all have ended. One of its variants also reads each row, which it \
             takes to know that a number still belongs to the one that was listed."
        ),
        rows: beside_first(&felled(place, rounds, members, &fellers(place))?),
        bars: Vec::new(),
    };
    section.bars = bars(&section, &[(FELL_KILL, "felling 1,000 sleepers, to the kill loop in C", 1.2)]);
    if let (Some(proved), Some(own)) = (section.ratio(FLOOR_PROVED), section.ratio(FELL_KILL)) {
        section.bars.push(Bar::at_most("the same, to the kill loop in C that proves who it hits", own / proved, 1.2));
    }
    Ok(Given::Section(section))
}

fn felling_peers(place: &Place, peers: &Peers) -> Result<Given> {
    let members = 100;
    let mut contestants = fellers(place);
    contestants.extend(felling_fellers(place, peers));
    let rows = beside_first(&felled(place, place.slow_rounds, members, &contestants)?);
    let text = format!("A tree of {members} processes, all but one children of its root.");
    Ok(Given::Section(Section {
        name: "felling-peers",
        title: "Ending a hundred, beside the peers",
        text,
        rows,
        bars: Vec::new(),
    }))
}

fn size(place: &Place, _: &Peers) -> Result<Given> {
    let bytes = std::fs::metadata(place.program("fell")).into_diagnostic()?.len();
    let text = format!(
        "The stripped static binary, with all verbs, has {bytes} bytes. What each feature costs is in performance.md."
    );
    let bars = vec![Bar::at_most("MB of the stripped static binary", bytes as f64 / 1e6, 2.5)];
    Ok(Given::Section(Section { name: "size", title: "The binary", text, rows: Vec::new(), bars }))
}

/// Adds one size's medians to the lines of their contestants.
fn add(lines: &mut Vec<Line>, size: u32, rows: Vec<Row>) {
    for row in rows {
        let point = (f64::from(size), row.wall_ms);
        match lines.iter_mut().find(|line| line.name == row.name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { name: row.name, points: vec![point] }),
        }
    }
}

fn table_curve(place: &Place, peers: &Peers) -> Result<Given> {
    let few = place.with_rounds(5, 3);
    let mut herd = Herd::new(place)?;
    let mut lines = Vec::new();
    for size in [100, 300, 1000, 3000, AMONG].into_iter().filter(|size| *size <= among(place)) {
        herd.grow_to(size)?;
        let (quick, slow) = readers(place, peers);
        add(&mut lines, size, rows(&few, &quick, &slow)?);
    }
    let title = "Reading the whole table";
    Ok(Given::Curves(Curves { name: "table", title, size: "processes that were added to the host's own", lines }))
}

fn tree_curve(place: &Place, peers: &Peers) -> Result<Given> {
    let few = place.with_rounds(11, 3);
    let mut herd = Herd::new(place)?;
    herd.grow_to(among(place))?;
    let mut lines = Vec::new();
    for size in [10, 30, 100, 300, 1000] {
        let root = herd.tree(size, 4)?;
        let (quick, slow) = listers(place, peers, root);
        add(&mut lines, size, rows(&few, &quick, &slow)?);
    }
    let title = "Listing one tree among 10,000 processes";
    Ok(Given::Curves(Curves { name: "tree", title, size: "processes of the tree", lines }))
}

fn felling_curve(place: &Place, peers: &Peers) -> Result<Given> {
    let mut lines = Vec::new();
    for size in [10, 30, 100, 300, 1000] {
        let mut contestants = fellers(place);
        contestants.extend(felling_fellers(place, peers).into_iter().filter(|one| size <= 100 || one.name == PSUTIL));
        add(&mut lines, size, beside_first(&felled(place, 3, size, &contestants)?));
    }
    Ok(Given::Curves(Curves { name: "felling", title: "Ending a tree", size: "processes of the tree", lines }))
}
