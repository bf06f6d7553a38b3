import subprocess

import pytest
from conftest import is_alive, until

import fell


def test_the_block_ends_the_tree():
    with fell.Popen(["sh", "-c", "setsid sleep 300 & echo $!; wait"], stdout=fell.PIPE, text=True) as proc:
        pid = int(proc.stdout.readline())
        assert proc.poll() is None
        assert until(lambda: {one.name for one in proc.tree()} == {"sh", "sleep"})
        assert is_alive(proc.pid)
    assert not is_alive(pid)
    assert not is_alive(proc.pid)
    assert proc.returncode == -15
    assert proc.report.cause == "cancelled"
    assert proc.poll() == -15
    assert proc.wait() == -15


def test_communicate():
    with fell.Popen(
        ["sh", "-c", "cat; echo e >&2; exit 2"], stdin=fell.PIPE, stdout=fell.PIPE, stderr=fell.PIPE
    ) as proc:
        assert proc.communicate(b"x" * 300_000) == (b"x" * 300_000, b"e\n")
        assert proc.returncode == 2
    with fell.Popen(["sh", "-c", "echo a; sleep 0.5; echo b"], stdout=fell.PIPE, text=True) as proc:
        with pytest.raises(subprocess.TimeoutExpired):
            proc.communicate(timeout=0.1)
        assert proc.communicate() == ("a\nb\n", None)


def test_lines_to_and_fro():
    with fell.Popen(["cat"], stdin=fell.PIPE, stdout=fell.PIPE, text=True) as proc:
        for word in ("one\n", "two\n"):
            proc.stdin.write(word)
            proc.stdin.flush()
            assert proc.stdout.readline() == word
        proc.stdin.close()
        assert proc.wait(10) == 0


def test_wait_has_a_limit_and_ends_nothing():
    with fell.Popen(["sleep", "300"]) as proc:
        with pytest.raises(subprocess.TimeoutExpired):
            proc.wait(0.1)
        assert proc.poll() is None
        # Not one that `nohup` has made everybody ignore.
        proc.send_signal(10)
        assert proc.wait(10) == -10
        proc.send_signal(10)


def test_terminate_and_kill_mean_the_tree():
    script = "sleep 300 & trap '' TERM; echo $!; while :; do sleep 0.1; done"
    with fell.Popen(["sh", "-c", script], stdout=fell.PIPE, text=True, grace=30) as proc:
        pid = int(proc.stdout.readline())
        proc.terminate()
        assert until(lambda: (proc.poll(), not is_alive(pid))[1])
        assert proc.poll() is None
        proc.kill()
        assert proc.wait(10) == -9


def test_a_command_that_is_none():
    for words, error in ((["no-such-command"], FileNotFoundError), (["/etc/passwd"], PermissionError)):
        with pytest.raises(error):
            fell.Popen(words)
    assert fell.Popen(["sh", "-c", "exit 5"]).wait() == 5


def test_dropped_it_ends_the_tree():
    proc = fell.Popen(["sleep", "300"])
    pid = proc.pid
    del proc
    assert until(lambda: not is_alive(pid))


def test_a_fork_has_no_part_in_it():
    import os

    proc = fell.Popen(["sleep", "300"])
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            proc.poll()
        except RuntimeError:
            status = 7
        proc = None
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert proc.poll() is None
    assert is_alive(proc.pid)
    assert proc.end().clean
