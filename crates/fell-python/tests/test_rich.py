import os
import subprocess

import pytest
from conftest import grown

import fell


def test_a_report_tells_of_each(classic):
    report = fell.kill_tree(classic.pid, grace=3.0)
    assert report.clean
    assert report.survivors == ()
    assert len(report.felled) == 3
    assert report.processes[0].pid == classic.pid
    assert {one.outcome for one in report.processes} == {"exited"}
    assert report.processes[0].uncollected_by == os.getpid()
    assert str(report).startswith(f"process tree {classic.pid}: felled 3 of 3")
    assert report.document["id"].startswith(f"{classic.pid}:")


def test_an_identity_names_a_process(classic):
    own = fell.tree(classic.pid).parent.id
    other = f"{classic.pid}:1"
    assert fell.kill_tree(other).processes == ()
    assert classic.poll() is None
    assert len(fell.kill_tree(own, signal="KILL").felled) == 3
    assert classic.wait() == -9


def test_own_children_may_be_ended_without_oneself():
    proc = subprocess.Popen(["sh", "-c", "sleep 60 & wait"])
    grown(proc.pid, 1)
    report = fell.kill_tree(os.getpid(), include_parent=False)
    assert report.clean
    assert report.processes[0].outcome == "spared"
    assert {one.pid for one in report.felled} >= {proc.pid}
    assert proc.wait() == -15


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"grace": -1}, ValueError),
        ({"signal": "NONE"}, ValueError),
        ({"signal": 0}, ValueError),
        ({"signal": 1.5}, TypeError),
        ({"force_limit": "x"}, TypeError),
    ],
)
def test_bad_arguments_signal_nothing(classic, options, error):
    with pytest.raises(error):
        fell.kill_tree(classic.pid, **options)
    assert classic.poll() is None


@pytest.mark.parametrize("pid", [1, os.getppid()])
def test_nobody_elses_descendants_are_ended(pid):
    with pytest.raises(ValueError, match="not to be ended"):
        fell.kill_tree(pid, include_parent=False)


def test_a_tree_has_details(classic):
    tree = fell.tree(classic.pid)
    assert tree.total_count == 3
    assert tree.parent.command_line[0] == "sh"
    assert tree.parent.rss > 0
    assert tree.gaps == ()
    with pytest.raises(ProcessLookupError):
        fell.tree(f"{classic.pid}:1")


def test_secrets_are_hidden():
    proc = subprocess.Popen(["sh", "-c", "sleep 60; :", "--password=hunter2"])
    assert "hunter2" not in str(fell.tree(proc.pid).parent.command_line)
    assert "hunter2" in str(fell.tree(proc.pid, redact=False).parent.command_line)
    fell.kill_tree(proc.pid)
    proc.wait()


def test_doctor():
    doctor = fell.doctor()
    assert "proc" in doctor
    assert "nonsense" not in doctor
    assert all(one.meaning for one in doctor.abilities)
