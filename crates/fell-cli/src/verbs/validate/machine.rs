//! Events as JSON lines on stdout.

use crate::output::{self, JsonLines};
use fell::document::milliseconds;
use fell_plan::Event;
use fell_plan::document::ValidateDocument;
use serde_json::{Value, json};

/// One event as one line. The report itself is printed at the very end.
pub(super) fn tell(event: Event<'_>) {
    let mut value = match event {
        Event::Started { step, attempt, attempts, service, limit } => json!({
            "event": "started", "step": step, "attempt": attempt, "attempts": attempts, "service": service,
            "limit_ms": limit.map(milliseconds),
        }),
        Event::Ready { step, after } => json!({ "event": "ready", "step": step, "after_ms": milliseconds(after) }),
        Event::Retrying { step, attempt, delay } => json!({
            "event": "retrying", "step": step.name, "attempt": attempt, "delay_ms": milliseconds(delay),
        }),
        Event::Over { step } => json!({ "event": "over", "step": step }),
        Event::Cancelling { signal, force } => {
            json!({ "event": "cancelling", "signal": signal.to_string(), "force": force })
        }
        Event::TimedOut { limit } => json!({ "event": "timed-out", "limit_ms": milliseconds(limit) }),
        Event::Output { .. } | Event::Finished { .. } => return,
    };
    if let Value::Object(fields) = &mut value {
        fields.insert(String::from("schema"), Value::from(ValidateDocument::SCHEMA));
    }
    if let Err(failure) = output::json(&value, JsonLines::One) {
        tracing::debug!(%failure, "event");
    }
}
