"""What a test leaves behind: processes, zombies, listening ports."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypedDict

from fell import _fell
from fell._classic import ProcessWords, tell
from fell._ports import listening_ports
from fell._report import Report
from fell._tracked import tracked_pids

_PAUSES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3)
"""How long to wait before each look, in seconds: what ends by itself meanwhile is no leak."""


class Allowance(TypedDict, total=False):
    """What a test may leave behind; all of it if nothing is named."""

    names: tuple[str, ...]
    ports: tuple[int, ...]


@dataclass(frozen=True)
class State:
    """What this process has below it at one time."""

    processes: dict[str, ProcessWords]
    """By identity, which no later owner of the PID has."""
    ports: dict[int, tuple[int, int]]
    """By socket."""


@dataclass
class Watch:
    """Tells what is there now and was not there before a test, but for what belongs to fixtures that live on."""

    forked: bool = False
    """Whether Python itself has forked: an ended child that no object waits for is then a leak of the test's own."""
    _kept: State = field(default_factory=lambda: State({}, {}))

    def look(self) -> State:
        """Look at all that is below this process, and at its ports."""
        info = _fell.tree_info(os.getpid())
        processes = {one["id"]: one for one in info["children"]}
        pids = [os.getpid(), *(one["pid"] for one in info["children"])]
        return State(processes, listening_ports(pids))

    def before_test(self) -> State:
        """Look at what no test has to answer for; what a fixture keeps is known for as long as the fixture lives."""
        now = self.look()
        return State(
            {key: one for key, one in now.processes.items() if key not in self._kept.processes},
            {key: one for key, one in now.ports.items() if key not in self._kept.ports},
        )

    @contextmanager
    def keeping(self, kept: State) -> Iterator[None]:
        """Let what appears meanwhile stay: a fixture made it that outlives the test. `kept` is filled with it."""
        before = self.look()
        try:
            yield
        finally:
            after = self.look()
            kept.processes.update((key, one) for key, one in after.processes.items() if key not in before.processes)
            kept.ports.update((key, one) for key, one in after.ports.items() if key not in before.ports)
            self._kept.processes.update(kept.processes)
            self._kept.ports.update(kept.ports)

    def release(self, kept: State) -> None:
        """Let it not stay any more: its fixture is over."""
        for key in kept.processes:
            self._kept.processes.pop(key, None)
        for socket in kept.ports:
            self._kept.ports.pop(socket, None)

    def leaks(self, before: State, allowance: Allowance | None) -> Leaks:
        """Look until nothing is left, or it has had its time to end."""
        found = Leaks()
        for pause in _PAUSES:
            time.sleep(pause)
            self._collect_strays()
            found = self._new(before, allowance)
            if not found:
                break
        return found

    def _new(self, before: State, allowance: Allowance | None) -> Leaks:
        if allowance is not None and not allowance:
            return Leaks()
        now = self.look()
        may_stay = allowance or {}
        names, ports = may_stay.get("names", ()), may_stay.get("ports", ())
        known = before.processes.keys() | self._kept.processes.keys()
        allowed: set[int] = set()
        processes = []
        # Parents come before children: what one starts that may stay, may stay.
        for key, one in now.processes.items():
            if key in known or one["name"] in names or one["ppid"] in allowed:
                allowed.add(one["pid"])
            else:
                processes.append(one)
        known_ports = before.ports.keys() | self._kept.ports.keys()
        new_ports = {
            (port, pid)
            for socket, (port, pid) in now.ports.items()
            if socket not in known_ports and port not in ports and pid not in allowed
        }
        return Leaks(processes, sorted(new_ports))

    def _collect_strays(self) -> None:
        """Orphans that have ended are this process's to collect; its own children only if nobody waits for them."""
        if not self.forked:
            _fell.reap(tracked_pids)


@dataclass
class Leaks:
    """What was left behind."""

    processes: list[ProcessWords] = field(default_factory=list)
    ports: list[tuple[int, int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.processes or self.ports)

    def lines(self) -> Iterator[str]:
        """Name them."""
        for one in self.processes:
            if one["status"] == "zombie":
                yield f"zombie {one['pid']} {one['name']}: it has ended, and nobody has waited for it"
            else:
                yield f"process {one['pid']} {one['name']} ({one['status']}), child of {one['ppid']}"
        for port, pid in self.ports:
            whose = "this process" if pid == os.getpid() else f"process {pid}"
            yield f"port {port}, on which {whose} listens"

    def end(self) -> None:
        """End the processes, so that the next test does not find them."""
        end_all(self.processes)


def end_all(processes: Iterable[ProcessWords], grace: float = 1.0) -> None:
    """End these processes, each with its descendants. Zombies stay for those who wait for them."""
    for one in processes:
        if one["status"] == "zombie":
            continue
        text = _fell.kill_tree(
            one["id"], grace=grace, first="TERM", force_limit=10.0, include_parent=True, escaped=False, refuse_own=True
        )
        tell(Report.from_json(text))
