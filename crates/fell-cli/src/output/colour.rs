//! Colour: `--color` over `NO_COLOR` over `FORCE_COLOR` over `CLICOLOR_FORCE` over whether it is a terminal.

use crate::args::Color;
use anstream::ColorChoice;
use anstream::stream::RawStream;
use anstyle::{AnsiColor, Style};

/// Whether and how results are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour {
    on: bool,
}

impl Colour {
    /// The state, in psutil's words, in its colour.
    pub(crate) fn state(self, state: &str) -> String {
        let style = match state {
            "zombie" | "disk-sleep" => AnsiColor::Red.on_default(),
            "stopped" | "tracing-stop" => AnsiColor::Yellow.on_default(),
            "running" => AnsiColor::Green.on_default(),
            _ => Style::new(),
        };
        self.paint(style, state)
    }

    /// A heading.
    pub(crate) fn heading(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// Good news or bad.
    pub(crate) fn verdict(self, good: bool, text: &str) -> String {
        let colour = if good { AnsiColor::Green } else { AnsiColor::Red };
        self.paint(colour.on_default(), text)
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { String::from(text) }
    }
}

/// Whether stdout is coloured.
pub(crate) fn choose(flag: Color) -> Colour {
    Colour { on: for_stream(choice_by(flag), &std::io::stdout()) }
}

/// Whether stderr is coloured.
pub(crate) fn choose_for_stderr(flag: Color) -> Colour {
    Colour { on: for_stream(choice_by(flag), &std::io::stderr()) }
}

fn choice_by(flag: Color) -> ColorChoice {
    match flag {
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
        Color::Auto => by_environment(),
    }
}

/// What the environment asks for.
pub(crate) fn by_environment() -> ColorChoice {
    choice_of(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0"))
}

fn choice_of(is_set: impl Fn(&str) -> bool) -> ColorChoice {
    if is_set("NO_COLOR") {
        ColorChoice::Never
    } else if is_set("FORCE_COLOR") || is_set("CLICOLOR_FORCE") {
        ColorChoice::Always
    } else {
        ColorChoice::Auto
    }
}

/// Whether this stream is coloured under this choice.
pub(crate) fn for_stream(choice: ColorChoice, stream: &impl RawStream) -> bool {
    let choice = if choice == ColorChoice::Auto { anstream::AutoStream::choice(stream) } else { choice };
    choice != ColorChoice::Never
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_variables() {
        for (set, choice) in [
            (&[][..], ColorChoice::Auto),
            (&["NO_COLOR"], ColorChoice::Never),
            (&["FORCE_COLOR"], ColorChoice::Always),
            (&["CLICOLOR_FORCE"], ColorChoice::Always),
            (&["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"], ColorChoice::Never),
        ] {
            assert_eq!(choice_of(|name| set.contains(&name)), choice, "{set:?}");
        }
    }
}
