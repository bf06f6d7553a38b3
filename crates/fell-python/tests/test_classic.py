import logging
import os
import subprocess
import sys
import time

import pytest
from conftest import children, grown, is_alive, state_of, until

import fell
from fell import cleanup_zombies, get_process_tree_info, get_zombie_processes, kill_process_tree

GONE = {"parent": None, "children": [], "total_count": 0}


def gone_pid():
    proc = subprocess.Popen(["true"])
    proc.wait()
    return proc.pid


def test_the_whole_tree_ends(classic):
    members = grown(classic.pid, 2)
    assert kill_process_tree(classic.pid, timeout=3.0, include_parent=True) is True
    assert classic.poll() is not None
    assert classic.returncode == -15
    assert not any(is_alive(pid) for pid in members)


def test_the_parent_may_stay():
    proc = subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & wait; exec sleep 60"])
    members = grown(proc.pid, 2)
    assert kill_process_tree(proc.pid, timeout=3.0, include_parent=False) is True
    assert not any(is_alive(pid) for pid in members)
    assert proc.poll() is None
    assert kill_process_tree(proc.pid)
    assert proc.wait() == -15


def test_who_ignores_term_is_killed():
    proc = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; while :; do sleep 0.05; done"], stdout=subprocess.PIPE)
    proc.stdout.readline()
    began = time.monotonic()
    assert kill_process_tree(proc.pid, timeout=0.3)
    assert 0.3 <= time.monotonic() - began < 3
    assert proc.wait() == -9
    proc.stdout.close()


def test_gone_already_is_a_success():
    assert kill_process_tree(gone_pid()) is True


def test_a_zombie_is_a_success_and_keeps_its_status():
    proc = subprocess.Popen(["sh", "-c", "exit 7"])
    assert until(lambda: state_of(proc.pid) == "Z")
    assert kill_process_tree(proc.pid) is True
    assert proc.poll() == 7


@pytest.mark.parametrize("pid", [0, -1, -4711, 1, 2**31, 2**70])
def test_what_is_no_target_is_a_value_error(pid):
    with pytest.raises(ValueError, match=r"\w"):
        kill_process_tree(pid)


@pytest.mark.parametrize("include_parent", [True, False])
def test_own_process_and_ancestors_are_refused(classic, include_parent):
    for pid in (os.getpid(), os.getppid()):
        with pytest.raises(ValueError, match="not to be ended"):
            kill_process_tree(pid, include_parent=include_parent)
    assert classic.poll() is None


@pytest.mark.parametrize("pid", ["1", 1.0, None, True, b"1", [1]])
def test_what_is_no_integer_is_a_type_error(pid):
    with pytest.raises(TypeError):
        kill_process_tree(pid)


@pytest.mark.parametrize(
    ("timeout", "error"), [(-1, ValueError), (float("nan"), ValueError), ("1", TypeError), (None, TypeError)]
)
def test_a_bad_timeout_signals_nothing(classic, timeout, error):
    with pytest.raises(error):
        kill_process_tree(classic.pid, timeout=timeout)
    assert classic.poll() is None


def test_integers_of_other_kinds_are_taken():
    class Index:
        def __init__(self, number):
            self.number = number

        def __index__(self):
            return self.number

    assert kill_process_tree(Index(gone_pid()), 0) is True
    assert get_process_tree_info(Index(os.getpid()))["parent"]["pid"] == os.getpid()


def test_the_log_says_what_was_done(classic, caplog):
    caplog.set_level(logging.INFO, "fell")
    kill_process_tree(classic.pid)
    assert [(one.name, one.levelname) for one in caplog.records] == [("fell", "INFO")]
    assert caplog.messages[0].startswith(f"Process tree {classic.pid} killed successfully: felled 3 of 3 in ")


def test_details_are_logged_at_debug(classic, caplog):
    caplog.set_level(logging.DEBUG, "fell")
    kill_process_tree(classic.pid)
    assert any(one.levelname == "DEBUG" and "member" in one.message for one in caplog.records)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_survivors_give_false_and_a_warning(python):
    proc = subprocess.Popen(["sleep", "60"])
    done = python(
        """
        import logging, os, sys
        from fell import kill_process_tree
        logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
        os.setuid(65534)
        print(kill_process_tree(int(sys.argv[1]), timeout=0.1))
        """,
        str(proc.pid),
    )
    assert done.stdout == "False\n", done.stderr
    assert f"WARNING fell Process tree {proc.pid} not killed" in done.stderr
    assert "permission denied" in done.stderr
    assert kill_process_tree(proc.pid)
    proc.wait()


