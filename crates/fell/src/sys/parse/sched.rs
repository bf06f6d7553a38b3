//! `/proc/PID/sched`: the scheduler's view of a thread, meant for debugging and absent on some kernels.

use super::{lines, number, split_once};
use std::time::Duration;

/// `se.exec_start`: when the thread was last on its processor, on that processor's scheduler clock,
/// in milliseconds with six decimals.
pub fn exec_start(bytes: &[u8]) -> Option<Duration> {
    let value = lines(bytes).find_map(|line| {
        let (name, value) = split_once(line, b':')?;
        (name.trim_ascii() == b"se.exec_start").then(|| value.trim_ascii())
    })?;
    let (milliseconds, nanoseconds) = split_once(value, b'.').filter(|(_, decimals)| decimals.len() == 6)?;
    let milliseconds = Duration::from_millis(number(milliseconds)?);
    milliseconds.checked_add(Duration::from_nanos(number(nanoseconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_one_line() {
        let file =
            b"cat (7199, #threads: 1)\n-----\nse.exec_start     :       3038452.696010\nse.vruntime  :  128.451606\n";
        assert_eq!(exec_start(file), Some(Duration::from_nanos(3_038_452_696_010)));
        for cut in 0..file.len() {
            let found = exec_start(&file[..cut]);
            assert!(found.is_none() || found == Some(Duration::from_nanos(3_038_452_696_010)), "cut at {cut}");
        }
        assert_eq!(exec_start(b"se.exec_start : -1.000000\n"), None);
        assert_eq!(exec_start(b"se.exec_start : 99999999999999999999.000000\n"), None);
    }
}
