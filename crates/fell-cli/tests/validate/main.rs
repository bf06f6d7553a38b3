//! `fell validate`, end to end.

mod cookbook;
mod crash;
mod jenkins;
mod refusals;
mod runners;
mod stops;
mod trial;
mod verdicts;
