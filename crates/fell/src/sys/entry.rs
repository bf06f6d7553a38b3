//! The beginning of a program that stands in front of every command of a build: the C runtime's `main`.

/// Makes a function from [`Words`](crate::sys::Words) to an exit code the beginning of this program, which says `#![no_main]` but in
/// tests.
#[macro_export]
macro_rules! entry {
    ($begin:path) => {
        #[cfg(not(test))]
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn main(
            argc: ::std::ffi::c_int,
            argv: *const *const ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            // SAFETY: the C runtime calls this once, with the process's own words, which stay where they are.
            let words = unsafe { $crate::sys::Words::from_main(argc, argv) };
            let begin: fn($crate::sys::Words) -> u8 = $begin;
            ::std::process::exit(begin(words).into())
        }

        #[cfg(test)]
        fn main() {
            // SAFETY: no words at all.
            let words = unsafe { $crate::sys::Words::from_main(0, ::std::ptr::null()) };
            ::std::process::exit($begin(words).into())
        }
    };
}
