"""The recipe that this replaces, on the same trees."""

import os
import subprocess

import pytest
from conftest import children, grown, is_alive, until

import fell

psutil = pytest.importorskip("psutil")

# Told to end, it starts another one first, and takes its time.
LOOP = "while :; do sleep 0.05; done"
ANSWERS_WITH_A_FORK = f"trap 'sleep 300 & echo $!; {LOOP}' TERM; echo; {LOOP}"


def recipe(pid, timeout=5.0, include_parent=True):
    parent = psutil.Process(pid)
    procs = parent.children(recursive=True)
    if include_parent:
        procs.append(parent)
    for proc in procs:
        proc.terminate()
    _, alive = psutil.wait_procs(procs, timeout=timeout)
    for proc in alive:
        proc.kill()
    _, alive = psutil.wait_procs(alive, timeout=timeout)
    return not alive


KILLS = {"psutil": recipe, "fell": fell.kill_process_tree}


@pytest.mark.parametrize("name", KILLS)
def test_both_end_a_quiet_tree(classic, name):
    members = grown(classic.pid, 2)
    assert KILLS[name](classic.pid, timeout=3.0)
    assert classic.poll() is not None
    assert not any(is_alive(pid) for pid in members)


@pytest.mark.parametrize(("name", "survives"), [("psutil", True), ("fell", False)])
def test_who_is_forked_meanwhile_survives_the_recipe_alone(name, survives):
    proc = subprocess.Popen(["sh", "-c", ANSWERS_WITH_A_FORK], stdout=subprocess.PIPE)
    proc.stdout.readline()
    KILLS[name](proc.pid, timeout=0.5)
    newcomer = int(proc.stdout.readline())
    assert is_alive(newcomer) is survives
    fell.kill_tree(newcomer, grace=0)
    proc.wait()
    proc.stdout.close()
    assert until(lambda: not is_alive(newcomer))


@pytest.mark.parametrize(("name", "error"), [("psutil", psutil.NoSuchProcess), ("fell", None)])
def test_gone_is_an_error_for_the_recipe_alone(name, error):
    proc = subprocess.Popen(["true"])
    proc.wait()
    if error:
        with pytest.raises(error):
            KILLS[name](proc.pid)
    else:
        assert KILLS[name](proc.pid) is True


def test_they_see_the_same():
    proc = subprocess.Popen(["sh", "-c", "sleep 300 & sh -c 'sleep 300 & wait' & wait"])
    grown(proc.pid, 3)
    theirs = {one.pid: (one.ppid(), one.name()) for one in psutil.Process(proc.pid).children(recursive=True)}
    ours = {one["pid"]: (one["ppid"], one["name"]) for one in fell.get_process_tree_info(proc.pid)["children"]}
    assert ours == theirs
    assert fell.kill_process_tree(proc.pid)
    proc.wait()
    assert os.getpid() not in children()
