//! Running a command so that nothing it started outlives it.

#[cfg(guardian)]
mod begin;
#[cfg(guardian)]
mod children;
#[cfg(not(guardian))]
mod direct;
#[cfg(guardian)]
mod ending;
mod report;
#[cfg(guardian)]
mod running;
mod supervisor;

#[cfg(not(guardian))]
pub use direct::Running;
pub use report::{Cause, Leftovers, Progress, RunReport};
#[cfg(guardian)]
pub use running::Running;
pub use supervisor::Supervisor;
