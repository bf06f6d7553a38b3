//! Documents: serialisable views of what the engine found and did.
//!
//! Each carries `"schema": "fell/<verb>/1"`. Durations are numbers of milliseconds in fields that end in
//! `_ms`, identities are written `PID:INODE`, points of time as RFC 3339 in UTC, and what is not
//! known is `null`. A field that is added keeps the number of the schema; one that changes its
//! meaning or goes away raises it. So a reader must pass over fields that it does not know.

mod doctor;
mod dump;
mod kill;
mod process;
mod released;
mod run;
mod tree;
mod zombies;

pub use doctor::{AbandonedRunDocument, AbilityDocument, DoctorDocument};
pub use dump::{DeadlockDocument, DumpDocument, DumpedProcess, ToldDocument};
pub use kill::{EscapedDocument, KillDocument, OutcomeDocument, TargetDocument};
pub use process::{GapDocument, ProcessDocument, ProcessReference, milliseconds};
pub use released::{HeldDocument, ReleaseDocument};
pub use run::{CommandDocument, ContainmentDocument, MissingLayerDocument, RunDocument, StatusDocument};
pub use tree::TreeDocument;
pub use zombies::{LimitDocument, OwnerDocument, ReapingDocument, UnitDocument, ZombieDocument, ZombiesDocument};

/// The JSON Schemas of all documents, by the name of their verb.
#[cfg(feature = "schema")]
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    vec![
        ("tree", schemars::schema_for!(TreeDocument)),
        ("kill", schemars::schema_for!(KillDocument)),
        ("run", schemars::schema_for!(RunDocument)),
        ("zombies", schemars::schema_for!(ZombiesDocument)),
        ("doctor", schemars::schema_for!(DoctorDocument)),
    ]
}
