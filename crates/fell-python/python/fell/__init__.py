"""Fell whole process trees and prove that nothing is left standing.

The classic four, for code that has them already::

    from fell import kill_process_tree, get_zombie_processes, cleanup_zombies, get_process_tree_info

The rich forms: `kill_tree`, `tree`, `zombies` and `doctor`, which return what was observed.

And `run`, `arun` and `Popen`: ``subprocess`` with the promise that nothing which the command started outlives it.

All times are in seconds. Messages go to ``logging.getLogger("fell")``.
"""

from subprocess import DEVNULL, PIPE, STDOUT, CalledProcessError

from fell._classic import (
    ProcessWords,
    TreeInfo,
    cleanup_zombies,
    get_process_tree_info,
    get_zombie_processes,
    kill_process_tree,
)
from fell._fell import __version__
from fell._popen import Popen
from fell._report import (
    AbandonedRun,
    Ability,
    Containment,
    Doctor,
    Gap,
    Outcome,
    Process,
    Report,
    RunReport,
    Tree,
    Zombie,
    ZombieOwner,
    Zombies,
)
from fell._rich import doctor, kill_tree, make_parent_reap, tree, zombies
from fell._run import CompletedProcess, LeftoversError, RunError, TimeoutExpired, arun, run

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "AbandonedRun",
    "Ability",
    "CalledProcessError",
    "CompletedProcess",
    "Containment",
    "Doctor",
    "Gap",
    "LeftoversError",
    "Outcome",
    "Popen",
    "Process",
    "ProcessWords",
    "Report",
    "RunError",
    "RunReport",
    "TimeoutExpired",
    "Tree",
    "TreeInfo",
    "Zombie",
    "ZombieOwner",
    "Zombies",
    "__version__",
    "arun",
    "cleanup_zombies",
    "doctor",
    "get_process_tree_info",
    "get_zombie_processes",
    "kill_process_tree",
    "kill_tree",
    "make_parent_reap",
    "run",
    "tree",
    "zombies",
]
