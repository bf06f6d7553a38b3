//! What a user types as a target or a signal: whatever is accepted reads back as the same.

#![no_main]

use fell::{ProcessId, Signal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(id) = text.parse::<ProcessId>() {
        assert_eq!(id.to_string().parse(), Ok(id), "{text:?}");
    }
    if let Ok(signal) = text.parse::<Signal>() {
        assert_eq!(signal.to_string().parse(), Ok(signal), "{text:?}");
    }
});
