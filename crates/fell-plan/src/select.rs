//! Which steps of a plan run: `--only` and `--shard`.

use crate::error::{PlanError, nearest};
use crate::plan::Plan;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// One of several parts of a plan: `2/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Shard { part, of }),
            _ => Err(String::from("expected K/N with K from 1 to N, such as 2/4")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// The plan with these steps and what they need; all of them if none is named.
///
/// # Errors
///
/// No step has one of these names.
pub fn only(plan: Plan, names: &[String]) -> Result<Plan, PlanError> {
    if names.is_empty() {
        return Ok(plan);
    }
    let mut wanted = Vec::new();
    for name in names {
        let Some(position) = plan.position(name) else {
            let error = PlanError::new(format!("--only {name}: no step has this name"));
            return Err(match nearest(name, plan.steps.iter().map(|step| step.name.as_str())) {
                Some(near) => error.help(format!("did you mean {near:?}?")),
                None => error.help("fell validate --list shows the steps"),
            });
        };
        wanted.push(position);
    }
    Ok(keep(plan, wanted))
}

/// One part of the plan. The steps that no other step needs are dealt out in turn, each with what it needs; `always`
/// steps belong to every part.
pub fn shard(plan: Plan, shard: Shard) -> Plan {
    let is_needed = |index: usize| plan.steps.iter().any(|step| !step.always && step.needs.contains(&index));
    let ends = (0..plan.steps.len()).filter(|index| !plan.steps[*index].always && !is_needed(*index));
    let mut wanted: Vec<usize> =
        ends.enumerate().filter(|(turn, _)| turn % shard.of == shard.part - 1).map(|(_, index)| index).collect();
    if !wanted.is_empty() {
        wanted.extend((0..plan.steps.len()).filter(|index| plan.steps[*index].always));
    }
    Plan { shard: Some(shard.to_string()), ..keep(plan, wanted) }
}

/// The plan with these steps and what they need.
fn keep(plan: Plan, wanted: Vec<usize>) -> Plan {
    let mut kept = BTreeSet::new();
    let mut open = wanted;
    while let Some(index) = open.pop() {
        if kept.insert(index) {
            open.extend(&plan.steps[index].needs);
        }
    }
    let renumbered: Vec<usize> = kept.iter().copied().collect();
    let mut deselected = plan.deselected;
    let mut steps = Vec::new();
    for (index, mut step) in plan.steps.into_iter().enumerate() {
        if kept.contains(&index) {
            // Every need of a kept step is kept.
            step.needs = step.needs.iter().filter_map(|need| renumbered.binary_search(need).ok()).collect();
            steps.push(step);
        } else {
            deselected.push(step.name);
        }
    }
    Plan { steps, deselected, ..plan }
}
