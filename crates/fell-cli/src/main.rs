//! The binary `fell`: cuts down whole process trees and proves that nothing is left standing.

#![cfg_attr(not(test), no_main)]

fell::entry!(fell_cli::begin);

/// The C library of the static binary, musl, asks the kernel for memory page by page: forty calls, and as many page
/// faults, before a command is started. This one asks once.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
