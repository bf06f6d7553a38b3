"""The plugin for pytest, in a pytest of its own."""

import pytest
from conftest import is_alive


def outcome(pytester, code, *options):
    pytester.makepyfile(code)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)


LEAKY = """
    import os, socket, subprocess, pytest
    import fell

    def test_clean():
        assert subprocess.run(["true"]).returncode == 0

    def test_process():
        proc = subprocess.Popen(["sleep", "300"])
        print("leaked", proc.pid)
        globals()["kept"] = proc

    def test_orphan():
        subprocess.run(["sh", "-c", "setsid sleep 301 &"])

    def test_zombie():
        proc = subprocess.Popen(["true"])
        globals()["zombie"] = proc

    def test_port():
        server = socket.create_server(("127.0.0.1", 0))
        globals()["server"] = server

    def test_clean_again():
        fell.run(["sh", "-c", "sleep 300 &"])

    def test_short_lived():
        subprocess.run(["sh", "-c", "sleep 0.1 &"])

    @pytest.mark.fell_allow("sleep")
    def test_allowed():
        subprocess.Popen(["sleep", "302"])

    @pytest.mark.fell_allow
    def test_allowed_all():
        subprocess.Popen(["sleep", "303"])
        globals()["other"] = socket.create_server(("127.0.0.1", 0))

    @pytest.fixture(scope="module")
    def server_process():
        proc = subprocess.Popen(["sleep", "304"])
        yield proc
        proc.kill()
        proc.wait()

    def test_fixture_one(server_process):
        assert server_process.poll() is None

    def test_fixture_two(server_process):
        assert server_process.poll() is None

    @pytest.fixture(scope="module")
    def forking_server():
        proc = subprocess.Popen(["sh", "-c", "read x; sleep 305 & echo; wait"], stdin=-1, stdout=-1)
        yield proc
        fell.kill_tree(proc.pid)
        proc.communicate()

    def test_a_fixtures_process_may_fork(forking_server):
        forking_server.stdin.write(b"\\n")
        forking_server.stdin.flush()
        forking_server.stdout.readline()

    def teardown_module():
        fell.kill_tree(os.getpid(), include_parent=False)
"""


@pytest.mark.parametrize("xdist", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_leaks_fail(pytester, xdist):
    if xdist:
        pytest.importorskip("xdist")
    result = outcome(pytester, LEAKY, "--fell-leaks=fail", *xdist)
    result.assert_outcomes(passed=12, failed=4)
    result.stdout.fnmatch_lines(
        [
            "*test_process left behind:*",
            "*process * sleep (sleeping), child of *",
            "*The processes were ended.*",
        ]
    )
    text = result.stdout.str()
    for name in ("test_process", "test_orphan", "test_zombie", "test_port"):
        assert f"{name} left behind:" in text
    assert "zombie" in text
    assert "on which this process listens" in text
    for name in ("test_clean", "test_allowed", "test_short_lived", "test_fixture_one", "test_fixture_two"):
        assert f"{name} left behind" not in text


def test_leaks_warn(pytester):
    result = outcome(pytester, LEAKY, "--fell-leaks=warn")
    assert result.ret == 0
    result.assert_outcomes(passed=12, warnings=4)
    result.stdout.fnmatch_lines(["*FellLeakWarning: *test_process left behind:*"])


def test_off_by_default(pytester):
    code = """
        import subprocess
        def test_one():
            globals()["kept"] = subprocess.Popen(["sleep", "0.5"])
        """
    outcome(pytester, code).assert_outcomes(passed=1)


def test_the_ini_file_may_ask_for_it(pytester):
    pytester.makeini("[pytest]\nfell_leaks = fail\nfell_timeout = 1\n")
    result = outcome(
        pytester,
        """
        import subprocess, time
        def test_one():
            subprocess.Popen(["sleep", "300"])
        def test_two():
            time.sleep(60)
        """,
    )
    result.assert_outcomes(passed=1, failed=2)


def test_a_fixture_that_forgets_its_process(pytester):
    result = outcome(
        pytester,
        """
        import subprocess, pytest
        @pytest.fixture(scope="module")
        def forgetful():
            return subprocess.Popen(["sleep", "300"])
        def test_one(forgetful): pass
        def test_two(forgetful): pass
        """,
        "--fell-leaks=fail",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*test_two left behind:*"])


def test_a_hung_test_is_ended_with_its_children(pytester):
    result = outcome(
        pytester,
        """
        import subprocess, time, pytest
        def test_waits_for_a_child():
            subprocess.run(["sh", "-c", "echo $$ > pid; sleep 300 & wait; sleep 300"])
        def test_sleeps():
            time.sleep(300)
        @pytest.fixture
        def slow():
            time.sleep(300)
        def test_fixture(slow): pass
        def test_quick(): pass
        """,
        "--fell-timeout=1",
    )
    result.assert_outcomes(passed=1, failed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_waits_for_a_child took longer than 1 seconds*", "*ended: * sleep (sleeping)*"])
    assert not is_alive(int((pytester.path / "pid").read_text()))


def test_bad_options(pytester):
    for option in ("--fell-leaks=maybe", "--fell-timeout=x", "--fell-timeout=-1"):
        assert outcome(pytester, "def test(): pass", option).ret == pytest.ExitCode.USAGE_ERROR
