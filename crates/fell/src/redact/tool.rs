//! Tools that take a secret in a short flag.

use super::Expects;

/// How a tool takes a secret in a short flag, of which the name tells nothing.
pub(super) struct Tool {
    pub(super) names: &'static [&'static str],
    /// A sub-command that must have been seen: `docker login -p`, but not `docker run -p`.
    pub(super) verb: Option<&'static str>,
    pub(super) flags: &'static [&'static str],
    pub(super) expects: Expects,
    /// Whether the value may be the next argument. With mysql it may not: `mysql -p shop` prompts, and opens `shop`.
    pub(super) apart: bool,
}

/// Sources: each tool's manual page.
pub(super) const TOOLS: &[Tool] = &[
    Tool {
        names: &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlimport",
            "mysqlcheck",
            "mysqlshow",
            "mysqlslap",
            "mariadb",
            "mariadb-dump",
            "mariadb-admin",
        ],
        verb: None,
        flags: &["-p"],
        expects: Expects::Secret,
        apart: false,
    },
    Tool {
        names: &["7z", "7za", "7zr", "7zz", "rar", "unrar"],
        verb: None,
        flags: &["-p"],
        expects: Expects::Secret,
        apart: false,
    },
    Tool {
        names: &["sshpass", "mongo", "mongosh", "mongodump", "mongorestore"],
        verb: None,
        flags: &["-p"],
        expects: Expects::Secret,
        apart: true,
    },
    Tool {
        names: &["docker", "podman", "buildah", "skopeo", "nerdctl", "helm", "az", "oc"],
        verb: Some("login"),
        flags: &["-p"],
        expects: Expects::Secret,
        apart: true,
    },
    Tool {
        names: &["zip", "unzip", "sqlcmd", "bcp", "ipmitool"],
        verb: None,
        flags: &["-P"],
        expects: Expects::Secret,
        apart: true,
    },
    Tool { names: &["redis-cli"], verb: None, flags: &["-a"], expects: Expects::Secret, apart: true },
    Tool {
        names: &["ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd", "ldapwhoami"],
        verb: None,
        flags: &["-w"],
        expects: Expects::Secret,
        apart: true,
    },
    Tool { names: &["openssl"], verb: None, flags: &["-k", "-K"], expects: Expects::Secret, apart: true },
    Tool {
        names: &["curl", "http", "https", "xh"],
        verb: None,
        flags: &["-u", "-U", "-a", "--user", "--proxy-user", "--auth"],
        expects: Expects::Login,
        apart: true,
    },
    Tool {
        names: &["smbclient", "rpcclient"],
        verb: None,
        flags: &["-U", "--user"],
        expects: Expects::Login,
        apart: true,
    },
];
