//! `fell validate`, end to end.

mod crash;
mod jenkins;
mod refusals;
mod runners;
mod stops;
mod trial;
mod verdicts;
