//! Where the process begins, for a program that stands in front of every command of a build: the C runtime's `main`,
//! without the set-up of Rust's, which reads `/proc/self/maps`, installs handlers and makes an alternative stack.
//! That costs a tenth of the start-up of a small static program; and it ignores SIGPIPE before anybody can see
//! whether the caller wanted that.

use rustix::fs::{Mode, OFlags};
use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// The words of this process's command line, where the C runtime has put them.
#[derive(Debug, Clone, Copy)]
pub struct Words(&'static [*const c_char]);

impl Words {
    /// Those that `main` was given.
    ///
    /// # Safety
    ///
    /// `argv` points to `argc` pointers to strings that end with NUL, live as long as the process, and are not changed.
    pub unsafe fn from_main(argc: c_int, argv: *const *const c_char) -> Words {
        let count = usize::try_from(argc).unwrap_or(0);
        if argv.is_null() || count == 0 {
            return Words(&[]);
        }
        // SAFETY: as the caller promises.
        Words(unsafe { std::slice::from_raw_parts(argv, count) })
    }

    /// All of them, as C strings.
    pub fn to_c_strings(self) -> Vec<&'static CStr> {
        // SAFETY: each points to a string that ends with NUL and lives as long as the process, as `from_main` was promised.
        self.0.iter().map(|word| unsafe { CStr::from_ptr(*word) }).collect()
    }

    /// All of them.
    pub fn to_os_strings(self) -> Vec<OsString> {
        self.to_c_strings().into_iter().map(|word| OsStr::from_bytes(word.to_bytes()).to_owned()).collect()
    }

    /// The name that the process was called by, without directories.
    pub fn name(self) -> &'static [u8] {
        let Some(first) = self.0.first() else { return b"" };
        // SAFETY: as in `to_c_strings`.
        let path = unsafe { CStr::from_ptr(*first) }.to_bytes();
        path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
    }
}

/// Does for an ordinary program what Rust's own start would have done: standard streams that are closed become the null
/// device, so that no file that is opened later takes their place; and writing into a closed pipe is an error
/// instead of death.
pub fn settle() {
    for stream in [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] {
        if rustix::io::fcntl_getfd(stream) == Err(rustix::io::Errno::BADF) {
            // The lowest free descriptor is the one that is closed, since those below have been looked at.
            if let Ok(null) = rustix::fs::open(c"/dev/null", OFlags::RDWR, Mode::empty()) {
                std::mem::forget(null);
            }
        }
    }
    // SAFETY: being ignored runs no code.
    let former = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    SIGPIPE_WAS_IGNORED.store(former == libc::SIG_IGN, Ordering::Relaxed);
}

/// Set once, before the program does anything: whether who called it had SIGPIPE ignored.
static SIGPIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// What a command is to find SIGPIPE at: ignored, if this program was called so and has kept it by [`settle`]; otherwise
/// the default, since a program that Rust has started ignores it whatever its caller wanted, and a command expects to
/// end by it.
#[cfg(target_os = "linux")]
pub(super) fn inherited_sigpipe() -> libc::sighandler_t {
    if SIGPIPE_WAS_IGNORED.load(Ordering::Relaxed) { libc::SIG_IGN } else { libc::SIG_DFL }
}
