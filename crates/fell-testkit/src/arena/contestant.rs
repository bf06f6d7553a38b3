//! Who is to end the victims.

use super::mode::Mode;
use super::template::Template;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::Path;

/// A program with its command lines.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Contestant {
    /// Its name on the board.
    pub(crate) name: String,
    /// For the modes in which it runs the command.
    pub(crate) run: Option<Template>,
    /// For the modes in which it is told a PID.
    pub(crate) kill: Option<Template>,
    /// Programs that have to be there.
    pub(crate) requires: Vec<String>,
    /// A Python module that has to be there.
    pub(crate) module: Option<String>,
    /// Whether its exit codes keep to fell's table, and so can be judged.
    pub(crate) codes: bool,
}

/// The name that is also the name of the program under test.
pub(crate) const FELL: &str = "fell";

/// Name, run, kill, programs, Python module.
type Row = (&'static str, Option<&'static str>, Option<&'static str>, &'static [&'static str], Option<&'static str>);

const TABLE: [Row; 7] = [
    (FELL, Some("{fell} run -t {limit}s -g 2s -- {cmd}"), Some("{fell} kill -g 2s {pid}"), &[], None),
    ("timeout", Some("timeout -k 2 {limit} {cmd}"), None, &["timeout"], None),
    (
        "psutil",
        Some("python3 -c {psutil.py} run {limit} {cmd}"),
        Some("python3 -c {psutil.py} kill {pid}"),
        &["python3"],
        Some("psutil"),
    ),
    ("kill-pgid", None, Some("sh -c {group.sh} sh {pid}"), &["sh", "ps"], None),
    ("tini+timeout", Some("tini -s -g -- timeout -k 2 {limit} {cmd}"), None, &["tini", "timeout"], None),
    (
        "unshare",
        Some("timeout -k 2 {limit} unshare {userns} --pid --fork --kill-child --mount-proc -- {cmd}"),
        None,
        &["timeout", "unshare"],
        None,
    ),
    ("setsid+killpg", Some("python3 -c {killpg.py} {limit} {cmd}"), None, &["python3"], None),
];

impl Contestant {
    /// Those that the suite knows.
    pub(crate) fn known() -> Vec<Self> {
        let parse = |line: Option<&str>| line.and_then(|line| Template::parse(line).ok());
        TABLE
            .iter()
            .map(|(name, run, kill, requires, module)| Self {
                name: (*name).to_owned(),
                run: parse(*run),
                kill: parse(*kill),
                requires: requires.iter().map(|one| (*one).to_owned()).collect(),
                module: module.map(str::to_owned),
                codes: *name == FELL,
            })
            .collect()
    }

    /// Takes one in that was described as `NAME=TEMPLATE`; a second template of a name is for its other modes.
    pub(crate) fn take_in(list: &mut Vec<Self>, description: &str) -> Result<(), String> {
        let (name, line) =
            description.split_once('=').ok_or_else(|| format!("{description:?} is not NAME=TEMPLATE"))?;
        let template = Template::parse(line)?;
        let (runs, kills) = (template.names("{cmd}"), template.names("{pid}"));
        if runs == kills {
            return Err(format!("{line:?} must name either {{cmd}} or {{pid}}"));
        }
        let position = list.iter().position(|one| one.name == name).unwrap_or_else(|| {
            // A second fell is judged as the first.
            let codes = template.names("{fell}");
            let name = name.to_owned();
            list.push(Self { name, run: None, kill: None, requires: Vec::new(), module: None, codes });
            list.len() - 1
        });
        let place = if runs { &mut list[position].run } else { &mut list[position].kill };
        *place = Some(template);
        Ok(())
    }

    /// Its template for a mode.
    pub(crate) fn template(&self, mode: Mode) -> Option<&Template> {
        if mode.tells_pid() { self.kill.as_ref() } else { self.run.as_ref() }
    }

    /// Its command line for a victim that it runs, or for the PID that it is told.
    pub(crate) fn line(&self, mode: Mode, fell: &Path, victim: &[OsString], pid: u32) -> Option<Vec<OsString>> {
        let word = |text: &str| vec![OsString::from(text)];
        let user_namespace: &[&str] =
            if rustix::process::geteuid().is_root() { &[] } else { &["--user", "--map-root-user"] };
        Some(self.template(mode)?.fill(&[
            ("{cmd}", victim.to_vec()),
            ("{pid}", word(&pid.to_string())),
            ("{limit}", word(&mode.limit().to_string())),
            ("{fell}", vec![fell.into()]),
            ("{userns}", user_namespace.iter().map(OsString::from).collect()),
            ("{psutil.py}", word(include_str!("recipes/psutil.py"))),
            ("{killpg.py}", word(include_str!("recipes/killpg.py"))),
            ("{group.sh}", word(include_str!("recipes/group.sh"))),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        let known = Contestant::known();
        assert_eq!(known.len(), TABLE.len());
        for (one, (name, run, kill, ..)) in known.iter().zip(TABLE) {
            assert_eq!(one.run.is_some(), run.is_some(), "{name}");
            assert_eq!(one.kill.is_some(), kill.is_some(), "{name}");
            assert!(one.run.as_ref().is_none_or(|template| template.names("{cmd}")), "{name}");
            assert!(one.kill.as_ref().is_none_or(|template| template.names("{pid}")), "{name}");
        }
    }

    #[test]
    fn further_ones_come_from_the_command_line() {
        let mut list = Contestant::known();
        Contestant::take_in(&mut list, "mine=run {cmd}").expect("is well formed");
        Contestant::take_in(&mut list, "mine=kill {pid}").expect("is well formed");
        let mine = list.last().expect("was added");
        assert!(mine.run.is_some() && mine.kill.is_some() && !mine.codes);
        let line = mine.line(Mode::Kill, Path::new("fell"), &[], 7).expect("has one");
        assert_eq!(line, ["kill", "7"].map(OsString::from));
        for wrong in ["mine", "mine=nothing", "mine={cmd} {pid}", "mine='{cmd}"] {
            assert!(Contestant::take_in(&mut list, wrong).is_err(), "{wrong}");
        }
    }
}
