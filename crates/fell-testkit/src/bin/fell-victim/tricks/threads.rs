//! Processes with threads.

use crate::crew::Crew;
use crate::signals;

/// Children of threads that are not the main one; the threads stay or exit.
pub(crate) fn that_fork(crew: &'static Crew, stay: bool) {
    let threads: Vec<_> = (0..crew.count())
        .map(|_| {
            std::thread::spawn(move || {
                crew.must_fork("thread's child", |crew| crew.settle());
                if stay {
                    signals::idle();
                }
            })
        })
        .collect();
    if !stay {
        for thread in threads {
            if thread.join().is_err() {
                crew.fail(std::io::Error::from_raw_os_error(libc::EIO));
            }
        }
    }
    crew.settle();
}

pub(crate) fn leader_exits(crew: &'static Crew) {
    crew.must_fork("headless", |crew| {
        // SAFETY: getpid touches no memory.
        let leader = unsafe { libc::getpid() };
        std::thread::spawn(move || {
            let state = format!("/proc/self/task/{leader}/stat");
            // Where /proc can't be read there is nothing to wait for.
            let dead = || std::fs::read_to_string(&state).map_or(true, |text| text.contains(") Z"));
            while !dead() {
                std::thread::yield_now();
            }
            crew.settle();
        });
        // SAFETY: ends this thread alone, without unwinding; its stack stays mapped, since it is the leader's.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    });
    crew.settle();
}
