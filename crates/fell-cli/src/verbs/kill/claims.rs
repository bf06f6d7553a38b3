//! The ports and locks of what is to be ended.

use super::Aim;
use fell::dump::{DumpOptions, dump};
use fell::released::Claims;

/// What the trees of these targets hold now.
pub(super) fn of(aims: &[Aim]) -> Claims {
    let mut all = Claims::default();
    for aim in aims {
        match aim {
            Aim::Nothing(_) => {}
            Aim::Tree { plan, .. } => {
                let Some(root) = plan.processes.first() else { continue };
                let Claims { ports, locks, unseen } =
                    Claims::of(&dump(&fell::look_at(&root.info.id), &DumpOptions::default()));
                all.ports.extend(ports);
                all.locks.extend(locks);
                all.unseen.extend(unseen);
            }
            Aim::Run(run) => {
                all.unseen.push(format!("what is left of run {run}: its ports and locks are not looked at"));
            }
        }
    }
    all
}
