"""What was observed, as Python objects: views of the engine's documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


@dataclass(frozen=True)
class Gap:
    """Something that could not be read."""

    pid: int | None
    """The process that it is about; None if it is about all."""
    what: str
    """What could not be read, and why."""


def _gaps(documents: Sequence[Mapping[str, Any]] | None) -> tuple[Gap, ...]:
    return tuple(Gap(one["pid"], one["what"]) for one in documents or ())


@dataclass(frozen=True)
class Process:
    """One process. None is "not known"."""

    id: str
    """``PID:INODE``, which no later owner of the PID has; the bare PID on kernels without."""
    pid: int
    ppid: int | None
    name: str
    """The short name, at most 15 bytes."""
    state: str
    """In psutil's words, as ``sleeping``."""
    started_at: str | None
    """RFC 3339, in UTC."""
    age: float | None
    """In seconds."""
    pgid: int | None
    sid: int | None
    cpu: float | None
    """Processor time used, in seconds."""
    rss: int | None
    """Memory in use, in bytes."""
    threads: int | None
    user: str | None
    command_line: tuple[str, ...] | None
    """In which values that look like secrets are hidden."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Process:
        """View one process of a document."""
        words = document["command_line"]
        return cls(
            id=document["id"],
            pid=document["pid"],
            ppid=document["ppid"],
            name=document["name"],
            state=document["state"],
            started_at=document["started_at"],
            age=_seconds(document["age_ms"]),
            pgid=document["pgid"],
            sid=document["sid"],
            cpu=_seconds(document["cpu_ms"]),
            rss=document["rss_bytes"],
            threads=document["threads"],
            user=document["user"],
            command_line=None if words is None else tuple(words),
        )


@dataclass(frozen=True)
class Outcome:
    """What became of one process."""

    id: str
    """``PID:INODE``, or the bare PID on kernels without."""
    pid: int
    ppid: int | None
    name: str
    state: str
    """What it was doing when it was first seen."""
    outcome: str
    """``exited``, ``killed``, ``already-gone``, ``zombie``, ``permission-denied``, ``unkillable``, ``refused``,
    ``spared``."""
    detail: str
    """The same in words, with its reason."""
    mechanism: str | None
    """By which means it was addressed: ``pidfd``, ``cgroup``, ``checked-pid``; None if it never was."""
    after: float | None
    """How many seconds after the beginning its end was observed; None while it is alive."""
    uncollected_by: int | None
    """It has ended, and waits for this process outside of the tree to collect it."""

    @property
    def survived(self) -> bool:
        """Whether it is alive although it was to be ended."""
        return self.outcome in ("permission-denied", "unkillable", "refused")

    @property
    def felled(self) -> bool:
        """Whether it was alive and has ended since."""
        return self.outcome in ("exited", "killed")

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Outcome:
        """View one outcome of a document."""
        return cls(
            id=document["id"],
            pid=document["pid"],
            ppid=document["ppid"],
            name=document["name"],
            state=document["state"],
            outcome=document["outcome"],
            detail=document["detail"],
            mechanism=document["mechanism"],
            after=_seconds(document["after_ms"]),
            uncollected_by=document["uncollected_by"],
        )


@dataclass(frozen=True)
class Report:
    """What became of a tree: only what was observed. ``str()`` gives it in one line."""

    target: str
    """The root, as it was given."""
    summary: str
    """``felled 7 of 7 in 312 ms (5 in grace, 2 by force)``."""
    clean: bool
    """Whether nothing that was to be ended is alive."""
    processes: tuple[Outcome, ...]
    """One entry a process, parents before children; newcomers follow."""
    gaps: tuple[Gap, ...]
    """What could not be read. With a gap, a member may have been missed."""
    looks: int
    """How often the tree was looked at."""
    elapsed: float
    """How long it took, in seconds."""
    document: Mapping[str, Any] = field(repr=False, compare=False)
    """The same as ``fell kill --json`` has it."""

    @property
    def survivors(self) -> tuple[Outcome, ...]:
        """The members that are alive although they were to be ended."""
        return tuple(one for one in self.processes if one.survived)

    @property
    def felled(self) -> tuple[Outcome, ...]:
        """The members that were alive and have ended since."""
        return tuple(one for one in self.processes if one.felled)

    def __str__(self) -> str:
        return f"process tree {self.target}: {self.summary}"

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Report:
        """View a document on one target."""
        return cls(
            target=document["target"],
            summary=document["summary"],
            clean=document["clean"],
            processes=tuple(Outcome.from_document(one) for one in document["processes"]),
            gaps=_gaps(document["gaps"]),
            looks=document["looks"],
            elapsed=document["elapsed_ms"] / 1000,
            document=document,
        )

    @classmethod
    def from_json(cls, text: str) -> Report:
        """View a document as the engine writes it."""
        return cls.from_document(json.loads(text))


@dataclass(frozen=True)
class Tree:
    """A process and its descendants."""

    parent: Process
    children: tuple[Process, ...]
    """All descendants, parents before children; ``ppid`` tells who belongs to whom."""
    gaps: tuple[Gap, ...]
    """What could not be read. With a gap, a descendant may be missing."""

    @property
    def total_count(self) -> int:
        """How many processes these are, the parent included."""
        return len(self.children) + 1

    @classmethod
    def from_json(cls, text: str) -> Tree:
        """View a document as the engine writes it."""
        document = json.loads(text)
        return cls(
            parent=Process.from_document(document["parent"]),
            children=tuple(Process.from_document(one) for one in document["children"]),
            gaps=_gaps(document["gaps"]),
        )


@dataclass(frozen=True)
class Zombie:
    """A process that has ended and that its parent has not collected."""

    id: str
    pid: int
    name: str
    parent_pid: int | None
    parent_name: str | None
    ours: bool
    """Whether the caller is the parent."""
    dead_for: float | None
    """For how many seconds."""
    exit_code: int | None
    """None if it died of a signal, or where that may not be seen."""
    signal: int | None
    """The number of the signal that it died of."""
    cgroup: str | None
    """The cgroup that it died in."""
    unit: str | None
    """The container, service or session that it belonged to: ``container 3f4e5d6c7b8a``."""


@dataclass(frozen=True)
class ZombieOwner:
    """A process that fails to collect its dead children."""

    pid: int | None
    """None if it is outside of the PID namespace that can be seen."""
    name: str | None
    command_line: tuple[str, ...] | None
    """Secrets are hidden."""
    user: str | None
    cgroup: str | None
    unit: str | None
    """The container, service or session that it belongs to."""
    is_init: bool | None
    """Whether it is PID 1, of the system or of a container, which is to collect whatever is left behind there."""
    zombies: int
    """How many zombies it has."""
    oldest: float | None
    """For how many seconds the first of them has been dead."""


@dataclass(frozen=True)
class Zombies:
    """The zombies that one look found: to be counted, and gone through, as a sequence of `Zombie`."""

    found: tuple[Zombie, ...]
    """Those of the parent that has most of them first."""
    owners: tuple[ZombieOwner, ...]
    """Who fails to collect them: the parent that has most of them first."""
    gaps: tuple[Gap, ...]
    """What could not be read. With a gap, a zombie may be missing."""

    def __iter__(self) -> Iterator[Zombie]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    @classmethod
    def from_json(cls, text: str) -> Zombies:
        """View a document as the engine writes it."""
        document = json.loads(text)
        found = tuple(
            Zombie(
                id=one["id"],
                pid=one["pid"],
                name=one["name"],
                parent_pid=one["ppid"],
                parent_name=one["parent"]["name"] if one["parent"] else None,
                ours=one["ours"],
                dead_for=_seconds(one["dead_for_ms"]),
                exit_code=one["exit_code"],
                signal=one["exit_signal"],
                cgroup=one["cgroup"],
                unit=_unit(one["unit"]),
            )
            for one in document["zombies"]
        )
        owners = tuple(
            ZombieOwner(
                pid=one["pid"],
                name=one["process"]["name"] if one["process"] else None,
                command_line=None if one["command_line"] is None else tuple(one["command_line"]),
                user=one["user"],
                cgroup=one["cgroup"],
                unit=_unit(one["unit"]),
                is_init=one["is_init"],
                zombies=one["zombies"],
                oldest=_seconds(one["oldest_ms"]),
            )
            for one in document["owners"]
        )
        return cls(found, owners, _gaps(document["gaps"]))


def _unit(unit: dict[str, str] | None) -> str | None:
    return f"{unit['kind']} {unit['name']}" if unit else None


@dataclass(frozen=True)
class Ability:
    """One thing that a host allows or not."""

    name: str
    available: bool
    detail: str
    """What was seen, or why not."""
    meaning: str
    """What it means for fell's promises."""


