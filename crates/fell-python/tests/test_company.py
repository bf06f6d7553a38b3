"""In threads, after forks, in workers, and in event loops."""

import asyncio
import multiprocessing
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import children, grown, is_alive

import fell


def spawn_and_kill(_=0):
    proc = subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & wait"])
    clean = fell.kill_process_tree(proc.pid, timeout=3.0)
    return clean and proc.poll() is not None


def run_and_time_out(_=0):
    try:
        fell.run(["sh", "-c", "setsid sleep 300 & sleep 300"], timeout=0.2, capture_output=True)
    except fell.TimeoutExpired as error:
        return error.report.clean
    return False


def test_threads():
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(spawn_and_kill, range(40)))
        assert all(pool.map(run_and_time_out, range(16)))


def test_other_threads_go_on_meanwhile():
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.wait(0.01):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    proc = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; while :; do sleep 0.05; done"], stdout=subprocess.PIPE)
    proc.stdout.readline()
    began = len(ticks)
    fell.kill_process_tree(proc.pid, timeout=0.5)
    assert len(ticks) - began > 20
    stop.set()
    thread.join()
    proc.communicate()


def test_after_a_fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0 if spawn_and_kill() and run_and_time_out() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_workers(method):
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        assert pool.map(spawn_and_kill, range(4)) == [True] * 4
        assert pool.map(run_and_time_out, range(2)) == [True] * 2
        pool.close()
        pool.join()
    if method == "forkserver":
        from multiprocessing import forkserver

        forkserver._forkserver._stop()


def loops():
    yield pytest.param(asyncio.new_event_loop, id="asyncio")
    try:
        import uvloop
    except ImportError:
        return
    yield pytest.param(uvloop.new_event_loop, id="uvloop")


@pytest.fixture(params=list(loops()))
def loop(request):
    loop = request.param()
    yield loop
    loop.close()


def test_arun(loop):
    async def main():
        began = time.monotonic()
        results = await asyncio.gather(
            *(
                fell.arun(["sh", "-c", f"sleep 0.3; echo {number}"], capture_output=True, text=True)
                for number in range(8)
            )
        )
        assert time.monotonic() - began < 2.0
        assert [one.stdout for one in results] == [f"{number}\n" for number in range(8)]
        with pytest.raises(fell.TimeoutExpired):
            await fell.arun(["sleep", "300"], timeout=0.1)
        with pytest.raises(FileNotFoundError):
            await fell.arun(["no-such-command"])

    loop.run_until_complete(main())


def test_a_cancelled_task_ends_the_tree(loop):
    async def main():
        task = asyncio.ensure_future(fell.arun(["sh", "-c", "setsid sleep 300 & sleep 300"]))
        while len(pids := children()) < 4:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not any(is_alive(pid) for pid in pids)

    loop.run_until_complete(main())


def test_a_task_that_is_cancelled_twice_uses_force(loop):
    async def main():
        script = "trap '' TERM; while :; do sleep 0.1; done"
        task = asyncio.ensure_future(fell.arun(["sh", "-c", script], grace=60))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        task.cancel()
        await asyncio.sleep(0.2)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 5

    loop.run_until_complete(main())


def test_kill_in_an_event_loop(loop):
    async def main():
        proc = await asyncio.create_subprocess_exec("sh", "-c", "sleep 60 & wait")
        members = grown(proc.pid, 1)
        assert await loop.run_in_executor(None, fell.kill_process_tree, proc.pid)
        assert await proc.wait() == -15
        assert not any(is_alive(pid) for pid in members)

    asyncio.set_event_loop(loop)
    loop.run_until_complete(main())
