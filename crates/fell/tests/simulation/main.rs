//! The whole decision on a made-up host: what the engine does is judged against the truth that only the world knows.
//!
//! A failing schedule is printed as `FELL_SIM_SEED=...`; with that variable set, the test runs this schedule alone
//! and prints a trace of it. `FELL_SIM_CASES` changes how many are tried.

mod directed;
mod scenario;
mod schedules;
mod verdict;
