//! fell cuts down whole process trees and proves that nothing is left standing.
//!
//! Three deeds: [`look()`] at processes, [`kill_tree`] for a tree that already runs, and
//! [`Supervisor`] for a command that must leave nothing behind. The library is synchronous, installs no
//! signal handler, spawns no thread, and never waits for a child that is not its own.
//!
//! ```no_run
//! use fell::{KillPolicy, kill_tree};
//!
//! let report = kill_tree("4711".parse()?, &KillPolicy::default())?;
//! println!("{report}");
//! assert!(report.is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod abandoned;
pub mod detail;
pub mod doctor;
#[cfg(feature = "documents")]
pub mod document;
pub mod dump;
pub mod ending;
mod error;
pub mod escaped;
mod felling;
pub mod id;
pub mod info;
pub mod init;
mod kill;
#[doc(hidden)]
pub mod lineage;
mod look;
mod member;
pub mod outcome;
pub mod pid;
mod pin;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod redact;
pub mod released;
mod report;
mod run;
#[cfg_attr(not(guardian), allow(dead_code, reason = "only Linux tells what processes wait in"))]
mod scene;
pub mod scope;
pub mod signal;
pub mod signals;
pub mod snapshot;
mod stream;
#[doc(hidden)]
pub mod sys;
pub mod tree;
pub mod unit;
mod why;
pub mod zombie;

pub use error::Error;
pub use felling::Felling;
pub use id::{Birth, ProcessId, Sameness};
pub use info::{ProcessInfo, State};
pub use kill::{Beginning, Escalation, kill_tree, kill_tree_on, plan_root, plan_tree};
pub use look::{ancestors, look, look_at, look_at_with};
pub use outcome::{Mechanism, Outcome, ProcessReport};
pub use pid::Pid;
pub use pin::{PinError, Pinned};
pub use plan::{Action, KillPlan, Refusal};
pub use policy::{Extent, KillPolicy};
pub use report::Report;
pub use run::{Cause, Leftovers, Progress, RunReport, Running, Supervisor};
pub use scope::{Contain, Containment, Layer};
pub use signal::Signal;
pub use snapshot::Snapshot;
pub use stream::{Stream, duplicate};
pub use tree::Tree;
pub use zombie::{Zombie, reap, zombies};
