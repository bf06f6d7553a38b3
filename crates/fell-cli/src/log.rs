//! Log events of fell and its engine on stderr: `fell: [INFO] process tree 4711: felled 7 of 7 in 312 ms`.

use crate::args::{Common, LogFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use std::fmt;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::{LookupSpan, Registry};

/// Starts the log if it was asked for by `-v` or `FELL_LOG`; otherwise it costs nothing.
///
/// # Errors
///
/// `FELL_LOG` makes no sense.
pub(crate) fn start(common: Option<&Common>, bad_input: Exit) -> Result<(), Failure> {
    let Some(common) = common else { return Ok(()) };
    let variable = std::env::var("FELL_LOG").ok().filter(|directives| !directives.is_empty());
    let directives = match (common.verbose, variable) {
        (0, None) => return Ok(()),
        (0, Some(directives)) => directives,
        (1, _) => String::from("debug"),
        (_, _) => String::from("trace"),
    };
    // Not an `EnvFilter`: its regular expressions are an eighth of the program.
    let filter: Targets = directives.parse().map_err(|error| {
        Failure::new(bad_input, format!("FELL_LOG={directives} is no log filter: {error}"))
            .help("expected a level such as debug")
    })?;
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let log = match common.log_format {
        LogFormat::Text => log.event_format(Line).boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    let started = tracing::subscriber::set_global_default(Registry::default().with(log.with_filter(filter)));
    started.map_err(|error| Failure::of(bad_input, &error))
}

/// One event as one line.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARN",
            Level::INFO => "INFO",
            Level::DEBUG => "DEBUG",
            Level::TRACE => "TRACE",
        };
        write!(writer, "fell: [{level}] ")?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
