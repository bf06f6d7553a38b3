//! `fell validate`, end to end.

mod cookbook;
mod crash;
mod jenkins;
mod output;
mod refusals;
mod runners;
#[path = "../common/schema.rs"]
mod schema;
mod stops;
mod trial;
mod verdicts;
