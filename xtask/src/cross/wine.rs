//! Wine, with a system of its own in a folder of its own.

use crate::command::must_pass;
use miette::{Result, miette};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Not in PATH, since Debian's `wine` chooses among several.
const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";

/// Wine 8 has no `bcryptprimitives.dll`, and Rust's standard library takes its random numbers from there: without it, every
/// program ends in silence with code 53.
const SHIM: &str = "\
#include <windows.h>
BOOLEAN WINAPI SystemFunction036(PVOID bytes, ULONG count);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
  while (count) {
    ULONG some = count > 0x10000000u ? 0x10000000u : (ULONG)count;
    if (!SystemFunction036(bytes, some)) return FALSE;
    bytes += some; count -= some;
  }
  return TRUE;
}
BOOL WINAPI DllMain(HINSTANCE own, DWORD why, LPVOID reserved) { return TRUE; }
";

/// A running Wine. Ends all its programs when dropped.
pub(super) struct Wine {
    prefix: PathBuf,
    /// The first program starts services, which inherit its standard output and keep it open: whoever reads a test's output
    /// would wait for them. This one has none to inherit, and keeps them running until its input ends.
    keeper: Child,
}

impl Wine {
    /// Sets up its system, if it has none, and starts it.
    pub(super) fn start() -> Result<Wine> {
        let folder = super::folder();
        let prefix = folder.join("wine");
        let ready = prefix.join(".ready");
        if !ready.exists() {
            fs::create_dir_all(&prefix).map_err(|error| miette!("{}: {error}", prefix.display()))?;
            must_pass(quiet(command(&prefix).args(["wineboot", "-i"])))?;
            let source = folder.join("shim.c");
            fs::write(&source, SHIM).map_err(|error| miette!("{}: {error}", source.display()))?;
            must_pass(
                Command::new("x86_64-w64-mingw32-gcc")
                    .args(["-O2", "-shared", "-nostdlib", "-Wl,-e,DllMain", "-o"])
                    .arg(prefix.join("drive_c/windows/system32/bcryptprimitives.dll"))
                    .arg(&source)
                    .args(["-ladvapi32", "-lkernel32"]),
            )?;
            fs::write(&ready, "").map_err(|error| miette!("{}: {error}", ready.display()))?;
        }
        let keeper = command(&prefix)
            .arg("cmd")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| miette!("{WINE} does not start: {error}"))?;
        let wine = Wine { prefix, keeper };
        must_pass(quiet(command(&wine.prefix).args(["cmd", "/c", "ver"])))?;
        Ok(wine)
    }

    /// The command, with this Wine for the programs that cargo runs.
    pub(super) fn runs<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        surround(command, &self.prefix).env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", WINE)
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // Its input ends.
        drop(self.keeper.stdin.take());
        let ended = surround(&mut Command::new(SERVER), &self.prefix).arg("-k").status();
        if let Err(error) = ended.and_then(|_| self.keeper.wait()) {
            eprintln!("cross: Wine was left running: {error}");
        }
    }
}

fn command(prefix: &Path) -> Command {
    let mut command = Command::new(WINE);
    surround(&mut command, prefix);
    command
}

/// A Wine of this folder, which says nothing of itself and offers to install nothing.
fn surround<'a>(command: &'a mut Command, prefix: &Path) -> &'a mut Command {
    command
        .env("WINEPREFIX", prefix)
        .env("WINEDEBUG", "-all")
        .env("WINEDLLOVERRIDES", "mscoree=;mshtml=;winemenubuilder.exe=")
        .env_remove("DISPLAY")
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}
