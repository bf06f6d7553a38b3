//! Processes that wait for one another, so that none of them ever goes on by itself.

use super::reason::Reason;
use crate::pid::Pid;
use std::collections::{BTreeMap, BTreeSet};

/// The circles of waiting: each process waits for the next, and the last for the first.
///
/// Any of those that a process waits for can let it go on. So one is stuck only if all of those are stuck as well: whoever
/// can go on is taken away, with all who wait for one of them, until nobody is left to be taken away. A process
/// is looked at only if every one of its threads waits for processes.
pub(crate) fn deadlocks(processes: &[(Pid, Vec<Reason>)]) -> Vec<Vec<Pid>> {
    let mut stuck: BTreeMap<Pid, BTreeSet<Pid>> = BTreeMap::new();
    for (pid, reasons) in processes {
        let waits: Option<Vec<&BTreeSet<Pid>>> = reasons.iter().map(|reason| reason.waits_for.as_ref()).collect();
        if let Some(waits) = waits.filter(|waits| !waits.is_empty()) {
            stuck.insert(*pid, waits.into_iter().flatten().copied().collect());
        }
    }
    loop {
        let free: Vec<Pid> = stuck
            .iter()
            .filter(|(_, waits)| waits.iter().any(|other| !stuck.contains_key(other)))
            .map(|(pid, _)| *pid)
            .collect();
        if free.is_empty() {
            break;
        }
        stuck.retain(|pid, _| !free.contains(pid));
    }
    circles(&stuck)
}

/// Each circle once, from its smallest PID.
fn circles(stuck: &BTreeMap<Pid, BTreeSet<Pid>>) -> Vec<Vec<Pid>> {
    let mut found: Vec<Vec<Pid>> = Vec::new();
    let mut walked = BTreeSet::new();
    for start in stuck.keys() {
        let mut path: Vec<Pid> = Vec::new();
        let mut at = *start;
        while walked.insert(at) {
            path.push(at);
            // Another one before itself: who also holds its own pipe's other end waits for both.
            let next = stuck.get(&at).and_then(|waits| waits.iter().find(|pid| **pid != at).or_else(|| waits.first()));
            match next {
                Some(next) => at = *next,
                None => break,
            }
        }
        if let Some(begin) = path.iter().position(|pid| *pid == at) {
            let mut circle = path.split_off(begin);
            let smallest = circle.iter().enumerate().min_by_key(|(_, pid)| **pid).map_or(0, |(index, _)| index);
            circle.rotate_left(smallest);
            found.push(circle);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: u32) -> Pid {
        Pid::new(number).unwrap()
    }

    fn waits(number: u32, all: &[Option<&[u32]>]) -> (Pid, Vec<Reason>) {
        let reason = |whom: &Option<&[u32]>| Reason {
            thread: pid(number),
            text: String::new(),
            waits_for: whom.map(|whom| whom.iter().map(|number| pid(*number)).collect()),
            rank: 0,
        };
        (pid(number), all.iter().map(reason).collect())
    }

    fn found(processes: &[(Pid, Vec<Reason>)]) -> Vec<Vec<u32>> {
        deadlocks(processes).into_iter().map(|circle| circle.into_iter().map(Pid::get).collect()).collect()
    }

    #[test]
    fn a_circle_is_found_and_those_who_wait_for_it_are_not_of_it() {
        let shell = waits(1, &[Some(&[3])]);
        assert_eq!(found(&[shell, waits(3, &[Some(&[2])]), waits(2, &[Some(&[3])])]), [[2, 3]]);
    }

    #[test]
    fn one_who_can_go_on_frees_all_who_wait_for_it() {
        let either = waits(2, &[Some(&[3, 4])]);
        let runs = waits(4, &[None]);
        assert!(found(&[either.clone(), waits(3, &[Some(&[2])]), runs]).is_empty());
        assert!(found(&[either, waits(3, &[Some(&[2])])]).is_empty(), "nothing is known of 4");
    }

    #[test]
    fn who_waits_for_itself_is_a_circle_of_one() {
        assert_eq!(found(&[waits(7, &[Some(&[7])])]), [[7]]);
    }

    #[test]
    fn one_thread_that_goes_on_is_enough() {
        assert!(found(&[waits(2, &[Some(&[3]), None]), waits(3, &[Some(&[2])])]).is_empty());
    }

    #[test]
    fn two_circles_are_two() {
        let all = [waits(1, &[Some(&[2])]), waits(2, &[Some(&[1])]), waits(8, &[Some(&[9])]), waits(9, &[Some(&[8])])];
        assert_eq!(found(&all), [[1, 2], [8, 9]]);
    }
}
