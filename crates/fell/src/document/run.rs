//! What `fell run` writes into its report.

use super::{
    DumpDocument, GapDocument, OutcomeDocument, ProcessDocument, ReleaseDocument, TargetDocument, milliseconds,
};
use crate::detail::{Calendar, Detail};
use crate::ending::Ending;
use crate::run::{Cause, RunReport};
use crate::scope::{Containment, Layer};
use crate::snapshot::Snapshot;
use serde::{Deserialize, Serialize};

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunDocument {
    /// `fell/run/1`.
    pub schema: String,
    /// `report`: the last of the events.
    pub event: String,
    /// The run's name, which its processes carry in `FELL_RUN`.
    pub run: String,
    /// The command.
    pub command: CommandDocument,
    /// Why the run ended: `exited`, `timed-out`, `idle`, `cancelled`, `guardian-lost`.
    pub cause: String,
    /// The signal because of which the caller wanted it to end: `TERM`.
    pub cancelled_by: Option<String>,
    /// How the command ended; `null` if that was not seen.
    pub status: Option<StatusDocument>,
    /// The code with which fell itself ended; `null` where it was not a command-line run.
    pub exit_code: Option<u8>,
    /// Whether nothing that was to be ended is alive.
    pub clean: bool,
    /// What was alive when the command had ended by itself.
    pub leftovers: Vec<OutcomeDocument>,
    /// What became of the processes that had to be ended; `null` if there were none.
    pub kill: Option<TargetDocument>,
    /// The tree as it stood when the limit was reached, before anything was signalled.
    pub at_limit: Option<Vec<ProcessDocument>>,
    /// What could not be read of that tree.
    pub at_limit_gaps: Option<Vec<GapDocument>>,
    /// The tree before it was ended, from the inside: why each process did not go on, and what it held. `null` if that was
    /// not asked for.
    #[serde(default)]
    pub dump: Option<DumpDocument>,
    /// What has become of the ports and locks in that dump; `null` without one.
    #[serde(default)]
    pub released: Option<ReleaseDocument>,
    /// What held the run together.
    pub containment: ContainmentDocument,
    /// How long it took.
    pub elapsed_ms: u64,
}

/// The command of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandDocument {
    /// Who it was: `PID:INODE`, or the bare PID where the inode is not known.
    pub id: String,
    /// Its PID.
    pub pid: u32,
    /// The program as it was given.
    pub program: String,
}

/// How a command ended: either by a code or by a signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatusDocument {
    /// Its exit code; `null` if it died of a signal.
    pub code: Option<i32>,
    /// The number of the signal that it died of.
    pub signal: Option<i32>,
}

impl From<Ending> for StatusDocument {
    fn from(ending: Ending) -> StatusDocument {
        StatusDocument { code: ending.code(), signal: ending.signal() }
    }
}

/// What held a run together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContainmentDocument {
    /// The layers that were in force.
    pub layers: Vec<String>,
    /// The layers that the host did not give.
    pub missing: Vec<MissingLayerDocument>,
    /// What this containment can't stop.
    pub limits: Vec<String>,
}

/// A layer that the host did not give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MissingLayerDocument {
    /// The layer.
    pub layer: String,
    /// Why it was not to be had.
    pub why: String,
}

impl From<&Containment> for ContainmentDocument {
    fn from(containment: &Containment) -> ContainmentDocument {
        let limits = containment.limits().into_iter().map(String::from).collect();
        let Containment { layers, missing } = containment;
        let missing_layer =
            |(layer, why): &(Layer, String)| MissingLayerDocument { layer: layer.to_string(), why: why.clone() };
        ContainmentDocument {
            layers: layers.iter().map(Layer::to_string).collect(),
            missing: missing.iter().map(missing_layer).collect(),
            limits,
        }
    }
}

impl RunDocument {
    /// The name of this document's schema.
    pub const SCHEMA: &str = "fell/run/1";

    /// The view of a report; `exit_code` is the code with which the caller itself ends because of it.
    pub fn new(report: &RunReport, calendar: &Calendar, exit_code: Option<u8>) -> RunDocument {
        let clean = report.survivors().next().is_none();
        let RunReport {
            run,
            program,
            command,
            status,
            cause,
            leftovers,
            kill,
            at_limit,
            dump,
            released,
            containment,
            elapsed,
        } = report;
        let (cause, cancelled_by) = match cause {
            Cause::Exited => ("exited", None),
            Cause::TimedOut => ("timed-out", None),
            Cause::Idle => ("idle", None),
            Cause::Cancelled(signal) => ("cancelled", Some(signal.to_string())),
            Cause::GuardianLost => ("guardian-lost", None),
        };
        RunDocument {
            schema: String::from(RunDocument::SCHEMA),
            event: String::from("report"),
            run: run.clone(),
            command: CommandDocument { id: command.to_string(), pid: command.pid.get(), program: program.clone() },
            cause: String::from(cause),
            cancelled_by,
            status: status.and_then(Ending::of).map(StatusDocument::from),
            exit_code,
            clean,
            leftovers: leftovers.iter().map(OutcomeDocument::from).collect(),
            kill: kill.as_ref().map(|report| TargetDocument::new(program.clone(), report)),
            at_limit: at_limit.as_ref().map(|snapshot| rows(snapshot, calendar)),
            at_limit_gaps: at_limit.as_ref().map(|snapshot| snapshot.gaps.iter().map(GapDocument::from).collect()),
            dump: dump.as_ref().map(|dump| DumpDocument::new(dump, calendar)),
            released: released.as_ref().map(ReleaseDocument::from),
            containment: ContainmentDocument::from(containment),
            elapsed_ms: milliseconds(*elapsed),
        }
    }
}

fn rows(snapshot: &Snapshot, calendar: &Calendar) -> Vec<ProcessDocument> {
    // The ages are those at the limit, not those at the time of writing.
    let calendar = Calendar { now: snapshot.taken_at, ..*calendar };
    // The details are not known any more: most of these processes are gone.
    snapshot.rows.iter().map(|info| ProcessDocument::new(info, Detail::default(), &calendar)).collect()
}
