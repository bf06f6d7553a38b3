//! `fell doctor`.

use crate::args::DoctorArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, Align, Colour, JsonLines, Table};
use fell::document::{AbandonedRunDocument, AbilityDocument, DoctorDocument, ProcessReference};

/// Shows what this host allows, and runs that nobody watches any more.
///
/// # Errors
///
/// stdout can't be written to.
pub(crate) fn act(args: &DoctorArgs) -> Result<Exit, Failure> {
    let document = DoctorDocument::new(&fell::doctor::doctor(), &fell::abandoned::abandoned_runs());
    if args.json {
        output::json(&document, JsonLines::Many)?;
        return Ok(Exit::Success);
    }
    output::result(table(&document, output::choose(args.common.color)))?;
    for AbandonedRunDocument { run, processes } in &document.abandoned_runs {
        output::result(match processes.len() {
            0 => format!("\nabandoned run {run}: nothing is alive; the next fell run removes its traces"),
            alive => format!("\nabandoned run {run}: {alive} alive; fell kill --run {run} ends them"),
        })?;
        for ProcessReference { id: _, pid, name } in processes {
            output::result(format!("{pid:>7}  {}", output::printable(name)))?;
        }
    }
    Ok(Exit::Success)
}

fn table(document: &DoctorDocument, colour: Colour) -> Table {
    let headings = ["ABILITY", "HERE", "SEEN", "WHAT IT MEANS"];
    let mut table = Table::new(&headings.map(|heading| (colour.heading(heading), Align::Left)));
    for AbilityDocument { name, available, detail, meaning } in &document.abilities {
        let here = colour.verdict(*available, if *available { "yes" } else { "no" });
        table.row(vec![name.clone(), here, output::printable(detail), meaning.clone()]);
    }
    table
}
