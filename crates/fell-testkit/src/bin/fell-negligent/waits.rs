//! The ways of waiting for the next order.

use crate::account::Account;
use crate::spin::changed_registers;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;

/// Waits for the next order; `None` at the end of stdin.
pub(crate) type Wait = Box<dyn FnMut(&mut Account) -> Option<u8>>;

/// Longer than any test waits.
static LONG: libc::timespec = libc::timespec { tv_sec: 50, tv_nsec: 0 };

/// The wait of this name.
pub(crate) fn named(name: &str) -> Option<Wait> {
    Some(match name {
        "read" => Box::new(|account| read(account, 0)),
        "poll" => Box::new(poll),
        "select" => Box::new(select),
        "nanosleep" => Box::new(nanosleep),
        "busy" => Box::new(busy),
        "wait4" => Box::new(wait_for_child),
        "futex" => futex(),
        "epoll" => epoll(),
        "sigtimedwait" => Box::new(sigtimedwait),
        "threads" => threads(),
        "storm" => storm(),
        "interruptible" => interruptible(),
        _ => return None,
    })
}

/// One byte.
fn read(account: &mut Account, fd: i32) -> Option<u8> {
    loop {
        let mut byte = 0_u8;
        // SAFETY: the byte lives through the call.
        let result = unsafe { libc::read(fd, (&raw mut byte).cast(), 1) };
        if account.expect(result as i64, 0..=1) {
            return (result == 1).then_some(byte);
        }
    }
}

/// Whether an order has come, or will within this time.
fn is_ready(account: &mut Account, milliseconds: i32) -> bool {
    let mut polled = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
    // SAFETY: the structure lives through the call.
    let result = unsafe { libc::poll(&raw mut polled, 1, milliseconds) };
    account.expect(result.into(), 0..=1) && result == 1
}

fn poll(account: &mut Account) -> Option<u8> {
    while !is_ready(account, 50_000) {}
    read(account, 0)
}

fn select(account: &mut Account) -> Option<u8> {
    loop {
        // SAFETY: all structures live through the call, and descriptor 0 fits into a set.
        let result = unsafe {
            let mut set: libc::fd_set = std::mem::zeroed();
            libc::FD_SET(0, &raw mut set);
            let mut limit = libc::timeval { tv_sec: 50, tv_usec: 0 };
            libc::select(1, &raw mut set, null_mut(), null_mut(), &raw mut limit)
        };
        if account.expect(result.into(), 1..=1) {
            return read(account, 0);
        }
    }
}

/// Sleeps for 50 ms at a time, and never less.
fn nanosleep(account: &mut Account) -> Option<u8> {
    loop {
        let before = now();
        let span = libc::timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        // SAFETY: the structure lives through the call.
        let result = unsafe { libc::nanosleep(&raw const span, null_mut()) };
        if account.expect(result.into(), 0..=0) && now() - before < 50_000_000 {
            account.wrong += 1;
        }
        if is_ready(account, 0) {
            return read(account, 0);
        }
    }
}

fn busy(account: &mut Account) -> Option<u8> {
    while !is_ready(account, 0) {
        account.wrong += changed_registers(100_000);
    }
    read(account, 0)
}

/// A child takes the order, and hands it over as its status.
fn wait_for_child(account: &mut Account) -> Option<u8> {
    // SAFETY: the child reads a byte and exits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let order = read(&mut Account::default(), 0).unwrap_or(0);
        // SAFETY: it runs nothing of the program.
        unsafe { libc::_exit(order.into()) };
    }
    loop {
        let mut status = 0;
        // SAFETY: the status lives through the call.
        let result = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if account.expect(result.into(), child.into()..=child.into()) {
            return Some(libc::WEXITSTATUS(status) as u8).filter(|order| *order != 0);
        }
        if result < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD) {
            return None;
        }
    }
}

/// A child takes the orders, and wakes the parent through memory that both share.
fn futex() -> Wait {
    // SAFETY: fresh memory, of a page, aligned, and never unmapped.
    let word: &'static AtomicU32 = unsafe {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let page = libc::mmap(null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        &*page.cast::<AtomicU32>()
    };
    let call = |operation: i32, value: u32, limit: *const libc::timespec| -> i64 {
        // SAFETY: the word and the limit live through the call.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, limit) }
    };
    const END: u32 = 256;
    // SAFETY: the child takes orders and exits.
    if unsafe { libc::fork() } == 0 {
        loop {
            let order = read(&mut Account::default(), 0);
            word.store(order.map_or(END, u32::from), Ordering::SeqCst);
            call(libc::FUTEX_WAKE, 1, std::ptr::null());
            if order.is_none() {
                // SAFETY: it runs nothing of the program.
                unsafe { libc::_exit(0) };
            }
            while word.load(Ordering::SeqCst) != 0 {
                std::thread::yield_now();
            }
        }
    }
    Box::new(move |account| {
        while word.load(Ordering::SeqCst) == 0 {
            let result = call(libc::FUTEX_WAIT, 0, &raw const LONG);
            let changed = result < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN);
            if !changed {
                account.expect(result, 0..=0);
            }
        }
        let order = word.swap(0, Ordering::SeqCst);
        (order != END).then_some(order as u8)
    })
}

