//! From a plan as it is written to one that is sound.

use crate::check::{check, find_cycle};
use crate::error::{PlanError, nearest};
use crate::file::{Flaky, KillFile, Kind, LeftoversFile, PlanFile, ReadyFile, ReportFile, RetriesFile, Span, StepFile};
use crate::plan::{LeftoversPolicy, Plan, Readiness, Reports, Retries, Sign, Step};
use fell::Signal;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// How long a service may take to be ready if the plan does not say.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// What comes from outside of the plan file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The directory of the plan file.
    pub root: PathBuf,
    /// Takes the place of `defaults.timeout`.
    pub default_timeout: Option<Duration>,
    /// How many steps run at once if the plan does not say.
    pub cores: usize,
    /// Whether there is a bash for `shell`.
    pub has_bash: bool,
}

/// The sound plan behind a plan file.
///
/// # Errors
///
/// What is wrong, and where in `text`.
pub fn resolve(file: &PlanFile, text: &str, surroundings: &Surroundings) -> Result<Plan, PlanError> {
    let names: Vec<&str> = file.step.0.iter().map(|(name, _)| name.get_ref().as_str()).collect();
    let mut steps = Vec::new();
    for (name, step) in &file.step.0 {
        check(name.get_ref(), step).map_err(|error| error.at(text, &name.span()))?;
        let needs = step.needs.iter().map(|need| position(need, &names, text)).collect::<Result<Vec<_>, _>>()?;
        steps.push(resolve_step(name.get_ref(), step, needs, file, surroundings));
    }
    if steps.is_empty() {
        return Err(PlanError::new("the plan has no steps").help("add one: [step.NAME] with run = [\"command\"]"));
    }
    for (index, step) in steps.iter().enumerate() {
        let bad = step.needs.iter().position(|need| steps[*need].always && !step.always);
        if let Some(bad) = bad {
            let span = file.step.0[index].1.needs[bad].span();
            let need = names[step.needs[bad]];
            let what = format!("step {:?} needs {need:?}, which runs whatever happened before", step.name);
            return Err(PlanError::new(what).help("only an always step may need one").at(text, &span));
        }
    }
    if let Some(cycle) = find_cycle(&steps) {
        let way: Vec<&str> = cycle.iter().chain(cycle.first()).map(|index| names[*index]).collect();
        let span = cycle.first().map_or(0..0, |index| file.step.0[*index].0.span());
        return Err(PlanError::new(format!("these steps need each other: {}", way.join(" needs ")))
            .help("remove one of these needs")
            .at(text, &span));
    }
    let root = &surroundings.root;
    Ok(Plan {
        name: file.name.clone().unwrap_or_else(|| folder_name(root)),
        root: root.clone(),
        timeout: file.timeout.map(|Span(limit)| limit),
        jobs: file.jobs.map_or(surroundings.cores.max(1), std::num::NonZeroUsize::get),
        reports: reports(&file.report, root),
        steps,
        shard: None,
        deselected: Vec::new(),
    })
}

fn folder_name(root: &Path) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| String::from("plan"))
}

fn position(need: &Spanned<String>, names: &[&str], text: &str) -> Result<usize, PlanError> {
    let wanted = need.get_ref().as_str();
    if let Some(position) = names.iter().position(|name| *name == wanted) {
        return Ok(position);
    }
    let error = PlanError::new(format!("no step is called {wanted:?}")).at(text, &need.span());
    Err(match nearest(wanted, names.iter().copied()) {
        Some(name) => error.help(format!("did you mean {name:?}?")),
        None => error.help(format!("the steps are {}", names.join(", "))),
    })
}

fn resolve_step(name: &str, step: &StepFile, needs: Vec<usize>, file: &PlanFile, surroundings: &Surroundings) -> Step {
    let defaults = &file.defaults;
    let is_service = step.kind == Kind::Service;
    let default_timeout = surroundings.default_timeout.map(Span).or(defaults.timeout).filter(|_| !is_service);
    let default_idle = defaults.idle_timeout.filter(|_| !is_service);
    let kill = step.kill.unwrap_or_default();
    let KillFile { signal, grace } =
        KillFile { signal: kill.signal.or(defaults.kill.signal), grace: kill.grace.or(defaults.kill.grace) };
    let mut env = defaults.env.clone();
    env.extend(step.env.clone());
    Step {
        name: String::from(name),
        command: command(step, surroundings.has_bash),
        needs,
        service: is_service.then(|| readiness(step.ready.clone().unwrap_or_default())),
        always: step.always,
        env: env.into_iter().collect(),
        dir: step.dir.as_ref().map_or_else(|| surroundings.root.clone(), |dir| surroundings.root.join(dir)),
        timeout: step.timeout.or(default_timeout).map(|Span(limit)| limit),
        idle_timeout: step.idle_timeout.or(default_idle).map(|Span(limit)| limit),
        signal: signal.map_or(Signal::TERM, |name| name.0),
        grace: grace.map_or(Duration::from_secs(5), |Span(grace)| grace),
        leftovers: leftovers(step.leftovers.clone().unwrap_or_default(), &defaults.leftovers),
        retries: step.retries.as_ref().or(defaults.retries.as_ref()).map(retries).unwrap_or_default(),
        flaky_fails: step.flaky.or(defaults.flaky).unwrap_or_default() == Flaky::Fail,
    }
}

fn command(step: &StepFile, has_bash: bool) -> Vec<String> {
    if let Some(run) = &step.run {
        return run.clone();
    }
    // A pipeline whose first program fails is a failure: a gate that reads `test | tee log` must not pass it.
    let shell: &[&str] = if has_bash { &["bash", "-eo", "pipefail", "-c"] } else { &["sh", "-e", "-c"] };
    shell.iter().map(|word| String::from(*word)).chain(step.shell.clone()).collect()
}

fn readiness(ReadyFile { log, port, run, timeout }: ReadyFile) -> Readiness {
    let sign = match (log, port, run) {
        (Some(text), _, _) => Sign::Log(text),
        (None, Some(port), _) => Sign::Port(port),
        (None, None, Some(command)) => Sign::Command(command),
        (None, None, None) => Sign::Started,
    };
    Readiness { sign, timeout: timeout.map_or(READY_LIMIT, |Span(limit)| limit) }
}

fn leftovers(own: LeftoversFile, defaults: &LeftoversFile) -> LeftoversPolicy {
    let allow = own.allow.or_else(|| defaults.allow.clone()).unwrap_or_default();
    LeftoversPolicy {
        settle: own.settle.or(defaults.settle).map_or(Duration::from_millis(500), |Span(time)| time),
        rule: own.result.or(defaults.result).unwrap_or_default(),
        allow: allow.into_iter().map(|allowed| (allowed.name, allowed.reason)).collect(),
    }
}

fn retries(file: &RetriesFile) -> Retries {
    Retries {
        count: file.count,
        on: file.on.clone().unwrap_or_default(),
        backoff: file.backoff,
        delay: file.delay.map_or(Duration::ZERO, |Span(delay)| delay),
    }
}

fn reports(file: &ReportFile, root: &Path) -> Reports {
    let from_root = |path: &Option<PathBuf>| path.as_ref().map(|path| root.join(path));
    let [junit, json, markdown] = [&file.junit, &file.json, &file.md].map(from_root);
    let beside = [&json, &junit, &markdown].into_iter().flatten().find_map(|path| path.parent());
    let output = from_root(&file.output).or_else(|| beside.map(|directory| directory.join("steps")));
    Reports { output, github: file.github, junit, json, markdown }
}
