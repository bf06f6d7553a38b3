//! What a cgroup stands for: the container, the service or the session that a process belongs to.

use std::fmt;

/// The kinds of units that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// A container of Docker, Podman, containerd, CRI-O, LXC, or systemd-nspawn.
    Container,
    /// A service of systemd.
    Service,
    /// The session of a user who has logged in.
    Session,
    /// Another group of processes that systemd has been given.
    Scope,
}

impl fmt::Display for UnitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnitKind::Container => "container",
            UnitKind::Service => "service",
            UnitKind::Session => "session",
            UnitKind::Scope => "scope",
        })
    }
}

/// The container, service or session that a process belongs to, as its cgroup is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unit {
    /// What it is.
    pub kind: UnitKind,
    /// Its name; of most containers, the first 12 digits of the identifier.
    pub name: String,
}

impl Unit {
    /// The innermost unit in a cgroup's path; `None` if none is named there.
    ///
    /// It goes by names alone, which whoever may make a cgroup chooses: enough to tell a reader where to look.
    pub fn of_cgroup(path: &str) -> Option<Unit> {
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        (0..parts.len()).rev().find_map(|at| {
            let before = at.checked_sub(1).and_then(|before| parts.get(before)).copied();
            Unit::of_part(parts.get(at)?, before)
        })
    }

    fn of_part(part: &str, before: Option<&str>) -> Option<Unit> {
        let unit = |kind, name: &str| Some(Unit { kind, name: unescape(name) });
        let plain = part.strip_suffix(".scope").unwrap_or(part);
        if let Some(identifier) = plain.rsplit(['-', ':']).next().filter(|word| is_identifier(word)) {
            return unit(UnitKind::Container, identifier.get(..12)?);
        }
        let named = plain.strip_prefix("lxc.payload.").or_else(|| plain.strip_prefix("machine-"));
        if let Some(name) = named.or((before == Some("lxc")).then_some(plain)).filter(|name| !name.is_empty()) {
            return unit(UnitKind::Container, name);
        }
        if let Some(name) = part.strip_suffix(".service") {
            let machine = name.strip_prefix("systemd-nspawn@");
            return unit(
                if machine.is_some() { UnitKind::Container } else { UnitKind::Service },
                machine.unwrap_or(part),
            );
        }
        let scope = part.strip_suffix(".scope")?;
        match scope.strip_prefix("session-") {
            Some(session) => unit(UnitKind::Session, session),
            None => unit(UnitKind::Scope, part),
        }
    }
}

/// `container 3f4e…`, `service nginx.service`, `session 3`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// 64 hexadecimal digits, as all runtimes of the Open Container Initiative name containers.
fn is_identifier(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// systemd writes what does not fit into a name as `\x2d`.
fn unescape(name: &str) -> String {
    let mut pieces = name.split("\\x");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let byte = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii_graphic);
        match (byte, piece.get(2..)) {
            (Some(byte), Some(rest)) => {
                plain.push(byte.into());
                plain.push_str(rest);
            }
            _ => {
                plain.push_str("\\x");
                plain.push_str(piece);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f4e5d6c7b8a99887766554433221100ffeeddccbbaa99887766554433221100";

    #[test]
    fn names_of_all_makers_are_known() {
        for (path, expected) in [
            (format!("/docker/{ID}"), "container 3f4e5d6c7b8a"),
            (format!("/system.slice/docker-{ID}.scope"), "container 3f4e5d6c7b8a"),
            (format!("/machine.slice/libpod-{ID}.scope/container"), "container 3f4e5d6c7b8a"),
            (format!("/kubepods.slice/kubepods-burstable.slice/cri-containerd-{ID}.scope"), "container 3f4e5d6c7b8a"),
            (format!("/kubepods/besteffort/pod1-2/{ID}"), "container 3f4e5d6c7b8a"),
            (
                format!("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{ID}"),
                "container 3f4e5d6c7b8a",
            ),
            (String::from("/lxc/web/init.scope"), "scope init.scope"),
            (String::from("/lxc/web"), "container web"),
            (String::from("/lxc.payload.web"), "container web"),
            (String::from("/machine.slice/machine-my\\x2dbox.scope"), "container my-box"),
            (String::from("/machine.slice/systemd-nspawn@box.service/payload"), "container box"),
            (String::from("/system.slice/nginx.service"), "service nginx.service"),
            (
                String::from("/user.slice/user-1000.slice/user@1000.service/app.slice/a\\x2db.service"),
                "service a-b.service",
            ),
            (String::from("/user.slice/user-0.slice/session-3.scope"), "session 3"),
            (String::from("/system.slice/run-r12.scope (deleted)"), "scope run-r12.scope"),
        ] {
            assert_eq!(Unit::of_cgroup(&path).map(|unit| unit.to_string()).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for path in ["", "/", "//", "/user.slice", "/docker/abc", "/.scop", "\\x", "/a b", "/lxc", "/machine-"] {
            assert_eq!(Unit::of_cgroup(path), None, "{path}");
        }
        assert_eq!(unescape("a\\x2db\\x00\\xé\\x2"), "a-b\\x00\\xé\\x2");
    }
}
