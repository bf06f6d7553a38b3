//! What `fell doctor --json` prints.

use super::ProcessReference;
use crate::abandoned::AbandonedRun;
use crate::doctor::{Ability, Doctor};
use serde::{Deserialize, Serialize};

/// What this host allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DoctorDocument {
    /// `fell/doctor/1`.
    pub schema: String,
    /// All that was examined.
    pub abilities: Vec<AbilityDocument>,
    /// Runs that nobody watches any more.
    pub abandoned_runs: Vec<AbandonedRunDocument>,
}

impl DoctorDocument {
    /// The name of this document's schema.
    pub const SCHEMA: &str = "fell/doctor/1";

    /// The view of an examination, and of the runs that it found without a keeper.
    pub fn new(doctor: &Doctor, abandoned: &[AbandonedRun]) -> DoctorDocument {
        let Doctor { abilities } = doctor;
        DoctorDocument {
            schema: String::from(DoctorDocument::SCHEMA),
            abilities: abilities.iter().map(AbilityDocument::from).collect(),
            abandoned_runs: abandoned.iter().map(AbandonedRunDocument::from).collect(),
        }
    }
}

/// One thing that a host allows or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AbilityDocument {
    /// Its name.
    pub name: String,
    /// Whether the host allows it.
    pub available: bool,
    /// What was seen, or why not.
    pub detail: String,
    /// What it means for fell's promises.
    pub meaning: String,
}

impl From<&Ability> for AbilityDocument {
    fn from(Ability { name, available, detail, meaning }: &Ability) -> AbilityDocument {
        AbilityDocument {
            name: String::from(*name),
            available: *available,
            detail: detail.clone(),
            meaning: String::from(*meaning),
        }
    }
}

/// A run whose supervisor and guardian were both killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AbandonedRunDocument {
    /// Its name, for `fell kill --run`.
    pub run: String,
    /// What is alive of it.
    pub processes: Vec<ProcessReference>,
}

impl From<&AbandonedRun> for AbandonedRunDocument {
    fn from(AbandonedRun { run, processes }: &AbandonedRun) -> AbandonedRunDocument {
        AbandonedRunDocument { run: run.clone(), processes: processes.iter().map(ProcessReference::from).collect() }
    }
}
