"""The rich forms: they return what was observed."""

from __future__ import annotations

from typing import SupportsIndex

from fell import _fell
from fell._classic import tell
from fell._report import Doctor, Report, Tree, Zombies


def kill_tree(
    process: SupportsIndex | str,
    grace: float = 5.0,
    *,
    include_parent: bool = True,
    signal: int | str = "TERM",
    force_limit: float = 10.0,
    escaped: bool = False,
) -> Report:
    """End a process and all its descendants, and tell what became of each.

    An exception that a signal handler raises meanwhile, such as KeyboardInterrupt, makes it use force at once, and goes
    on when that is done.

    Args:
        process: The root of the tree: its PID, or ``"PID:INODE"``, which no later owner of the PID has.
        grace: How long members may take to obey the first signal, in seconds; 0 goes straight to force.
        include_parent: Whether the root itself is ended, too. Without it, the calling process may be the root: then all
            that it has started is ended.
        signal: The first signal: a number, or a name as ``"TERM"``.
        force_limit: How long to go on with force, in seconds, before what is alive counts as unkillable.
        escaped: Also ends what seems to have left the tree: what is in a session or process group that a member leads.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: No such PID or signal can be, a time is negative, or the root is PID 1, the calling process, an
            ancestor of it, or a kernel thread. Nothing was signalled then.
        OSError: The system does not let the process be opened. Nothing was signalled then.
    """
    text = _fell.kill_tree(
        process,
        grace=grace,
        first=signal,
        force_limit=force_limit,
        include_parent=include_parent,
        escaped=escaped,
        refuse_own=include_parent,
    )
    return tell(Report.from_json(text))


def tree(process: SupportsIndex | str, *, redact: bool = True) -> Tree:
    """Look at a process and its descendants. Costs what the tree costs.

    Args:
        process: The root of the tree: its PID, or ``"PID:INODE"``.
        redact: Whether to hide values in command lines that look like secrets.

    Raises:
        ProcessLookupError: It is gone.
        TypeError: `process` is neither an integer nor a text.
        ValueError: No such PID can be.
    """
    text = _fell.tree(process, redact)
    if text is None:
        raise ProcessLookupError(f"process {process} is gone")
    return Tree.from_json(text)


def zombies() -> Zombies:
    """List the zombies of the system, with the parents that fail to collect them."""
    return Zombies.from_json(_fell.zombies())


def make_parent_reap(parent_pid: SupportsIndex) -> int:
    """Make another process collect its dead children, and give how many it has collected.

    For a process that neglects them, after `cleanup_zombies(parent_pid)` has not helped. One of its threads is stopped
    for an instant by ptrace and collects them without wanting to know how they had ended; then it goes on where it
    was. Its own wait for one of them fails with ``ECHILD`` afterwards; a Python program's ``Popen.poll()`` gives 0.

    Linux on x86-64; the caller needs the right to trace the process.

    Raises:
        PermissionError: The caller may not trace it.
        NotImplementedError: Not on this system.
        RuntimeError: It is traced already, stopped, filtered by seccomp, no 64-bit process, or the caller itself.
        TypeError: `parent_pid` is no integer.
        ValueError: `parent_pid` is 0 or negative.
    """
    return _fell.inject(parent_pid)


def doctor() -> Doctor:
    """Examine what this host allows, by trying it out; takes some milliseconds.

    ``"cgroup-v2" in fell.doctor()`` asks for one ability by its name.
    """
    return Doctor.from_json(_fell.doctor())
