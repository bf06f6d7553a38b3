//! Times in few letters.

use std::time::Duration;

/// `850ms`, `12s`, `5m12s`, `3h07m`, `12d04h`.
pub(super) fn short_time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{}ms", time.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (milliseconds, text) in [
            (0, "0ms"),
            (850, "850ms"),
            (12_345, "12s"),
            (312_000, "5m12s"),
            (11_220_000, "3h07m"),
            (1_051_200_000, "12d04h"),
        ] {
            assert_eq!(short_time(Duration::from_millis(milliseconds)), text);
        }
    }
}
