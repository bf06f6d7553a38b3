//! Runs a command under a time limit; nothing that it started is left.
//!
//! ```text
//! cargo run -p fell --example run -- 1 sh -c 'sleep 300 & setsid sleep 300 & sleep 300'
//! ```

use fell::Supervisor;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let usage = "usage: run SECONDS COMMAND [ARGS...]";
    let seconds: f64 = words.next().ok_or(usage)?.to_str().ok_or(usage)?.parse()?;
    let program = words.next().ok_or(usage)?;
    let report =
        Supervisor::new(program).args(words).timeout(Some(Duration::try_from_secs_f64(seconds)?)).spawn()?.wait()?;
    println!("{:?} after {} ms", report.cause, report.elapsed.as_millis());
    if let Some(kill) = &report.kill {
        println!("{kill}");
        for process in &kill.processes {
            println!("{:>8} {:16} {}", process.info.pid(), process.info.name, process.outcome);
        }
    }
    Ok(())
}
