//! The binary `fell`: cuts down whole process trees and proves that nothing is left standing.

#![cfg_attr(not(test), no_main)]

fell::entry!(fell_cli::begin);
