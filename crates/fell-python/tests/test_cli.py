import shutil
import subprocess
import sys
import sysconfig

import pytest

import fell

MODULE = [sys.executable, "-m", "fell"]


def run(*words):
    return subprocess.run([*MODULE, *words], capture_output=True, text=True, timeout=60, check=False)


def test_it_is_the_command_line():
    assert run("--version").stdout == f"fell {fell.__version__}\n"
    done = run("run", "-t", "300ms", "--", "sh", "-c", "echo out; setsid sleep 300 & sleep 300")
    assert done.returncode == 124
    assert done.stdout == "out\n"
    assert "time limit of 300ms reached" in done.stderr
    assert run("run", "--", "sh", "-c", "exit 5").returncode == 5
    assert run("kill", "0").returncode == 2


def test_it_logs_when_asked():
    assert "already gone" in run("kill", "-v", "4194000").stderr


def test_a_closed_pipe_is_no_crash():
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m fell doctor | true"], stderr=subprocess.PIPE, check=False
    )
    assert b"Traceback" not in done.stderr
    assert b"panicked" not in done.stderr


def test_the_script_is_installed():
    script = shutil.which("fell", path=sysconfig.get_path("scripts"))
    if script is None:
        pytest.skip("fell was not installed here, but put in the path")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fell {fell.__version__}\n"


def test_ctrl_c_ends_it():
    proc = subprocess.Popen([*MODULE, "run", "--", "sh", "-c", "echo; sleep 300"], stdout=subprocess.PIPE)
    proc.stdout.readline()
    proc.send_signal(2)
    assert proc.wait(10) == 130
    proc.stdout.close()
