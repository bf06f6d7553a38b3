"""Which children Python itself will wait for."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, Union

from fell._log import logger

_HALF_MADE_LIMIT = 0.05
"""How long, in seconds, an object may be in the making: after its fork, and before it knows the PID."""

_FROZEN_BY_PYTHON = 1000
"""Python 3.12 freezes some hundred objects of its own when it starts; a program that freezes has thousands."""

_HALF_MADE = object()

_Found = Union[int, object]


def tracked_pids() -> set[int] | None:
    """Find the PIDs of all children that an object of Python will wait for; None if they can't be found.

    To be called after the zombies were listed: one of them that is not found then was not forked by these.
    """
    if gc.get_freeze_count() > _FROZEN_BY_PYTHON:
        logger.warning("Zombies not collected: gc.freeze() hides which of them Python is waiting for")
        return None
    deadline = time.monotonic() + _HALF_MADE_LIMIT
    while True:
        found = set(_found())
        if _HALF_MADE not in found or time.monotonic() >= deadline:
            return {pid for pid in found if isinstance(pid, int)}
        time.sleep(0.001)


def _found() -> Iterator[_Found]:
    yield from _helpers()
    yield from (child.pid for child in getattr(subprocess, "_active", None) or ())
    popens = tuple(_classes(("subprocess", "Popen"), ("multiprocessing.popen_fork", "Popen")))
    transports = tuple(_classes(("uvloop.loop", "UVProcessTransport")))
    watchers = tuple(
        _classes(
            ("asyncio.unix_events", "SafeChildWatcher"),
            ("asyncio.unix_events", "MultiLoopChildWatcher"),
            ("asyncio.unix_events", "ThreadedChildWatcher"),
        )
    )
    for one in gc.get_objects():
        # Not `isinstance`: it asks the object, which may be a proxy of anything.
        kind = type(one)
        if issubclass(kind, popens):
            if one.__dict__.get("returncode") is None:
                yield one.__dict__.get("pid") or _HALF_MADE
        elif transports and issubclass(kind, transports):
            if one.get_returncode() is None:
                yield one.get_pid() or _HALF_MADE
        elif watchers and issubclass(kind, watchers):
            yield from one.__dict__.get("_callbacks", ())
            yield from one.__dict__.get("_threads", ())


def _classes(*names: tuple[str, str]) -> Iterator[type]:
    """Those of these classes that are loaded. One that is not has no objects."""
    for module, name in names:
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type):
            yield found


def _helpers() -> Iterator[int]:
    """The processes that `multiprocessing` keeps for itself."""
    for module, variable, attribute in (
        ("multiprocessing.resource_tracker", "_resource_tracker", "_pid"),
        ("multiprocessing.forkserver", "_forkserver", "_forkserver_pid"),
    ):
        keeper: Any = getattr(sys.modules.get(module), variable, None)
        pid = getattr(keeper, attribute, None)
        if isinstance(pid, int):
            yield pid
