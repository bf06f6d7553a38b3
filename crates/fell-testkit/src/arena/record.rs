//! What was seen in one game.

use super::case::Case;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a contestant failed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Loss {
    /// It could not be played although it should: the contestant refused, or the harness failed.
    Error,
    /// The contestant did not return in time.
    Hung,
    /// Somebody of the tree lives.
    Survivors,
    /// Somebody of the tree lived when the contestant returned, and has died since. Only where that is asked for.
    Late,
    /// An innocent was signalled.
    Innocents,
    /// A process of the contestant itself lives.
    Remains,
    /// The caller was left zombies that are not its own.
    Zombies,
    /// Who would have cleaned up was not given the time.
    Grace,
    /// The exit code lies.
    ExitCode,
}

impl Loss {
    /// All, the worst first.
    pub(crate) const ALL: [Self; 9] = [
        Self::Error,
        Self::Hung,
        Self::Survivors,
        Self::Late,
        Self::Innocents,
        Self::Remains,
        Self::Zombies,
        Self::Grace,
        Self::ExitCode,
    ];

    /// Its letter on the board.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Error => 'E',
            Self::Hung => 'H',
            Self::Survivors => 'S',
            Self::Late => 'L',
            Self::Innocents => 'I',
            Self::Remains => 'R',
            Self::Zombies => 'Z',
            Self::Grace => 'G',
            Self::ExitCode => 'X',
        }
    }

    /// What its letter means.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Error => "could not be played",
            Self::Hung => "did not return",
            Self::Survivors => "survivors",
            Self::Late => "deaths after its return",
            Self::Innocents => "innocents hurt",
            Self::Remains => "left processes of its own",
            Self::Zombies => "zombies left to the caller",
            Self::Grace => "no grace",
            Self::ExitCode => "wrong exit code",
        }
    }
}

/// How a game ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Nothing was wrong.
    Passed,
    /// Something was.
    Lost,
    /// The contestant has no way to do that, or the victim no meaning in this mode.
    NotApplicable,
    /// This host or user does not allow it.
    Skipped,
}

/// A process that is alive although it should not be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Left {
    /// What it is in its tree.
    pub(crate) role: String,
    /// Its PID; 0 if it was gone again before it could be named.
    pub(crate) pid: i32,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.role, self.pid)
    }
}

/// What was seen in one game.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The game.
    #[serde(flatten)]
    pub(crate) case: Case,
    /// How it ended.
    pub(crate) verdict: Verdict,
    /// Why it was not played, or what else is to be said.
    pub(crate) note: String,
    /// What was lost.
    pub(crate) losses: Vec<Loss>,
    /// Whether the trick had been played before the end began.
    pub(crate) ready: bool,
    /// The contestant's PID.
    pub(crate) pid: Option<u32>,
    /// The contestant's exit code, or 128 and the signal that it died of.
    pub(crate) code: Option<i32>,
    /// From the beginning of the end to the contestant's return, in milliseconds.
    pub(crate) returned_ms: Option<u64>,
    /// From the beginning of the end to the last death, in milliseconds.
    pub(crate) last_death_ms: Option<u64>,
    /// How long after the contestant's return the last death was seen; `None` if nobody was alive then.
    pub(crate) late_ms: Option<u64>,
    /// Who is alive.
    pub(crate) survivors: Vec<Left>,
    /// Which processes of the contestant are alive.
    pub(crate) remains: Vec<Left>,
    /// How many members had left the tree before the contestant was told its PID; nobody has to find these.
    pub(crate) escaped: usize,
    /// What was done to innocents.
    pub(crate) harm: Option<String>,
    /// Zombies that were left to the caller.
    pub(crate) zombies: Vec<i32>,
    /// How many processes finished their clean-up.
    pub(crate) cleaned: u32,
    /// How many should have.
    pub(crate) cleaned_expected: Option<u32>,
    /// The last of what the contestant said.
    pub(crate) output: String,
}

impl Record {
    /// Nothing seen yet.
    pub(crate) fn new(case: Case) -> Self {
        Self {
            case,
            verdict: Verdict::Passed,
            note: String::new(),
            losses: Vec::new(),
            ready: false,
            pid: None,
            code: None,
            returned_ms: None,
            last_death_ms: None,
            late_ms: None,
            survivors: Vec::new(),
            remains: Vec::new(),
            escaped: 0,
            harm: None,
            zombies: Vec::new(),
            cleaned: 0,
            cleaned_expected: None,
            output: String::new(),
        }
    }

    /// It was not played, for this reason.
    pub(crate) fn not_played(mut self, verdict: Verdict, note: impl Into<String>) -> Self {
        (self.verdict, self.note) = (verdict, note.into());
        self
    }

    /// It could not be played although it should.
    pub(crate) fn failed(mut self, note: impl Into<String>) -> Self {
        (self.verdict, self.note) = (Verdict::Lost, note.into());
        self.losses = vec![Loss::Error];
        self
    }

    /// The letter on the board.
    pub(crate) fn letter(&self) -> char {
        match self.verdict {
            Verdict::Passed => '.',
            Verdict::Lost => self.losses.iter().min().map_or('E', |loss| loss.letter()),
            Verdict::NotApplicable => '-',
            Verdict::Skipped => '~',
        }
    }

    /// One line about each loss.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let names = |list: &[Left]| {
            let shown: Vec<_> = list.iter().take(6).map(ToString::to_string).collect();
            let more = list.len().saturating_sub(shown.len());
            if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
        };
        self.losses
            .iter()
            .map(|loss| match loss {
                Loss::Error => self.note.clone(),
                Loss::Hung => String::from("did not return in time"),
                Loss::Survivors => format!("{} survived: {}", self.survivors.len(), names(&self.survivors)),
                Loss::Late => format!("the last died {} ms after its return", self.late_ms.unwrap_or_default()),
                Loss::Innocents => {
                    format!("innocents: {}", self.harm.as_deref().unwrap_or("hurt").trim_end_matches("; "))
                }
                Loss::Remains => format!("left of the contestant itself: {}", names(&self.remains)),
                Loss::Zombies => format!("zombies left to the caller: {:?}", self.zombies),
                Loss::Grace => format!("{} of {} cleaned up", self.cleaned, self.cleaned_expected.unwrap_or_default()),
                Loss::ExitCode => format!("exit code {}", self.code.unwrap_or(-1)),
            })
            .collect()
    }
}
