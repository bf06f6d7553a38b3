"""A small tree among many processes: `get_process_tree_info` beside psutil's ``children(recursive=True)``.

    python bench/tree_info.py [--processes 5000] [--least 20]

Prints the medians of both, and how often the one goes into the other; fails if that is less than `--least`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

import fell

TREE = ["sh", "-c", "sleep 600 & sh -c 'sleep 600 & sleep 600 & wait' & wait"]


def theirs(pid: int) -> dict[str, Any]:
    """The recipe that this replaces, with the same facts of each process."""
    root = psutil.Process(pid)

    def words(process: psutil.Process) -> dict[str, Any]:
        return {"pid": process.pid, "name": process.name(), "status": process.status(), "ppid": process.ppid()}

    children = [words(child) for child in root.children(recursive=True)]
    return {"parent": words(root), "children": children, "total_count": len(children) + 1}


def median(call: Callable[[int], dict[str, Any]], pid: int, seconds: float) -> float:
    """The median time of one call, in seconds, out of as many as fit into the time, and at least five."""
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        found = call(pid)
        times.append(time.perf_counter() - start)
        assert found["total_count"] == 5, found
    return statistics.median(times)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--processes", type=int, default=5000)
    arguments.add_argument("--least", type=float, default=20.0)
    options = arguments.parse_args()

    loop = f"i=0; while [ $i -lt {options.processes} ]; do sleep 600 & i=$((i+1)); done; echo; wait"
    crowd = subprocess.Popen(["sh", "-c", loop], stdout=subprocess.PIPE)
    tree = subprocess.Popen(TREE)
    try:
        assert crowd.stdout is not None
        crowd.stdout.readline()
        while fell.get_process_tree_info(tree.pid)["total_count"] < 5:
            time.sleep(0.01)
        ours = median(fell.get_process_tree_info, tree.pid, 2.0)
        other = median(theirs, tree.pid, 5.0)
        count = sum(name.isdigit() for name in os.listdir("/proc"))
    finally:
        for process in (tree, crowd):
            assert fell.kill_process_tree(process.pid, timeout=5.0)
            process.wait()
    ratio = other / ours
    print(f"{count} processes, a tree of 5: fell {ours * 1e6:.0f} us, psutil {other * 1e6:.0f} us, {ratio:.0f} times")
    return 0 if ratio >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
