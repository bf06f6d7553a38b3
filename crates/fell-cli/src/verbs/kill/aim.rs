//! A target, and what it stands for.

use crate::args::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use fell::document::TargetDocument;
use fell::escaped::{Escaped, escaped};
use fell::plan::PlannedProcess;
use fell::ports::Listeners;
use fell::{Action, Error, KillPlan, KillPolicy, ProcessId, ProcessInfo, Refusal};

/// How a plan is made: of a whole tree, or of its root alone.
pub(super) type Plan = fn(ProcessId, &KillPolicy) -> Result<Option<KillPlan>, Error>;

/// What is to be ended.
pub(super) enum Aim {
    /// Nothing: the target is gone, or nobody listens there.
    Nothing(Target),
    /// A process and its descendants.
    Tree {
        /// As it was given.
        target: Target,
        /// What would be done; with the root alone, where nobody asks for more.
        plan: KillPlan,
    },
    /// What is left of this run.
    Run(String),
}

impl Aim {
    /// What this target stands for now. A port may stand for several processes.
    ///
    /// # Errors
    ///
    /// It must not be ended.
    pub(super) fn at(target: Target, policy: &KillPolicy, planned: Plan) -> Result<Vec<Aim>, Failure> {
        let ids = match target {
            Target::Process(id) => vec![id],
            Target::Port(port) => listeners(port)?,
        };
        if ids.is_empty() {
            return Ok(vec![Aim::Nothing(target)]);
        }
        let aim = |id| Ok(plan(id, policy, planned)?.map_or(Aim::Nothing(target), |plan| Aim::Tree { target, plan }));
        ids.into_iter().map(aim).collect()
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// As [`fell::kill_tree`].
    pub(super) fn fell(&self, policy: &KillPolicy) -> Result<TargetDocument, Error> {
        match self {
            Aim::Nothing(target) => Ok(TargetDocument::absent(target.to_string())),
            Aim::Tree { target, plan } => match plan.processes.first() {
                // The process as the plan saw it: not whoever has the PID by now.
                Some(root) => Ok(TargetDocument::new(target.to_string(), &fell::kill_tree(root.info.id, policy)?)),
                None => Ok(TargetDocument::absent(target.to_string())),
            },
            Aim::Run(run) => Ok(match fell::abandoned::end_run(run, policy)? {
                Some(report) => TargetDocument::new(run, &report),
                None => TargetDocument::absent(run),
            }),
        }
    }

    /// What would be done.
    pub(super) fn planned(&self) -> TargetDocument {
        match self {
            Aim::Nothing(target) => TargetDocument::absent(target.to_string()),
            Aim::Tree { target, plan } => TargetDocument::planned(target.to_string(), plan, &self.escaped()),
            Aim::Run(run) => {
                let runs = fell::abandoned::abandoned_runs().into_iter().filter(|abandoned| abandoned.run == *run);
                let end = |info| PlannedProcess { info, action: Action::End };
                let processes: Vec<_> = runs.flat_map(|abandoned| abandoned.processes).map(end).collect();
                match processes.is_empty() {
                    true => TargetDocument::absent(run),
                    false => TargetDocument::planned(run, &KillPlan { processes }, &[]),
                }
            }
        }
    }

    /// Who seems to have left the tree.
    pub(super) fn escaped(&self) -> Vec<Escaped> {
        match self {
            Aim::Tree { target: _, plan } => {
                let members: Vec<ProcessInfo> = plan.processes.iter().map(|process| process.info.clone()).collect();
                escaped(&members)
            }
            Aim::Nothing(_) | Aim::Run(_) => Vec::new(),
        }
    }
}

fn plan(id: ProcessId, policy: &KillPolicy, planned: Plan) -> Result<Option<KillPlan>, Failure> {
    if policy.ancestors {
        let careful = KillPolicy { ancestors: false, ..policy.clone() };
        if let Err(Error::Refused { target, refusal: Refusal::Ancestor }) = planned(id, &careful) {
            output::say(format!(
                "--force: {target} is an ancestor of fell, and is ended with all its other descendants"
            ));
        }
    }
    planned(id, policy).map_err(|error| {
        let failure = Failure::of(Exit::Usage, &error);
        match error {
            Error::Refused { refusal: Refusal::Ancestor, .. } => {
                failure.help("--force lifts this; nothing was signalled")
            }
            _ => failure.help("nothing was signalled"),
        }
    })
}

/// Who listens on a port. What could not be looked into is said: silence would mean that nobody does.
fn listeners(port: u16) -> Result<Vec<ProcessId>, Failure> {
    let Listeners { processes, gaps } = fell::ports::listeners(port).map_err(|error| {
        Failure::new(Exit::Usage, format!("who listens on :{port} can't be told: {error}")).help("give a PID instead")
    })?;
    match (processes.is_empty(), gaps.as_slice()) {
        (true, [_, ..]) => {
            let what =
                format!("no listener on :{port} was found, and {} processes could not be looked into", gaps.len());
            Err(Failure::new(Exit::Remains, what).help("ask as root, or give a PID"))
        }
        (true, []) => {
            tracing::info!("nothing listens on :{port}");
            Ok(processes)
        }
        (false, _) => Ok(processes),
    }
}
