//! Victims (tiny programs with one trick each) and the harness that counts their survivors.
//!
//! ```no_run
//! use fell_testkit::{Trick, Victim};
//! use std::time::Duration;
//!
//! let mut victim = Victim::of(Trick::DeepChain).count(20).spawn()?;
//! victim.wait_ready()?;
//! assert_eq!(victim.survivors()?.len(), 21);
//! // … end the tree by the means under test …
//! victim.wait_all_dead(Duration::from_secs(5))?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A victim that somebody else is to start comes from [`Setup::prepare`]: its command line is [`Victim::argv`].
//! Dropping a [`Victim`] or a [`Bystander`] ends what is left of it, each process by a pidfd whose
//! identity was proved by the lock that the process holds.
//!
//! Why no victim can hurt the machine: every fork takes from one budget that lies in the shared
//! ledger (2,000 for the life of a tree, never given back), every process carries a deadline of at most
//! 60 s as two timers of its own, and a [`Cage`] bounds them from outside where the host has one.

mod bystander;
mod cage;
mod cgroup;
mod end;
mod ledger;
mod locate;
mod negligent;
mod page;
mod placement;
mod survivor;
mod trick;
mod user;
mod victim;

pub use bystander::Bystander;
pub use cage::Cage;
pub use end::end_all;
pub use ledger::Ledger;
pub use locate::victim_binary;
pub use negligent::{Account, Negligent};
pub use page::{MOST_FORKS, Page, Record};
pub use placement::Placement;
pub use survivor::Survivor;
pub use trick::{Needs, Shape, Trick, UnknownTrick};
pub use user::{NOBODY, UserCommand, as_user};
pub use victim::{Setup, Victim};

/// The longest that any victim process lives, whatever it was asked.
pub const HARD_LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
