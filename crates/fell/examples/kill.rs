//! Ends a process tree and says what became of each member.
//!
//! ```text
//! cargo run -p fell --example kill -- 4711
//! ```

use fell::{KillPolicy, kill_tree};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = std::env::args().nth(1).ok_or("usage: kill PID")?.parse()?;
    let report = kill_tree(target, &KillPolicy::default())?;
    for process in &report.processes {
        println!("{:>8} {:16} {}", process.info.pid(), process.info.name, process.outcome);
    }
    println!("{report}");
    Ok(())
}
