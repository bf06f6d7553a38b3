"""The engine behind the package."""

import os
from collections.abc import Callable, Iterable
from typing import SupportsFloat, SupportsIndex, final

from fell._classic import TreeInfo

__all__ = [
    "Run",
    "RunOver",
    "__version__",
    "doctor",
    "inject",
    "kill_tree",
    "main",
    "nudge",
    "reap",
    "tree",
    "tree_info",
    "zombie_pids",
    "zombies",
]

__version__: str

def main(words: Iterable[str | bytes | os.PathLike[str]]) -> int: ...
def kill_tree(
    process: SupportsIndex | str,
    *,
    grace: float,
    first: int | str,
    force_limit: float,
    include_parent: bool,
    escaped: bool,
    refuse_own: bool,
) -> str: ...
def tree_info(process: SupportsIndex) -> TreeInfo: ...
def tree(process: SupportsIndex | str, redact: bool) -> str | None: ...
def doctor() -> str: ...
def zombie_pids() -> list[int]: ...
def zombies() -> str: ...
def reap(tracked: Callable[[], set[int] | None]) -> list[int]: ...
def nudge(parent: SupportsIndex) -> int: ...
def inject(parent: SupportsIndex) -> int: ...

class RunOver(ValueError):
    """The run is over: there is nothing to be done to it any more."""

@final
class Run:
    """A command that was started, and all that descends from it."""

    def __new__(
        cls,
        program: bytes,
        arguments: Iterable[bytes],
        *,
        env: Iterable[tuple[bytes, bytes]] | None,
        cwd: bytes | None,
        stdin: int,
        stdout: int,
        stderr: int,
        timeout: float | None,
        idle_timeout: float | None,
        grace: float,
        first: int | str,
        leftovers: str,
        allow: Iterable[str],
        settle: float,
        contain: str,
        foreground: bool | None,
    ) -> Run: ...
    @property
    def pid(self) -> int | None: ...
    def wait(self, time: SupportsFloat, wake: int | None = None) -> str | None: ...
    def terminate(self, because_of: int | str) -> None: ...
    def end_silent(self) -> None: ...
    def force(self) -> None: ...
    def send_signal(self, number: int | str) -> None: ...
    def has_failed(self) -> bool: ...
    def look(self) -> str: ...
