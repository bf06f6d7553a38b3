import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import is_alive, until

import fell

PIDS = "sleep 300 & echo $!; setsid sleep 300 & echo $!; (trap '' TERM; while :; do sleep 0.1; done) & echo $!;"


def test_it_is_subprocess_run():
    ours = fell.run(["sh", "-c", "cat; echo err >&2; exit 3"], input="é\r\n", capture_output=True, text=True)
    theirs = subprocess.run(
        ["sh", "-c", "cat; echo err >&2; exit 3"], input="é\r\n", capture_output=True, text=True, check=False
    )
    assert isinstance(ours, subprocess.CompletedProcess)
    assert (ours.args, ours.returncode, ours.stdout, ours.stderr) == (
        theirs.args,
        theirs.returncode,
        theirs.stdout,
        theirs.stderr,
    )
    assert ours.report.cause == "exited"
    with pytest.raises(subprocess.CalledProcessError):
        ours.check_returncode()


def test_bytes_shell_env_cwd(tmp_path):
    done = fell.run(
        "printf '%s' \"$A\"; pwd",
        shell=True,
        stdout=fell.PIPE,
        env={"A": "1", "PATH": os.environ["PATH"]},
        cwd=tmp_path,
    )
    assert done.stdout == b"1" + os.fsencode(tmp_path) + b"\n"
    assert done.stderr is None
    listed = fell.run(["env"], stdout=fell.PIPE, text=True, env={"ONLY": "this", "PATH": os.environ["PATH"]}).stdout
    assert sorted(line.partition("=")[0] for line in listed.splitlines()) == ["FELL_RUN", "ONLY", "PATH"]


def test_streams(tmp_path):
    both = fell.run(["sh", "-c", "echo a; echo b >&2"], stdout=fell.PIPE, stderr=fell.STDOUT, text=True)
    assert both.stdout == "a\nb\n"
    file = tmp_path / "out"
    with file.open("wb") as out:
        fell.run(["echo", "x"], stdout=out)
        fell.run(["echo", "y"], stdout=out.fileno())
        fell.run(["echo", "z"], stdout=fell.DEVNULL)
    assert file.read_text() == "x\ny\n"
    with file.open("rb") as given:
        assert fell.run(["cat"], stdin=given, stdout=fell.PIPE).stdout == b"x\ny\n"
    assert fell.run(["cat"], stdin=fell.DEVNULL, stdout=fell.PIPE).stdout == b""


def test_much_goes_through_both_ways():
    data = os.urandom(5_000_000)
    assert fell.run(["cat"], input=data, capture_output=True).stdout == data
    # Who does not read its input is no error.
    assert fell.run(["true"], input=data).returncode == 0


def test_wrong_words():
    for words, error in (
        ([], ValueError),
        (["no-such-command"], FileNotFoundError),
        (["/etc/passwd"], PermissionError),
        (["a\0b"], ValueError),
    ):
        with pytest.raises(error):
            fell.run(words)
    with pytest.raises(FileNotFoundError) as caught:
        fell.run(["no-such-command"])
    assert caught.value.filename == "no-such-command"
    with pytest.raises(FileNotFoundError):
        fell.run(["true"], cwd="/no/such/folder")
    with pytest.raises(ValueError, match="leftovers"):
        fell.run(["true"], leftovers="maybe")
    with pytest.raises(ValueError, match="stdin and input"):
        fell.run(["true"], input=b"", stdin=fell.PIPE)
    with pytest.raises(ValueError, match="capture_output"):
        fell.run(["true"], capture_output=True, stdout=fell.PIPE)
    with pytest.raises(TypeError):
        fell.run(["true"], input="text")
    with pytest.raises(TypeError):
        fell.run(["true"], nonsense=1)


def test_a_death_by_signal_and_check():
    assert fell.run(["sh", "-c", "kill -9 $$"]).returncode == -9
    with pytest.raises(subprocess.CalledProcessError) as caught:
        fell.run(["sh", "-c", "echo o; exit 4"], check=True, capture_output=True)
    assert (caught.value.returncode, caught.value.stdout) == (4, b"o\n")


def test_a_time_limit_fells_all_and_shows_what_hung():
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        fell.run(["sh", "-c", PIDS + "wait"], timeout=0.5, grace=0.3, capture_output=True, text=True)
    assert time.monotonic() - began < 5
    error = caught.value
    assert isinstance(error, fell.TimeoutExpired)
    assert error.timeout == 0.5
    pids = [int(word) for word in error.output.split()]
    assert len(pids) == 3
    assert not any(is_alive(pid) for pid in pids)
    assert {"sh", "sleep"} <= {one.name for one in error.tree}
    assert error.report.cause == "timed-out"
    assert error.report.clean
    assert "sleep" in str(error)
    assert pickle.loads(pickle.dumps(error)).report == error.report


def test_a_grandchild_that_holds_the_pipe_is_not_waited_for():
    began = time.monotonic()
    done = fell.run(["sh", "-c", "echo out; setsid sleep 300 & exit 0"], capture_output=True, text=True)
    assert time.monotonic() - began < 5
    assert done.stdout == "out\n"
    assert [one.name for one in done.report.leftovers] == ["sleep"]
    assert done.report.clean