@dataclass(frozen=True)
class AbandonedRun:
    """A run whose supervisor and guardian were both killed."""

    run: str
    """Its name, for ``fell kill --run``."""
    pids: tuple[int, ...]
    """What is alive of it."""


@dataclass(frozen=True)
class Doctor:
    """What this host allows, and what that means."""

    abilities: tuple[Ability, ...]
    abandoned_runs: tuple[AbandonedRun, ...]

    def __contains__(self, name: object) -> bool:
        return any(one.available for one in self.abilities if one.name == name)

    @classmethod
    def from_json(cls, text: str) -> Doctor:
        """View a document as the engine writes it."""
        document = json.loads(text)
        return cls(
            abilities=tuple(
                Ability(one["name"], one["available"], one["detail"], one["meaning"]) for one in document["abilities"]
            ),
            abandoned_runs=tuple(
                AbandonedRun(one["run"], tuple(process["pid"] for process in one["processes"]))
                for one in document["abandoned_runs"]
            ),
        )


@dataclass(frozen=True)
class Containment:
    """What held a run together."""

    layers: tuple[str, ...]
    """Those in force: ``guardian``, ``subreaper``, ``cgroup``, ``process-group``, ``mark``."""
    missing: Mapping[str, str]
    """Those that the host did not give, and why."""
    limits: tuple[str, ...]
    """What this containment can't stop."""


