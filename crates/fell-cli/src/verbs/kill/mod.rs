//! `fell kill TARGET...`.

mod aim;
mod claims;
mod show;

pub(super) use show::line;

use crate::args::KillArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use aim::Aim;
use fell::document::{KillDocument, ReleaseDocument, TargetDocument};
use fell::{Error, Extent, KillPolicy};

/// Ends the trees of all targets. The roots of all of them are looked at before the first one is signalled.
///
/// # Errors
///
/// A target must not be ended; nothing was signalled.
pub(crate) fn act(args: &KillArgs) -> Result<Exit, Failure> {
    let policy = policy(args);
    let mut aims = Vec::new();
    // To see that nothing stands against it, the root is enough: the kill looks at the rest itself.
    let plan = if args.dry_run || args.common.verbose > 0 { fell::plan_tree } else { fell::plan_root };
    for target in &args.targets {
        aims.extend(Aim::at(*target, &policy, plan)?);
    }
    aims.extend(args.run.clone().map(Aim::Run));
    if args.dry_run {
        show::report(args, &KillDocument::dry_run(aims.iter().map(Aim::planned).collect()))?;
        return Ok(Exit::Success);
    }
    if args.common.verbose > 0 && !policy.escaped {
        show::kept(&aims);
    }
    // What they hold is known only while they stand.
    let claims = args.wait_released.map(|limit| (claims::of(&aims), limit));
    let mut document = KillDocument::new(fell_all(&aims, &policy)?);
    document.released = claims.map(|(claims, limit)| ReleaseDocument::from(&claims.wait(limit)));
    show::report(args, &document)?;
    let is_free = document.released.as_ref().is_none_or(|release| release.held.is_empty());
    Ok(if document.clean == Some(true) && is_free { Exit::Success } else { Exit::Remains })
}

fn policy(args: &KillArgs) -> KillPolicy {
    KillPolicy {
        signal: args.signal,
        grace: args.grace,
        extent: if args.children_only { Extent::Descendants } else { Extent::Tree },
        ancestors: args.force,
        escaped: args.include_escaped,
        ..KillPolicy::default()
    }
}

/// Ends them all at once, so that several graces last no longer than one.
fn fell_all(aims: &[Aim], policy: &KillPolicy) -> Result<Vec<TargetDocument>, Failure> {
    let documents: Vec<Result<TargetDocument, Error>> = match aims {
        [aim] => vec![aim.fell(policy)],
        aims => std::thread::scope(|scope| {
            let kills: Vec<_> = aims.iter().map(|aim| scope.spawn(|| aim.fell(policy))).collect();
            kills.into_iter().map(|kill| kill.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        }),
    };
    // Nobody is told that all went well while one of them could not even be tried.
    documents.into_iter().map(|document| document.map_err(|error| Failure::of(Exit::Remains, &error))).collect()
}
