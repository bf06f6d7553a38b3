"""Whose zombies may be collected."""

import asyncio
import gc
import multiprocessing
import os
import subprocess
import sys

import pytest
from conftest import state_of, until

import fell
from fell import cleanup_zombies


def dead_child(status=0):
    """Forked by hand, and waited for by nobody."""
    pid = os.fork()
    if pid == 0:
        os._exit(status)
    assert until(lambda: state_of(pid) == "Z")
    return pid


def test_a_child_that_nobody_waits_for_is_collected():
    pids = [dead_child(), dead_child(7)]
    assert cleanup_zombies() == 2
    assert [state_of(pid) for pid in pids] == [None, None]
    assert cleanup_zombies(os.getpid()) == 0


def test_popen_keeps_its_status():
    proc = subprocess.Popen(["sh", "-c", "exit 9"])
    assert until(lambda: state_of(proc.pid) == "Z")
    stray = dead_child()
    assert cleanup_zombies() == 1
    assert state_of(stray) is None
    assert proc.wait() == 9


def test_a_popen_that_was_dropped_alive_is_collected_by_subprocess():
    gone = subprocess.Popen(["sleep", "0.2"])
    pid = gone.pid
    with pytest.warns(ResourceWarning):  # noqa: PT031
        del gone
        gc.collect()
    assert until(lambda: state_of(pid) == "Z")
    assert cleanup_zombies() == 0
    subprocess._cleanup()
    assert state_of(pid) is None


def test_multiprocessing_keeps_its_status():
    child = multiprocessing.get_context("fork").Process(target=os._exit, args=(5,))
    child.start()
    assert until(lambda: state_of(child.pid) == "Z")
    assert cleanup_zombies() == 0
    child.join()
    assert child.exitcode == 5


def test_asyncio_keeps_its_status():
    async def main():
        proc = await asyncio.create_subprocess_exec("sh", "-c", "exit 6")
        until(lambda: state_of(proc.pid) == "Z", 0.5)
        cleanup_zombies()
        return await proc.wait()

    assert asyncio.run(main()) == 6


def test_uvloop_keeps_its_status(python):
    pytest.importorskip("uvloop")
    done = python(
        """
        import asyncio, time, uvloop
        from fell import cleanup_zombies

        async def main():
            proc = await asyncio.create_subprocess_exec("sh", "-c", "exit 6")
            time.sleep(0.3)
            print(cleanup_zombies(), await proc.wait())

        uvloop.install()
        asyncio.run(main())
        """
    )
    assert done.stdout == "0 6\n", done.stderr


def test_what_is_frozen_can_not_be_told(python):
    done = python(
        """
        import gc, os, subprocess, time
        import fell
        proc = subprocess.Popen(["sh", "-c", "exit 4"])
        time.sleep(0.2)
        gc.freeze()
        print(fell.cleanup_zombies(), proc.wait())
        """
    )
    assert done.stdout == "0 4\n", done.stderr
    assert "gc.freeze()" in done.stderr


def test_runs_of_fell_keep_their_children():
    with fell.Popen(["true"]) as proc:
        until(lambda: bool(fell.get_zombie_processes()), 0.5)
        assert cleanup_zombies() == 0
        assert proc.wait() == 0


@pytest.mark.parametrize(("pid", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError), (1.5, TypeError)])
def test_bad_parents(pid, error):
    with pytest.raises(error):
        cleanup_zombies(pid)


def test_objects_that_pretend_do_not_disturb():
    class Liar:
        @property
        def __class__(self):
            raise RuntimeError("asked")

    liar = Liar()
    pid = dead_child()
    assert cleanup_zombies() == 1
    assert state_of(pid) is None
    assert liar is not None
    assert sys.version_info >= (3, 9)
