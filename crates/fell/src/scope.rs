//! What holds a run together, and what that can't stop.

#[cfg(guardian)]
use crate::error::Error;
#[cfg(guardian)]
use crate::sys::{self, Host, Machine};
use std::fmt;

/// Which containment to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Contain {
    /// All that the host gives.
    #[default]
    Auto,
    /// A cgroup, with guardian and subreaper; an error where no cgroup is to be had.
    Cgroup,
    /// Guardian and subreaper, no cgroup.
    Reaper,
    /// The guardian alone: orphans are lost.
    Group,
    /// All of [`Auto`](Contain::Auto), in a PID namespace of its own, which ends as a whole even if supervisor and guardian
    /// are killed at once. The command sees other PIDs and another `/proc`; for an ordinary user it is in a user namespace
    /// as well, where `su`, `sudo` and `setgroups` fail. An error where it is not to be had.
    PidNamespace,
}

/// One thing that holds a run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// A process between supervisor and command, which fells the tree when the supervisor can't.
    Guardian,
    /// Orphans of the tree come home to the guardian, or to the supervisor if that is gone.
    Subreaper,
    /// A control group of the run's own, which the kernel can kill as a whole.
    Cgroup,
    /// The run is in a PID namespace, which the kernel ends with its first process.
    PidNamespace,
    /// The command leads a process group of its own.
    ProcessGroup,
    /// A Windows job: the kernel knows all that is in it, and ends it as a whole, also when the supervisor is killed.
    Job,
    /// The run's identity in the environment, to find what is left after a crash.
    Mark,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Layer::Guardian => "guardian",
            Layer::Subreaper => "subreaper",
            Layer::Cgroup => "cgroup",
            Layer::PidNamespace => "pid-namespace",
            Layer::ProcessGroup => "process-group",
            Layer::Job => "job",
            Layer::Mark => "mark",
        })
    }
}

/// The containment that was really in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Containment {
    /// What was in force.
    pub layers: Vec<Layer>,
    /// What the host did not give, and why.
    pub missing: Vec<(Layer, String)>,
}

impl Containment {
    /// Whether this layer was in force.
    pub fn has(&self, layer: Layer) -> bool {
        self.layers.contains(&layer)
    }

    /// What this containment can't stop.
    pub fn limits(&self) -> Vec<&'static str> {
        let mut limits = Vec::new();
        if self.has(Layer::Job) {
            limits.push("what a process asks an unrelated service to start is not part of the run");
            return limits;
        }
        if !self.has(Layer::Subreaper) {
            limits.push("a process whose parent ends is lost, and survives");
        }
        if !self.has(Layer::Cgroup) && !self.has(Layer::PidNamespace) {
            limits.push("a fork storm that is faster than the kill loop may win");
        }
        if self.has(Layer::PidNamespace) {
            limits.push("if the guardian is killed, the tree ends at once and without grace");
        } else {
            limits.push(
                "if supervisor and guardian are killed at the same instant, the tree lives on until the next run finds it",
            );
        }
        limits.push("what a process asks an unrelated daemon to start is not part of the run");
        limits
    }

    #[cfg(guardian)]
    pub(crate) fn lose(&mut self, layer: Layer, why: String) {
        self.layers.retain(|kept| *kept != layer);
        self.missing.push((layer, why));
    }
}

/// The containment of one run, before its command is started.
#[cfg(guardian)]
pub(crate) struct Scope {
    /// The run's name: unique on this host until it boots again.
    pub(crate) run: String,
    pub(crate) cgroup: Option<(sys::Cgroup, bool)>,
    pub(crate) record: Option<sys::Record>,
    pub(crate) namespace: Option<sys::Namespace>,
    pub(crate) containment: Containment,
}

/// The variable that carries the names of the runs that a process belongs to, outermost first, comma-separated.
pub const MARK: &str = "FELL_RUN";

#[cfg(guardian)]
impl Scope {
    /// Takes what the host gives.
    ///
    /// # Errors
    ///
    /// [`Error::NoContainment`] if a layer was asked for by name and is not to be had.
    pub(crate) fn new(contain: Contain, own_group: bool) -> Result<Scope, Error> {
        let machine = Host::new();
        let run = format!("{}-{:x}", machine.own(), machine.now().as_nanos());
        let mut containment = Containment { layers: vec![Layer::Guardian], missing: Vec::new() };
        if contain != Contain::Group {
            containment.layers.push(Layer::Subreaper);
        }
        if own_group {
            containment.layers.push(Layer::ProcessGroup);
        }
        containment.layers.push(Layer::Mark);
        let mut cgroup = None;
        if matches!(contain, Contain::Auto | Contain::Cgroup | Contain::PidNamespace) {
            match sys::Cgroup::create(&run) {
                Ok(made) => {
                    cgroup = Some((made, contain == Contain::Cgroup));
                    containment.layers.push(Layer::Cgroup);
                }
                Err(error) if contain == Contain::Cgroup => {
                    return Err(Error::NoContainment { layer: "cgroup", why: error.to_string() });
                }
                Err(error) => containment.missing.push((Layer::Cgroup, error.to_string())),
            }
        }
        let record = match cgroup {
            Some(_) => None,
            None => match sys::Record::create(&run) {
                Ok(record) => Some(record),
                Err(error) => {
                    containment.missing.push((Layer::Mark, format!("the run can't be recorded: {error}")));
                    None
                }
            },
        };
        let namespace = (contain == Contain::PidNamespace).then(sys::Namespace::prepare);
        if namespace.is_some() {
            containment.layers.push(Layer::PidNamespace);
        }
        Ok(Scope { run, cgroup, record, namespace, containment })
    }
}
