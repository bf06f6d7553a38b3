//! Measures fell beside its peers, and beside the least that C needs for the same; `cargo xtask bench` builds and calls it.

mod herd;
mod peers;
mod place;
mod plot;
mod report;
mod scenarios;
mod stopwatch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use miette::{IntoDiagnostic, Result, WrapErr, miette};

use peers::Peers;
use place::{Place, first_line};
use report::{Machine, Report, short};
use scenarios::Given;

/// Measures fell beside its peers.
#[derive(Parser)]
struct Arguments {
    /// The folder of fell, of the floors and of the peers that were built
    #[arg(long)]
    programs: PathBuf,
    /// The root of the workspace
    #[arg(long)]
    root: PathBuf,
    /// Run this scenario alone, and write no page; may be repeated
    #[arg(long)]
    only: Vec<String>,
    /// Rounds of what is quick to measure
    #[arg(long)]
    rounds: Option<u32>,
    /// Fewer rounds and processes, and no page: for a first look
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            eprintln!("bench: {}", causes.join(": "));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let Arguments { programs, root, only, rounds, quick } = arguments;
    let names: Vec<&str> = scenarios::ALL.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(miette!("no scenario {unknown}; there are: {}", names.join(", ")));
    }
    let place = Place::new(&programs, &root, rounds, quick)?;
    let peers = Peers::install(&programs)?;
    let load_before = load();
    let (mut sections, mut curves) = (Vec::new(), Vec::new());
    for (name, scenario) in
        scenarios::ALL.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|one| one == name))
    {
        eprintln!("bench: {name}");
        match scenario(&place, &peers).wrap_err_with(|| format!("scenario {name}"))? {
            Given::Section(section) => {
                for row in &section.rows {
                    eprintln!(
                        "  {:<32} {:>8}  {:>9} ms  {:>9} KiB",
                        row.name,
                        short(row.ratio),
                        short(row.wall_ms),
                        row.memory_kib
                    );
                }
                for bar in &section.bars {
                    let verdict = if bar.holds() { "met" } else { "NOT MET" };
                    eprintln!("  {}: {} ({}), {verdict}", bar.what, short(bar.measured), short(bar.limit));
                }
                sections.push(section);
            }
            Given::Curves(one) => curves.push(one),
        }
    }
    let report = Report {
        machine: machine(&place, load_before)?,
        versions: peers.versions()?,
        missing: peers.missing,
        sections,
        curves,
    };
    let folder = if only.is_empty() && !quick { place.document("") } else { programs.join("out") };
    std::fs::create_dir_all(&folder).into_diagnostic()?;
    write(&folder, &report)
}

fn write(folder: &Path, report: &Report) -> Result<()> {
    let page = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).into_diagnostic().wrap_err_with(|| format!("{name} can't be written"))
    };
    page("benchmarks.md", report.page())?;
    page("benchmarks.json", serde_json::to_string_pretty(report).into_diagnostic()? + "\n")?;
    for curves in &report.curves {
        plot::draw(curves, &folder.join(format!("benchmarks-{}.svg", curves.name)))?;
    }
    println!("bench: wrote {}", folder.join("benchmarks.md").display());
    Ok(())
}

fn machine(place: &Place, load_before: String) -> Result<Machine> {
    let of = |file: &str, key: &str| -> Option<String> {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    let kilobytes: u64 = of("/proc/meminfo", "MemTotal:")
        .and_then(|text| text.split_whitespace().next().map(str::to_owned))
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    Ok(Machine {
        processor: of("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: std::thread::available_parallelism().into_diagnostic()?.get(),
        memory_gib: kilobytes.div_ceil(1 << 20),
        kernel: first_line(&["uname", "-sr"])?.split('-').next().unwrap_or_default().to_owned(),
        load_before,
        load_after: load(),
        realtime: place.priority > 0,
    })
}

/// The load average of the last minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
