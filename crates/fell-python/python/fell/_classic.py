"""The classic four functions."""

from __future__ import annotations

import operator
import os
from typing import SupportsIndex, TypedDict

from fell import _fell
from fell._log import logger
from fell._report import Report
from fell._tracked import tracked_pids


class ProcessWords(TypedDict):
    """A process in a few words."""

    pid: int
    name: str
    """The short name, at most 15 bytes."""
    status: str
    """In psutil's words: ``running``, ``sleeping``, ``disk-sleep``, ``stopped``, ``tracing-stop``, ``zombie``,
    ``dead``, ``idle``; ``unknown`` where it can't be read."""
    ppid: int | None
    id: str
    """``PID:INODE``, which no later owner of the PID has; the bare PID on kernels without."""


class TreeInfo(TypedDict):
    """A process and its descendants."""

    parent: ProcessWords | None
    """The process itself; ``None`` if it is gone."""
    children: list[ProcessWords]
    """All descendants, parents before children."""
    total_count: int
    """How many processes these are, the parent included; 0 if it is gone."""


def kill_process_tree(pid: SupportsIndex, timeout: float = 5.0, include_parent: bool = True) -> bool:
    """End a process and all its descendants: TERM to all, up to `timeout` seconds to obey, then KILL.

    What is forked meanwhile is found and ended as well. A child of the caller stays a zombie until the caller waits for
    it, so ``Popen.poll()`` and ``wait()`` give its status as ever.

    Args:
        pid: The root of the tree.
        timeout: How long members may take to obey TERM, in seconds; 0 goes straight to KILL. What does not end on KILL
            is waited for ten seconds more.
        include_parent: Whether the root itself is ended, too.

    Returns:
        True if nothing of the tree is alive any more, also if it was gone already. False if something survived: the log
        (``logging.getLogger("fell")``, WARNING) says what, and why.

    Raises:
        TypeError: `pid` is no integer, or `timeout` no number.
        ValueError: `pid` is 0 or negative, PID 1, the calling process or an ancestor of it, or a kernel thread; or
            `timeout` is negative. Nothing was signalled then.
        OSError: The system does not let the process be opened, for want of descriptors, say. Nothing was signalled
            then.
    """
    text = _fell.kill_tree(
        pid if isinstance(pid, bool) else operator.index(pid),
        grace=timeout,
        first="TERM",
        force_limit=10.0,
        include_parent=include_parent,
        escaped=False,
        refuse_own=True,
    )
    return tell(Report.from_json(text)).clean


def tell(report: Report) -> Report:
    """Say in the log what became of a tree."""
    if not report.clean:
        alive = ", ".join(f"{one.pid} {one.name} ({one.detail})" for one in report.survivors)
        logger.warning("Process tree %s not killed: %s: %s", report.target, report.summary, alive)
    elif report.felled:
        logger.info("Process tree %s killed successfully: %s", report.target, report.summary)
    else:
        logger.info("Process tree %s: %s", report.target, report.summary)
    return report


def get_zombie_processes() -> list[int]:
    """List the PIDs of all zombies of the system, in ascending order.

    A process whose first thread has ended while others run is no zombie, although the process table shows it as one.
    """
    return _fell.zombie_pids()


def cleanup_zombies(parent_pid: SupportsIndex | None = None) -> int:
    """Have zombies collected, and give how many were.

    The caller's own are collected by waiting for each by its PID; never one that Python is tracking, so that whoever
    started it still gets its exit status: ``subprocess``, ``asyncio`` (uvloop, too), ``multiprocessing`` and fell's own
    runs. A child that was forked otherwise (``os.fork``, ``os.posix_spawn``, a C library) counts as nobody's: do not
    call this between such a fork and its ``os.waitpid``. Tracked objects are found through the garbage collector; after
    ``gc.freeze()``, which hides them, none of the caller's zombies is collected.

    Another process's are for that process alone to collect. It is asked to, by SIGCHLD, which helps one that missed a
    signal, and not one that never waits.

    Args:
        parent_pid: Whose zombies; by default the caller's.

    Returns:
        How many zombies are gone.

    Raises:
        TypeError: `parent_pid` is no integer.
        ValueError: `parent_pid` is 0 or negative.
    """
    if parent_pid is not None and parent_pid != os.getpid():
        return _fell.nudge(parent_pid)
    reaped = _fell.reap(tracked_pids)
    if reaped:
        logger.info("Zombies collected: %s", ", ".join(map(str, reaped)))
    return len(reaped)


def get_process_tree_info(pid: SupportsIndex) -> TreeInfo:
    """Describe a process and all its descendants.

    Costs what the tree costs, however many processes there are besides.

    Returns:
        A dictionary of ``parent``, ``children`` and ``total_count``: see `TreeInfo`. For a process that is gone,
        ``{"parent": None, "children": [], "total_count": 0}``.

    Raises:
        TypeError: `pid` is no integer.
        ValueError: `pid` is 0 or negative.
    """
    return _fell.tree_info(pid)