def test_tree_info(classic):
    info = get_process_tree_info(classic.pid)
    assert list(info) == ["parent", "children", "total_count"]
    parent = info["parent"]
    assert parent["pid"] == classic.pid
    assert (parent["name"], parent["ppid"]) == ("sh", os.getpid())
    assert info["total_count"] == 3
    assert {one["name"] for one in info["children"]} == {"sleep"}
    for one in (parent, *info["children"]):
        assert set(one) == {"pid", "name", "status", "ppid", "id"}
        assert one["id"].split(":")[0] == str(one["pid"])
        assert one["status"] in ("sleeping", "running")


def test_tree_info_of_who_is_gone_and_of_who_is_dead():
    assert get_process_tree_info(gone_pid()) == GONE
    proc = subprocess.Popen(["true"])
    assert until(lambda: state_of(proc.pid) == "Z")
    assert get_process_tree_info(proc.pid)["parent"]["status"] == "zombie"
    proc.wait()
    for bad, error in ((0, ValueError), (-1, ValueError), ("1", TypeError), (1.5, TypeError)):
        with pytest.raises(error):
            get_process_tree_info(bad)


def test_statuses_are_psutils(classic):
    psutil = pytest.importorskip("psutil")
    theirs = {one.pid: one.name() for one in psutil.Process(classic.pid).children(recursive=True)}
    info = get_process_tree_info(classic.pid)
    assert {one["pid"]: one["name"] for one in info["children"]} == theirs
    words = {getattr(psutil, name) for name in dir(psutil) if name.startswith("STATUS_")}
    assert {one["status"] for one in info["children"]} <= words


def test_two_hundred_cycles_leave_nothing():
    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    def cycle():
        proc = subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & wait"])
        assert kill_process_tree(proc.pid, timeout=3.0)
        assert proc.poll() is not None

    cycle()
    before = descriptors(), children()
    for _ in range(200):
        cycle()
    assert (descriptors(), children()) == before


def test_process_manager_is_a_changed_import():
    from fell import process_manager

    assert process_manager.kill_process_tree is kill_process_tree
    assert isinstance(process_manager.PSUTIL_AVAILABLE, bool)
    assert process_manager.ENGINE["proc"] is True
    assert all(isinstance(value, bool) for value in process_manager.ENGINE.values())
    with pytest.raises(AttributeError):
        process_manager.nothing  # noqa: B018


def test_signals_are_handled_while_waiting(python):
    done = python(
        """
        import os, signal, subprocess, time
        from fell import kill_process_tree
        proc = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; sleep 60 & while :; do sleep 0.05; done"],
                                stdout=subprocess.PIPE)
        proc.stdout.readline()
        began = time.monotonic()
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            kill_process_tree(proc.pid, timeout=30)
        except KeyboardInterrupt:
            took = time.monotonic() - began
            print(took < 2, proc.poll())
        """
    )
    assert done.stdout == "True -9\n", done.stderr


def test_zombies_of_a_negligent_parent_are_listed_and_nudged():
    # It collects when it is asked to, and not before.
    code = "import os,signal,sys\n"
    code += "if os.fork() == 0: os._exit(3)\n"
    code += "signal.signal(signal.SIGUSR1, lambda *_: signal.signal(signal.SIGCHLD, lambda *_: os.wait()))\n"
    code += "print(flush=True)\nwhile True: signal.pause()\n"
    proc = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    proc.stdout.readline()
    (zombie,) = grown(proc.pid, 1)
    assert until(lambda: state_of(zombie) == "Z")
    listed = get_zombie_processes()
    assert zombie in listed
    assert listed == sorted(listed)
    assert cleanup_zombies(proc.pid) == 0
    found = [one for one in fell.zombies() if one.pid == zombie]
    assert [(one.parent_pid, one.ours) for one in found] == [(proc.pid, False)]
    owners = [one for one in fell.zombies().owners if one.pid == proc.pid]
    assert [(one.zombies, one.is_init) for one in owners] == [(1, False)]
    proc.send_signal(10)
    assert until(lambda: cleanup_zombies(proc.pid) == 1)
    assert state_of(zombie) is None
    kill_process_tree(proc.pid)
    proc.wait()
    proc.stdout.close()


def test_a_negligent_parent_is_made_to_collect():
    code = "import os,sys\nif os.fork() == 0: os._exit(3)\n"
    code += "print(flush=True)\nsys.stdin.readline()\nprint('whole', flush=True)\n"
    proc = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    proc.stdout.readline()
    (zombie,) = grown(proc.pid, 1)
    assert until(lambda: state_of(zombie) == "Z")
    with pytest.raises(ValueError, match=r"positive|0"):
        fell.make_parent_reap(0)
    try:
        assert fell.make_parent_reap(proc.pid) == 1
    except (NotImplementedError, PermissionError) as why:
        pytest.skip(str(why))
    finally:
        said, _ = proc.communicate("go on\n", timeout=30)
    assert (said, proc.returncode) == ("whole\n", 0)
    assert state_of(zombie) is None
