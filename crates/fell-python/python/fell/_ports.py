"""Which ports a process listens on."""

from __future__ import annotations

import os
from collections.abc import Iterable

_LISTEN = "0A"


def listening_ports(pids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Give the TCP ports on which these processes listen: for each socket its port and one PID.

    What may not be looked into is left out.
    """
    held: dict[int, int] = {}
    for pid in pids:
        for inode in _sockets(pid):
            held.setdefault(inode, pid)
    if not held:
        return {}
    ports = {}
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for inode, port in _listening(table):
            if inode in held:
                ports[inode] = (port, held[inode])
    return ports


def _sockets(pid: int) -> Iterable[int]:
    folder = f"/proc/{pid}/fd"
    try:
        numbers = os.listdir(folder)
    except OSError:
        return
    for number in numbers:
        try:
            target = os.readlink(f"{folder}/{number}")
        except OSError:
            continue
        if target.startswith("socket:["):
            yield int(target[len("socket:[") : -1])


def _listening(table: str) -> Iterable[tuple[int, int]]:
    try:
        with open(table, encoding="ascii") as lines:
            next(lines, None)
            for line in lines:
                words = line.split()
                if words[3] == _LISTEN:
                    yield int(words[9]), int(words[1].rpartition(":")[2], 16)
    except OSError:
        return
