//! Processes that change their program image.

use crate::crew::Crew;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

pub(crate) fn exec_loop(crew: &'static Crew, part: &'static str) {
    crew.must_fork("exec loop", move |crew| {
        crew.ready();
        crew.become_part(part, |_| {})
    });
    crew.settle();
}

/// One image of the loop.
pub(crate) fn hop(crew: &'static Crew) {
    crew.rest();
    crew.become_part("hop", |_| {})
}

/// One image of the threaded loop.
pub(crate) fn threaded_hop(crew: &'static Crew) {
    crew.rest();
    std::thread::spawn(|| crew.become_part("threaded-hop", |_| {}));
    crate::signals::idle();
}

pub(crate) fn memfd(crew: &'static Crew) {
    crew.must_fork("without a file", |crew| match copy_of_us(crew) {
        Ok(image) => {
            let path = format!("/proc/self/fd/{}", image.as_raw_fd());
            crew.fail(Command::new(path).args(crew.part_arguments("leaf", crew.slot())).exec());
        }
        Err(error) => crew.fail(error),
    });
    crew.settle();
}

fn copy_of_us(crew: &Crew) -> io::Result<File> {
    let mut image = File::from(rustix::fs::memfd_create("image", rustix::fs::MemfdFlags::CLOEXEC)?);
    io::copy(&mut File::open(&crew.options.program)?, &mut image)?;
    Ok(image)
}