def test_leftovers_that_may_stay(caplog):
    script = "sleep 300 & echo $!"
    done = fell.run(["sh", "-c", script], leftovers="allow", capture_output=True, text=True)
    pid = int(done.stdout)
    assert is_alive(pid)
    assert fell.kill_process_tree(pid)
    done = fell.run(["sh", "-c", script], allow="sleep", leftovers="fail", capture_output=True, text=True)
    pid = int(done.stdout)
    assert is_alive(pid)
    assert fell.kill_process_tree(pid)
    with pytest.raises(fell.LeftoversError, match="sleep") as caught:
        fell.run(["sh", "-c", script], leftovers="fail", capture_output=True, text=True)
    assert isinstance(caught.value, subprocess.CalledProcessError)
    assert not is_alive(int(caught.value.stdout))
    assert [one.name for one in caught.value.leftovers] == ["sleep"]
    fell.run(["sh", "-c", script], leftovers="warn", stdout=fell.DEVNULL)
    assert any("left behind" in message for message in caplog.messages)


@pytest.mark.parametrize(
    "streams",
    [
        {"capture_output": True},
        {"stdout": fell.PIPE},
        {"stdout": fell.PIPE, "stderr": fell.STDOUT},
        {"stdout": fell.DEVNULL},
    ],
    ids=["both", "one", "merged", "none"],
)
def test_silence_has_a_limit(streams):
    began = time.monotonic()
    script = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done; sleep 300"
    with pytest.raises(fell.TimeoutExpired) as caught:
        fell.run(["sh", "-c", script], idle_timeout=0.6, **streams)
    assert 1.4 < time.monotonic() - began < 6
    assert caught.value.report.cause == "idle"
    assert "was silent for 0.6 seconds" in str(caught.value)
    assert {one.name for one in caught.value.tree} == {"sh", "sleep"}
    if "stdout" not in streams or streams["stdout"] == fell.PIPE:
        assert caught.value.output == b"1\n2\n3\n4\n5\n6\n"


def test_silence_with_much_output_does_not_hang():
    done = fell.run(["head", "-c", "3000000", "/dev/zero"], idle_timeout=20, stdout=fell.PIPE)
    assert len(done.stdout) == 3_000_000


def test_leftovers_that_are_silent_are_no_silence():
    done = fell.run(["sh", "-c", "sleep 300 &"], idle_timeout=0.2, settle=0.6, capture_output=True)
    assert done.report.cause == "exited"


INTERRUPTED = """
    import fell, os, signal, sys, threading
    pids = sys.argv[1]
    # Whoever starts the tests in the background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    script = f"trap 'echo term >> {pids}; exit' INT TERM; echo $$ > {pids}; setsid sleep 300 &"
    script += f" echo $! >> {pids}; sleep 300 & wait"
    try:
        fell.run(["sh", "-c", script], grace=3)
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_keyboard_interrupt_ends_the_tree_in_grace(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("\n".join(line[4:] for line in INTERRUPTED.splitlines()))
    pids = tmp_path / "pids"
    proc = subprocess.Popen([sys.executable, str(script), str(pids)], stdout=subprocess.PIPE, text=True)
    assert until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    alive = [int(word) for word in pids.read_text().split()]
    proc.send_signal(signal.SIGINT)
    assert proc.communicate(timeout=20)[0] == "interrupted\n"
    assert not any(is_alive(pid) for pid in alive)
    assert "term" in pids.read_text()


@pytest.mark.parametrize("call", ["run", "Popen", "thread"])
def test_nothing_survives_the_kill_of_the_interpreter(tmp_path, call):
    pids = tmp_path / "pids"
    shell = f"({PIDS} echo $$) > {pids}; wait; sleep 300"
    code = {
        "run": f"import fell; fell.run(['sh', '-c', {shell!r}], grace=0.5)",
        "Popen": f"import fell; p = fell.Popen(['sh', '-c', {shell!r}], grace=0.5); import time; time.sleep(300)",
        "thread": "import fell, threading, time\n"
        f"threading.Thread(target=fell.run, args=(['sh', '-c', {shell!r}],), kwargs=dict(grace=0.5)).start()\n"
        "time.sleep(300)",
    }[call]
    proc = subprocess.Popen([sys.executable, "-c", code])
    assert until(lambda: pids.exists() and len(pids.read_text().split()) == 4)
    alive = [int(word) for word in pids.read_text().split()]
    assert all(is_alive(pid) for pid in alive)
    proc.kill()
    proc.wait()
    assert until(lambda: not any(is_alive(pid) for pid in alive))


def test_descriptors_and_processes_do_not_grow():
    def cycle():
        fell.run(["sh", "-c", "sleep 60 & echo x"], capture_output=True, settle=0)

    cycle()
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(50):
        cycle()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_callers_environment_is_given(monkeypatch):
    monkeypatch.setenv("SET_BY_PYTHON", "yes")
    assert fell.run(["printenv", "SET_BY_PYTHON"], stdout=fell.PIPE).stdout == b"yes\n"


def test_runs_in_runs(tmp_path):
    inner = "import fell; fell.run(['sh', '-c', 'setsid sleep 300 & echo $!'], leftovers='allow')"
    done = fell.run([sys.executable, "-c", inner], capture_output=True, text=True)
    assert not is_alive(int(done.stdout))
    assert Path("/proc/self").exists()
