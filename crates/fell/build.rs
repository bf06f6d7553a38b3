//! Names what the target system offers, so that the deeds of the engine need not name systems.
//!
//! `guardian`: between the supervisor of a run and its command stands a process of ours, to which orphans come home.
//! Elsewhere, a vessel of the system's own holds the run: see `sys::Vessel`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(guardian)");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cfg=guardian");
    }
}
