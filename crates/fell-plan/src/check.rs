//! What the types alone can't refuse.

use crate::error::PlanError;
use crate::file::{Kind, ReadyFile, Span, StepFile};
use crate::plan::Step;

/// Refuses a step that makes no sense by itself.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn check(name: &str, step: &StepFile) -> Result<(), PlanError> {
    let wrong = |what: &str| PlanError::new(format!("step {name:?} {what}"));
    // The name is a file's name too: of the step's output.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if !name.chars().all(is_plain) || name.is_empty() || name.starts_with(['.', '-']) || name.len() > 100 {
        return Err(wrong("has a name that can't be used")
            .help("expected letters, digits, '_', '-' and '.', such as unit-tests"));
    }
    match (&step.run, &step.shell) {
        (Some(_), Some(_)) => return Err(wrong("has both run and shell").help("keep one of them")),
        (None, None) => {
            return Err(wrong("has nothing to run").help("add run = [\"command\", \"argument\"] or shell = \"script\""));
        }
        (Some(run), None) if run.first().is_none_or(String::is_empty) => {
            return Err(wrong("has an empty command").help("expected run = [\"command\", \"argument\"]"));
        }
        _ => {}
    }
    for (key, limit) in [("timeout", step.timeout), ("idle-timeout", step.idle_timeout)] {
        if limit.is_some_and(|Span(limit)| limit.is_zero()) {
            return Err(wrong(&format!("has {key} = 0")).help("for no limit, leave it out"));
        }
    }
    if step.kind == Kind::Service && step.always {
        return Err(wrong("is a service and runs always").help("a service runs while a step needs it"));
    }
    match &step.ready {
        Some(_) if step.kind == Kind::Step => Err(wrong("has ready and is no service").help("add kind = \"service\"")),
        Some(ReadyFile { log, port, run, timeout: _ }) => {
            let signs = usize::from(log.is_some()) + usize::from(port.is_some()) + usize::from(run.is_some());
            let is_empty = log.as_deref() == Some("") || run.as_deref().is_some_and(<[String]>::is_empty);
            if signs != 1 || is_empty {
                return Err(wrong("does not say when it is ready").help("expected one of log, port and run"));
            }
            Ok(())
        }
        None => Ok(()),
    }
}

/// Steps that need each other in a ring, if there are any.
pub(crate) fn find_cycle(steps: &[Step]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnTheWay,
        Done,
    }
    let mut marks = vec![Mark::New; steps.len()];
    for start in 0..steps.len() {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::OnTheWay;
        let mut way = vec![(start, 0_usize)];
        while let Some((step, next)) = way.last_mut() {
            match steps[*step].needs.get(*next) {
                Some(&need) => {
                    *next += 1;
                    match marks[need] {
                        Mark::New => {
                            marks[need] = Mark::OnTheWay;
                            way.push((need, 0));
                        }
                        Mark::OnTheWay => {
                            let ring = way.iter().map(|(step, _)| *step).skip_while(|step| *step != need);
                            return Some(ring.collect());
                        }
                        Mark::Done => {}
                    }
                }
                None => {
                    marks[*step] = Mark::Done;
                    way.pop();
                }
            }
        }
    }
    None
}
