//! Plan files: CI steps under time limits that leave nothing behind, with reports.
//!
//! A plan file is [read](file::read), [resolved](resolve()) into a sound [`Plan`], and [run](run()). Each step is a run of
//! [`fell::Supervisor`]: it passes only if it succeeded and left nothing.
//!
//! ```
//! use fell_plan::{Surroundings, file, resolve};
//!
//! let text = "schema = 1\n[step.build]\nrun = [\"make\"]\n[step.test]\nneeds = [\"build\"]\nshell = \"make test | tee log\"\n";
//! let plan = resolve(&file::parse(text)?, text, &Surroundings::default())?;
//! assert_eq!(plan.steps[1].needs, [0]);
//! # Ok::<(), fell_plan::PlanError>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "plans are read, and not run, on other systems yet"))]

#[cfg(target_os = "linux")]
mod attempt;
mod check;
pub mod document;
mod error;
pub mod event;
pub mod file;
mod output;
mod plan;
pub mod report;
mod resolve;
#[cfg(target_os = "linux")]
mod run;
pub mod schedule;
mod select;
mod verdict;

pub use error::{PlanError, nearest};
pub use event::{Audience, Event};
pub use plan::{LeftoversPolicy, Plan, Readiness, Reports, Retries, Sign, Step};
pub use resolve::{Surroundings, resolve};
#[cfg(target_os = "linux")]
pub use run::{Broken, Settings, run};
pub use select::{Shard, only, shard};
pub use verdict::{Failure, FailureKind};

/// The JSON Schemas of the plan file and of its report, by their names.
#[cfg(feature = "schema")]
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    vec![
        ("plan", schemars::schema_for!(file::PlanFile)),
        ("validate", schemars::schema_for!(document::ValidateDocument)),
    ]
}
