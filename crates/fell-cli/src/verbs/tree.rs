//! `fell tree [PID]`.

use crate::args::TreeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Align, Colour, Drawing, JsonLines, Table};
use crate::verbs::time::short_time;
use fell::detail::{Calendar, Detail, Details};
use fell::document::{DumpDocument, GapDocument, ProcessDocument, TreeDocument};
use fell::dump::{DumpOptions, dump};
use fell::{Pid, ProcessId, ProcessInfo, Snapshot, Tree};
use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

/// Shows a process, its descendants and, if asked, its ancestors.
///
/// # Errors
///
/// There is no such process, or stdout can't be written to.
pub(crate) fn act(args: &TreeArgs) -> Result<Exit, Failure> {
    let root = args.root.unwrap_or_else(|| ProcessId::unborn(fell::init::root()));
    let mut details = Details::new();
    let (snapshot, told) = fell::look_at_with(&root, |pid| details.of_held(pid));
    let tree = Tree::rooted(&root, &snapshot);
    let told = snapshot.rows.iter().zip(told).filter_map(|(row, detail)| Some((row.pid(), detail?))).collect();
    let mut reader = Reader { details, told, calendar: Calendar::now(), secrets: args.no_redact };
    let members = in_drawing_order(&tree);
    let Some((top, descendants)) = members.split_first() else {
        return Err(no_such_process(&root, &snapshot));
    };
    let gaps = snapshot.gaps.iter().map(GapDocument::from).collect();
    let children = descendants.iter().map(|(info, _)| reader.read(info)).collect();
    let mut document = TreeDocument::new(reader.read(top.0), children, gaps);
    if args.ancestors {
        document.ancestors = Some(fell::ancestors(top.0.pid()).iter().map(|info| reader.read(info)).collect());
    }
    if args.why {
        document.dump = Some(inside(&root, &snapshot, &members, args));
    }
    if args.json {
        output::json(&document, JsonLines::Many)?;
        return Ok(Exit::Success);
    }
    if let Some(dump) = &document.dump {
        let lines: Vec<String> = dump.lines().iter().map(|line| output::printable(line)).collect();
        output::result(lines.join("\n"))?;
        return Ok(Exit::Success);
    }
    let depths: Vec<usize> = members.iter().map(|(_, depth)| *depth).collect();
    let boxes = !args.ascii && std::io::stdout().is_terminal();
    let drawing = if boxes { Drawing::Boxes } else { Drawing::Ascii };
    output::result(table(&document, &depths, drawing, output::choose(args.common.color)))?;
    if !args.common.quiet {
        for GapDocument { pid, what } in &document.gaps {
            output::say(pid.map_or_else(|| format!("not read: {what}"), |pid| format!("not read of {pid}: {what}")));
        }
    }
    Ok(Exit::Success)
}

/// The members from the inside, in the order in which they are drawn.
fn inside(root: &ProcessId, snapshot: &Snapshot, members: &[(&ProcessInfo, usize)], args: &TreeArgs) -> DumpDocument {
    let rows = members.iter().map(|(info, _)| (*info).clone()).collect();
    let members = Snapshot { rows, ..snapshot.clone() };
    let options = DumpOptions::default().secrets(args.no_redact).rooted(Some(root.pid));
    DumpDocument::new(&dump(&members, &options), &Calendar::now())
}

fn no_such_process(root: &ProcessId, snapshot: &Snapshot) -> Failure {
    let failure = match snapshot.row(root.pid) {
        Some(row) => {
            Failure::new(Exit::Usage, format!("no process {root}: the PID belongs to {} ({}) now", row.id, row.name))
        }
        None => Failure::new(Exit::Usage, format!("no process {root}")),
    };
    failure.help("expected the PID of a running process")
}

/// Reads what a row does not tell.
struct Reader {
    details: Details,
    /// What was read while the process was held.
    told: HashMap<Pid, Detail>,
    calendar: Calendar,
    secrets: bool,
}

impl Reader {
    fn read(&mut self, info: &ProcessInfo) -> ProcessDocument {
        let detail = self.told.remove(&info.pid()).unwrap_or_else(|| self.details.of(&info.id));
        match self.secrets {
            true => ProcessDocument::with_secrets(info, detail, &self.calendar),
            false => ProcessDocument::new(info, detail, &self.calendar),
        }
    }
}