fn epoll() -> Wait {
    // SAFETY: the structures live through the calls.
    let epoll = unsafe {
        let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
        libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, 0, &raw mut event);
        epoll
    };
    Box::new(move |account| {
        loop {
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            // SAFETY: the structure lives through the call.
            let result = unsafe { libc::epoll_wait(epoll, &raw mut event, 1, 50_000) };
            if account.expect(result.into(), 1..=1) {
                return read(account, 0);
            }
        }
    })
}

fn sigtimedwait(account: &mut Account) -> Option<u8> {
    loop {
        // SAFETY: the structures live through the calls.
        let result = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigaddset(&raw mut set, libc::SIGUSR2);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const set, null_mut());
            let span = libc::timespec { tv_sec: 0, tv_nsec: 50_000_000 };
            libc::sigtimedwait(&raw const set, null_mut(), &raw const span)
        };
        let is_over = result < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN);
        if !is_over {
            account.expect(result.into(), 0..=0);
        }
        if is_ready(account, 0) {
            return read(account, 0);
        }
    }
}

/// Some threads compute, some sleep, one reads the orders, and the main thread waits for that one.
fn threads() -> Wait {
    static WRONG: AtomicU32 = AtomicU32::new(0);
    static INTERRUPTED: AtomicU32 = AtomicU32::new(0);
    let note = |account: &Account| {
        WRONG.fetch_add(account.wrong, Ordering::SeqCst);
        INTERRUPTED.fetch_add(account.interrupted, Ordering::SeqCst);
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        loop {
            let mut account = Account::default();
            let order = read(&mut account, 0);
            note(&account);
            if sender.send(order).is_err() || order.is_none() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        loop {
            let mut account = Account { wrong: changed_registers(20_000), ..Account::default() };
            let span = libc::timespec { tv_sec: 0, tv_nsec: 2_000_000 };
            // SAFETY: the structure lives through the call.
            account.expect(unsafe { libc::nanosleep(&raw const span, null_mut()) }.into(), 0..=0);
            note(&account);
        }
    });
    Box::new(move |account| {
        let order = receiver.recv().ok().flatten();
        account.wrong += WRONG.swap(0, Ordering::SeqCst);
        account.interrupted += INTERRUPTED.swap(0, Ordering::SeqCst);
        order
    })
}

/// Reads, while a signal with a handler comes every millisecond; the reads are restarted.
fn storm() -> Wait {
    extern "C" fn count(_: i32) {}
    handle(libc::SIGALRM, count, libc::SA_RESTART);
    // SAFETY: the structures live through the call.
    unsafe {
        let every = libc::timeval { tv_sec: 0, tv_usec: 1000 };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        libc::setitimer(libc::ITIMER_REAL, &raw const timer, null_mut());
        // That took the place of the alarm which ends this process: it may use two minutes of no processor's time instead.
        let limit = libc::rlimit { rlim_cur: 20, rlim_max: 20 };
        libc::setrlimit(libc::RLIMIT_CPU, &raw const limit);
    }
    Box::new(|account| read(account, 0))
}

/// Reads, and takes every `USR1`, whose handler interrupts the read, for the order `p`.
fn interruptible() -> Wait {
    static CAME: AtomicBool = AtomicBool::new(false);
    extern "C" fn note(_: i32) {
        CAME.store(true, Ordering::SeqCst);
    }
    handle(libc::SIGUSR1, note, 0);
    Box::new(|account| {
        loop {
            let mut byte = 0_u8;
            // SAFETY: the byte lives through the call.
            let result = unsafe { libc::read(0, (&raw mut byte).cast(), 1) };
            if account.expect(result as i64, 0..=1) {
                return (result == 1).then_some(byte);
            }
            if CAME.swap(false, Ordering::SeqCst) {
                return Some(b'p');
            }
        }
    })
}

fn handle(signal: i32, handler: extern "C" fn(i32), flags: i32) {
    // SAFETY: the handler only stores an atomic; the structure lives through the call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as libc::sighandler_t;
        action.sa_flags = flags;
        libc::sigaction(signal, &raw const action, null_mut());
    }
}

fn now() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure lives through the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
