"""The four functions under the name that code has for them which was written over psutil.

Change ``from myproject.process_manager import ...`` to ``from fell.process_manager import ...``, and nothing else.
"""

from __future__ import annotations

import importlib.util

from fell._classic import cleanup_zombies, get_process_tree_info, get_zombie_processes, kill_process_tree

__all__ = [
    "ENGINE",
    "PSUTIL_AVAILABLE",
    "cleanup_zombies",
    "get_process_tree_info",
    "get_zombie_processes",
    "kill_process_tree",
]

PSUTIL_AVAILABLE: bool = importlib.util.find_spec("psutil") is not None
"""Whether psutil can be imported. fell does not need it."""

ENGINE: dict[str, bool]
"""What the engine can do here: each ability that `fell.doctor` examines, by name. Examined when it is first asked
for."""


def __getattr__(name: str) -> dict[str, bool]:
    if name == "ENGINE":
        from fell._rich import doctor

        engine = {one.name: one.available for one in doctor().abilities}
        globals()["ENGINE"] = engine
        return engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
