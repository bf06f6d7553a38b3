//! Running a command so that nothing it started outlives it.

mod children;
mod ending;
mod report;
mod running;
mod supervisor;

pub use report::{Cause, Leftovers, Progress, RunReport};
pub use running::Running;
pub use supervisor::Supervisor;