@dataclass(frozen=True)
class RunReport:
    """What became of a run: only what was observed."""

    run: str
    """The run's name, which its processes carry in ``FELL_RUN``."""
    program: str
    pid: int
    """The command's PID."""
    cause: str
    """Why it ended: ``exited``, ``timed-out``, ``idle``, ``cancelled``, ``guardian-lost``."""
    cancelled_by: str | None
    """The signal because of which the caller wanted it to end, as ``TERM``."""
    exit_code: int | None
    """The command's; None if it died of a signal, or if its end was not seen."""
    signal: int | None
    """The number of the signal that the command died of."""
    clean: bool
    """Whether nothing that was to be ended is alive."""
    leftovers: tuple[Outcome, ...]
    """What was alive when the command had ended by itself."""
    kill: Report | None
    """What became of the processes that had to be ended, leftovers included; None if there were none."""
    tree: tuple[Process, ...] | None
    """The tree as it stood when a limit was reached, before anything was signalled."""
    containment: Containment
    elapsed: float
    """In seconds."""
    document: Mapping[str, Any] = field(repr=False, compare=False)
    """The same as ``fell run --json`` has it."""

    @property
    def returncode(self) -> int | None:
        """The command's exit code, or the negative number of the signal that it died of, as `subprocess` has it."""
        return -self.signal if self.signal is not None else self.exit_code

    @property
    def survivors(self) -> tuple[Outcome, ...]:
        """The processes that are alive although they were to be ended."""
        return self.kill.survivors if self.kill else ()

    def __str__(self) -> str:
        return f"{self.program}: {self.cause}, {self.kill.summary if self.kill else 'nothing was alive'}"

    @classmethod
    def from_json(cls, text: str) -> RunReport:
        """View a document as the engine writes it."""
        document = json.loads(text)
        status = document["status"] or {"code": None, "signal": None}
        held = document["containment"]
        at_limit = document["at_limit"]
        return cls(
            run=document["run"],
            program=document["command"]["program"],
            pid=document["command"]["pid"],
            cause=document["cause"],
            cancelled_by=document["cancelled_by"],
            exit_code=status["code"],
            signal=status["signal"],
            clean=document["clean"],
            leftovers=tuple(Outcome.from_document(one) for one in document["leftovers"]),
            kill=Report.from_document(document["kill"]) if document["kill"] else None,
            tree=None if at_limit is None else tuple(Process.from_document(one) for one in at_limit),
            containment=Containment(
                layers=tuple(held["layers"]),
                missing={one["layer"]: one["why"] for one in held["missing"]},
                limits=tuple(held["limits"]),
            ),
            elapsed=document["elapsed_ms"] / 1000,
            document=document,
        )
