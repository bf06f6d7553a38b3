//! The engine's log events, handed to Python's `logging` under the name `fell`.
//!
//! The engine works without the interpreter, so its events are kept by the thread that it works on, until that thread has the
//! interpreter again.

use pyo3::intern;
use pyo3::prelude::*;
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::sync::Once;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// Python's levels.
const DEBUG: u8 = 10;
const WARNING: u8 = 30;
const ERROR: u8 = 40;

/// What this thread keeps for Python: only while a call of Python is being served.
struct Kept {
    lowest: u8,
    events: Vec<(u8, String)>,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Makes this module the one that the engine logs to. Not before it is needed: the command line has its own.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Err(error) = tracing::subscriber::set_global_default(Keeper) {
            eprintln!("fell: log events are lost: {error}");
        }
    });
}

/// Serves one call: events that happen on this thread while it lives go to Python.
pub(crate) struct Log<'py> {
    logger: Bound<'py, PyAny>,
    former: Option<Kept>,
}

impl<'py> Log<'py> {
    /// Begins to keep events, those that the logger wants.
    ///
    /// # Errors
    ///
    /// What Python raises.
    pub(crate) fn open(py: Python<'py>) -> PyResult<Log<'py>> {
        install();
        let logger = py.import(intern!(py, "logging"))?.call_method1(intern!(py, "getLogger"), ("fell",))?;
        let level: i64 = logger.call_method0(intern!(py, "getEffectiveLevel"))?.extract()?;
        let lowest = u8::try_from(level.clamp(0, 255)).unwrap_or(u8::MAX);
        let former = KEPT.replace(Some(Kept { lowest, events: Vec::new() }));
        Ok(Log { logger, former })
    }

    /// Hands what was kept to Python.
    ///
    /// # Errors
    ///
    /// What a handler of Python raises.
    pub(crate) fn flush(&self) -> PyResult<()> {
        let events = KEPT.with_borrow_mut(|kept| kept.as_mut().map(|kept| std::mem::take(&mut kept.events)));
        for (level, text) in events.into_iter().flatten() {
            self.logger.call_method1(intern!(self.logger.py(), "log"), (level, "%s", text))?;
        }
        Ok(())
    }
}

impl Drop for Log<'_> {
    fn drop(&mut self) {
        KEPT.set(self.former.take());
    }
}

/// The package says itself at INFO what came of a call; what the engine says at that level is a detail there.
fn level_of(level: Level) -> u8 {
    match level {
        Level::ERROR => ERROR,
        Level::WARN => WARNING,
        _ => DEBUG,
    }
}

struct Keeper;

impl Subscriber for Keeper {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Each call has a level of its own.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        KEPT.with_borrow(|kept| kept.as_ref().is_some_and(|kept| level_of(*metadata.level()) >= kept.lowest))
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = level_of(*event.metadata().level());
        KEPT.with_borrow_mut(|kept| {
            if let Some(kept) = kept {
                kept.events.push((level, format!("{}{}", text.message, text.fields)));
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An event in one line: its message, and its fields behind that.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        // Writing into a `String` can't fail, but a value can refuse to be shown.
        if written.is_err() {
            self.fields.push_str(" ?");
        }
    }
}
