//! The peers: which of them are here, and installing those that are not.

use std::path::{Path, PathBuf};
use std::process::Command;

use miette::{IntoDiagnostic, Result};

use crate::place::{first_line, passes};
use crate::report::Version;

/// Debian's packages, and a command that tells whether each is there.
const PACKAGES: &[(&str, &[&str])] = &[
    ("tini", &["tini", "--version"]),
    ("dumb-init", &["dumb-init", "--version"]),
    ("procps", &["ps", "--version"]),
    ("psmisc", &["pstree", "--version"]),
    ("python3-psutil", &[PYTHON, "-c", "import psutil"]),
    ("npm", &["npm", "--version"]),
];

/// Debian's own, which has Debian's psutil.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// The peers of this host.
pub(crate) struct Peers {
    npm: PathBuf,
    /// What could not be had.
    pub(crate) missing: Vec<String>,
}

impl Peers {
    /// Installs what is missing, as far as that is possible here; npm's packages go to `folder`.
    pub(crate) fn install(folder: &Path) -> Result<Peers> {
        let wanted: Vec<&str> =
            PACKAGES.iter().filter(|(_, probe)| !passes(probe)).map(|(package, _)| *package).collect();
        if !wanted.is_empty() && passes(&["apt-get", "--version"]) {
            let mut words = vec!["apt-get", "install", "-y", "-qq", "--no-install-recommends"];
            words.extend(&wanted);
            if !passes(&words) {
                eprintln!("bench: apt-get could not install {}", wanted.join(" "));
            }
        }
        let npm = folder.join("npm");
        if !npm.join("node_modules/pidtree").is_dir() && passes(&["npm", "--version"]) {
            std::fs::create_dir_all(&npm).into_diagnostic()?;
            let done = Command::new("npm")
                .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
                .arg(&npm)
                .args(["tree-kill", "pidtree"])
                .status();
            if !done.is_ok_and(|status| status.success()) {
                eprintln!("bench: npm could not install tree-kill and pidtree");
            }
        }
        let mut missing: Vec<String> = PACKAGES
            .iter()
            .filter(|(package, probe)| *package != "npm" && !passes(probe))
            .map(|(package, _)| (*package).to_owned())
            .collect();
        if !npm.join("node_modules/pidtree").is_dir() {
            missing.push(String::from("tree-kill and pidtree"));
        }
        Ok(Peers { npm, missing })
    }

    /// Whether this package's programs are here.
    pub(crate) fn has(&self, package: &str) -> bool {
        match package {
            "npm" => self.npm.join("node_modules/pidtree").is_dir(),
            package => !self.missing.iter().any(|missing| missing == package),
        }
    }

    /// The words that run a script under Node.js with npm's packages in reach.
    pub(crate) fn node(&self, script: &str) -> Vec<String> {
        let packages = format!("FELL_BENCH_NPM={}", self.npm.display());
        ["env", &packages, "node", script].map(String::from).to_vec()
    }

    /// What each of them calls itself.
    pub(crate) fn versions(&self) -> Result<Vec<Version>> {
        let psutil = [PYTHON, "-c", "import psutil; print('psutil', psutil.__version__)"];
        let mut found = Vec::new();
        for (package, words) in [
            ("coreutils", &["timeout", "--version"][..]),
            ("tini", &["tini", "--version"]),
            ("dumb-init", &["dumb-init", "--version"]),
            ("procps", &["ps", "--version"]),
            ("psmisc", &["pstree", "--version"]),
            ("python3-psutil", &psutil),
            ("npm", &["node", "--version"]),
        ] {
            if self.has(package) {
                found.push(Version { package: package.to_owned(), says: first_line(words)? });
            }
        }
        if self.has("npm") {
            for package in ["tree-kill", "pidtree"] {
                let manifest = self.npm.join("node_modules").join(package).join("package.json");
                let manifest: serde_json::Value =
                    serde_json::from_str(&std::fs::read_to_string(manifest).into_diagnostic()?).into_diagnostic()?;
                let says = manifest["version"].as_str().unwrap_or("unknown").to_owned();
                found.push(Version { package: package.to_owned(), says });
            }
        }
        for (package, says) in [("sysinfo", "0.40 (crate)"), ("kill_tree", "0.2 (crate)")] {
            found.push(Version { package: package.to_owned(), says: says.to_owned() });
        }
        Ok(found)
    }
}
