//! Processes whose names lie.

use crate::crew::Crew;
use std::ffi::CStr;

pub(crate) fn rename(crew: &Crew, name: &CStr) {
    // SAFETY: the name is a C string; the kernel takes 15 bytes of it.
    crew.check(unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) });
}

pub(crate) fn evil(crew: &'static Crew) {
    for name in [c") R 1 (", c"a\n) Z 0 (b", c" \t\xff) "] {
        crew.must_fork("liar", move |crew| {
            rename(crew, name);
            crew.settle();
        });
    }
    crew.settle();
}
