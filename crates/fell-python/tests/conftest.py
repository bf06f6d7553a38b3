"""What the tests share."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

import fell
from fell._classic import ProcessWords

pytest_plugins = ["pytester"]


def state_of(pid: int) -> str | None:
    """The letter of a process's state; None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()[0]


def is_alive(pid: int) -> bool:
    """Whether it runs: a zombie does not."""
    return state_of(pid) not in (None, "Z", "X")


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.002)
    return True


def below(pid: int) -> list[ProcessWords]:
    return fell.get_process_tree_info(pid)["children"]


def descendants(pid: int) -> list[int]:
    return [one["pid"] for one in below(pid)]


def grown(pid: int, count: int) -> list[int]:
    """The descendants of a process, once there are so many."""
    assert until(lambda: len(descendants(pid)) >= count)
    return descendants(pid)


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script in an interpreter of its own."""

    def run(code: str, *words: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(code))
        return subprocess.run(
            [sys.executable, str(script), *words], capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def classic() -> Iterator[subprocess.Popen[bytes]]:
    """The tree that thousands of code bases kill."""
    proc = subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & wait"])
    try:
        # A forked child is still called `sh` until it becomes `sleep`.
        assert until(lambda: [one["name"] for one in below(proc.pid)] == ["sleep", "sleep"])
        yield proc
    finally:
        fell.kill_tree(proc.pid, grace=0)
        proc.wait()


def children() -> set[int]:
    """What is below this process, but for the helper that `multiprocessing` keeps."""
    return set(descendants(os.getpid())) - {resource_tracker._resource_tracker._pid}


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = children()
    yield
    if not until(lambda: children() <= before, 5.0):
        tree = fell.tree(os.getpid())
        # The next test is not to find it.
        for pid in children() - before:
            fell.kill_tree(pid, grace=0)
        pytest.fail(f"left behind: {tree}")
