//! Processes that hold what the next run needs.

use super::groups::new_session;
use crate::crew::Crew;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io;
use std::net::TcpListener;

pub(crate) fn port(crew: &'static Crew) {
    crew.must_fork("listener", |crew| {
        new_session(crew);
        let listening = TcpListener::bind("127.0.0.1:0").and_then(|socket| Ok((socket.local_addr()?.port(), socket)));
        match listening {
            Ok((port, _socket)) => {
                crew.ledger.set_port(port);
                crew.settle();
            }
            Err(error) => crew.fail(error),
        }
    });
    crew.settle();
}

pub(crate) fn lock(crew: &'static Crew) {
    crew.must_fork("lock holder", |crew| {
        new_session(crew);
        match take(crew) {
            Ok(_file) => crew.settle(),
            Err(error) => crew.fail(error),
        }
    });
    crew.settle();
}

fn take(crew: &Crew) -> io::Result<File> {
    let path = crew.options.file.as_ref().ok_or(io::Error::from_raw_os_error(libc::ENOENT))?;
    let file = File::options().read(true).write(true).open(path)?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}
