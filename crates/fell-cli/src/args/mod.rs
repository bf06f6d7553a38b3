//! The command line: one definition for parsing, help, completions and man pages.

mod common;
mod kill;
mod others;
mod run;
mod target;
mod usage;
mod validate;
mod zombies;

pub(crate) use common::{Color, Common, LogFormat};
pub(crate) use kill::KillArgs;
pub(crate) use others::{CompletionsArgs, DoctorArgs, InstallLinksArgs, ManArgs, TreeArgs};
pub(crate) use run::{Containment, Foreground, LeftoversRule, OnTimeout, ReportFile, RunArgs};
pub(crate) use target::Target;
pub(crate) use usage::Stop;
pub(crate) use validate::{GitHub, ShownOutput, ValidateArgs};
pub(crate) use zombies::{ReapBy, ZombiesArgs};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;

/// Fell whole process trees and prove that nothing is left standing.
#[derive(Debug, Parser)]
#[command(
    name = "fell",
    version,
    disable_help_subcommand = true,
    after_help = "Every long flag has an environment variable: FELL_TIMEOUT=30s is --timeout 30s.\n\n\
                  Examples:\n  fell run --timeout 30s -- cargo test   Nothing that the tests started outlives them\n  \
                  fell kill :8080                        End whatever listens on port 8080, with its descendants"
)]
pub(crate) struct Fell {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What fell is asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Run(Box<RunArgs>),
    Kill(KillArgs),
    Tree(TreeArgs),
    Zombies(ZombiesArgs),
    Validate(Box<ValidateArgs>),
    Doctor(DoctorArgs),
    InstallLinks(InstallLinksArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// What these words, the first of which is the name of the program, ask for.
///
/// # Errors
///
/// There is nothing to do: help was asked for, or the words make no sense.
pub(crate) fn parse(words: &[OsString]) -> Result<Verb, Stop> {
    // `run` pays for its own definition alone: it stands in front of every command of a build.
    if words.get(1).is_some_and(|verb| verb == "run") {
        let command = RunArgs::command().bin_name("fell run");
        return command
            .try_get_matches_from(&words[1..])
            .and_then(|matches| RunArgs::from_arg_matches(&matches))
            .map(|args| Verb::Run(Box::new(args)))
            .map_err(|error| Stop::of(&error, words));
    }
    Fell::try_parse_from(words).map(|fell| fell.verb).map_err(|error| Stop::of(&error, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Fell::command().debug_assert();
        RunArgs::command().debug_assert();
    }

    #[test]
    fn every_long_flag_has_its_variable() {
        // `FELL_RUN` is the mark that every run leaves in its command's environment: as a variable of
        // `kill --run` it would turn a plain `fell kill` inside of a run against that very run.
        let without = ["help", "version", "run"];
        for verb in Fell::command().get_subcommands() {
            for flag in verb.get_arguments() {
                let Some(long) = flag.get_long().filter(|long| !without.contains(long)) else { continue };
                let variable = format!("FELL_{}", long.to_uppercase().replace('-', "_"));
                assert_eq!(
                    flag.get_env().and_then(|name| name.to_str()),
                    Some(variable.as_str()),
                    "{} --{long}",
                    verb.get_name()
                );
            }
        }
    }

    #[test]
    fn help_fits_a_screen_and_has_two_examples() {
        for verb in Fell::command().get_subcommands_mut() {
            let help = verb.render_help().to_string();
            assert!(help.lines().count() <= 45, "{} has {} lines", verb.get_name(), help.lines().count());
            assert!(help.matches("\n  fell ").count() >= 2, "{help}");
        }
    }
}