/// The members with their depths, each parent right before its descendants.
fn in_drawing_order(tree: &Tree) -> Vec<(&ProcessInfo, usize)> {
    let mut children: HashMap<Pid, Vec<usize>> = HashMap::new();
    for (index, node) in tree.nodes.iter().enumerate().skip(1) {
        if let Some(parent) = node.info.parent {
            children.entry(parent).or_default().push(index);
        }
    }
    let mut ordered = Vec::with_capacity(tree.nodes.len());
    let mut waiting: Vec<usize> = if tree.nodes.is_empty() { Vec::new() } else { vec![0] };
    while let Some(node) = waiting.pop().and_then(|index| tree.nodes.get(index)) {
        ordered.push((&node.info, node.depth));
        waiting.extend(children.remove(&node.info.pid()).unwrap_or_default().into_iter().rev());
    }
    ordered
}

fn table(document: &TreeDocument, depths: &[usize], drawing: Drawing, colour: Colour) -> Table {
    let headings = [
        ("PID", Align::Right),
        ("STATE", Align::Left),
        ("AGE", Align::Right),
        ("CPU", Align::Right),
        ("RSS", Align::Right),
        ("THR", Align::Right),
        ("USER", Align::Left),
        ("COMMAND", Align::Left),
    ];
    let mut table = Table::new(&headings.map(|(heading, align)| (colour.heading(heading), align)));
    for ancestor in document.ancestors.iter().flatten().rev() {
        table.row(cells(ancestor, "", colour));
    }
    let members = std::iter::once(&document.parent).chain(&document.children);
    for (process, branch) in members.zip(output::branches(depths, drawing)) {
        table.row(cells(process, &branch, colour));
    }
    table
}

const UNKNOWN: &str = "?";

fn cells(process: &ProcessDocument, branch: &str, colour: Colour) -> Vec<String> {
    let unknown = || String::from(UNKNOWN);
    let command = match &process.command_line {
        Some(argv) if !argv.is_empty() => argv.join(" "),
        _ if process.kernel_thread => format!("[{}]", process.name),
        _ if process.state == "zombie" => format!("[{}] <defunct>", process.name),
        _ => format!("[{}]", process.name),
    };
    vec![
        process.pid.to_string(),
        colour.state(&process.state),
        process.age_ms.map_or_else(unknown, |age| short_time(Duration::from_millis(age))),
        process.cpu_ms.map_or_else(unknown, |cpu| short_time(Duration::from_millis(cpu))),
        process.rss_bytes.map_or_else(unknown, short_size),
        process.threads.map_or_else(unknown, |threads| threads.to_string()),
        process.user.clone().unwrap_or_else(unknown),
        format!("{branch}{}", output::printable(&command)),
    ]
}

/// `512K`, `3.2M`, `1.0G`, in powers of 1,024.
fn short_size(bytes: u64) -> String {
    let mut tenths = u128::from(bytes) * 10 / 1024;
    for unit in ["K", "M", "G", "T"] {
        if tenths < 1000 && unit != "K" {
            return format!("{}.{}{unit}", tenths / 10, tenths % 10);
        }
        if tenths < 10_240 {
            return format!("{}{unit}", tenths / 10);
        }
        tenths /= 1024;
    }
    format!("{}P", tenths / 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fell::snapshot::Coverage;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in
            [(0, "0K"), (524_288, "512K"), (3_355_443, "3.1M"), (1 << 30, "1.0G"), (200 << 20, "200M"), (1 << 50, "1P")]
        {
            assert_eq!(short_size(bytes), text);
        }
    }

    #[test]
    fn a_parent_stands_right_before_its_descendants() {
        let mut snapshot = Snapshot::new(Duration::ZERO, Coverage::Table);
        for (pid, parent) in [(2, 1), (3, 2), (4, 2), (5, 3), (6, 4)] {
            let id = ProcessId::unborn(Pid::new(pid).unwrap());
            snapshot.rows.push(ProcessInfo::bare(id, Pid::new(parent)));
        }
        let tree = Tree::rooted(&ProcessId::unborn(Pid::new(2).unwrap()), &snapshot);
        let order: Vec<(u32, usize)> =
            in_drawing_order(&tree).iter().map(|(info, depth)| (info.pid().get(), *depth)).collect();
        assert_eq!(order, [(2, 0), (3, 1), (5, 2), (4, 1), (6, 2)]);
    }
}
