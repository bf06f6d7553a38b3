"""A plugin for pytest: a test that leaves something behind fails, and a test that hangs is ended with its children.

``--fell-leaks=fail|warn|off`` (ini: ``fell_leaks``; default ``off``)
    A process, a zombie or a listening port that a test leaves behind makes it fail, or is told in a warning. The
    processes are ended in both cases. What a fixture of a wider scope has started may stay as long as the fixture does.
``@pytest.mark.fell_allow("redis-server", ports=[6379])``
    What this test may leave behind, by short name and by port; everything if nothing is named.
``--fell-timeout=SECONDS`` (ini: ``fell_timeout``)
    The limit for each of a test's set-up, call and tear-down. At the limit the children that the test has started are
    ended, and the test fails.

While leaks are looked for, orphans of the tests' children become children of the process that runs the tests.
"""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Generator
from types import FrameType
from typing import Any

import pytest

from fell._leaks import Allowance, Leaks, State, Watch, end_all
from fell._subreaper import become_subreaper

_OUTCOME = "fell_leak"


class FellLeakWarning(pytest.PytestWarning):
    """A test left something behind."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("fell", "processes that tests leave behind")
    group.addoption(
        "--fell-leaks",
        choices=("fail", "warn", "off"),
        default=None,
        help="what becomes of a test that leaves a process, a zombie or a listening port behind (default: off)",
    )
    group.addoption(
        "--fell-timeout",
        type=float,
        default=None,
        metavar="SECONDS",
        help="end a test that hangs, and the children that it has started, after so many seconds",
    )
    parser.addini("fell_leaks", "default of --fell-leaks", default="off")
    parser.addini("fell_timeout", "default of --fell-timeout", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Start what was asked for."""
    config.addinivalue_line("markers", "fell_allow(*names, ports=()): what this test may leave behind")
    leaks = config.getoption("--fell-leaks") or config.getini("fell_leaks")
    if leaks not in ("fail", "warn", "off"):
        raise pytest.UsageError(f"fell_leaks is fail, warn or off, not {leaks!r}")
    given = config.getoption("--fell-timeout")
    try:
        timeout = float(config.getini("fell_timeout") or 0) if given is None else given
    except ValueError as error:
        raise pytest.UsageError(f"fell_timeout is a number of seconds: {error}") from error
    if timeout < 0:
        raise pytest.UsageError("fell_timeout is not negative")
    if leaks != "off":
        config.pluginmanager.register(LeakPlugin(fails=leaks == "fail"), "fell-leaks")
    if timeout:
        config.pluginmanager.register(TimeoutPlugin(timeout), "fell-timeout")


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Count a leak as a failure, and not as an error of the tear-down."""
    if report.failed and any(name == _OUTCOME for name, _ in getattr(report, "user_properties", ())):
        return "failed", "F", "LEAKED"
    return None


class LeakPlugin:
    """Looks for what each test leaves behind."""

    def __init__(self, fails: bool) -> None:
        self._fails = fails
        self._watch = Watch()
        become_subreaper()
        os.register_at_fork(after_in_parent=self._note_fork)

    def _note_fork(self) -> None:
        self._watch.forked = True

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, None, None]:
        """Look before the test."""
        self._watch.forked = False
        self._before = self._watch.before_test()
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, None, None]:
        """Let what a fixture starts that outlives the test stay until the fixture is over."""
        if fixturedef.scope == "function":
            yield
            return
        kept = State({}, {})
        fixturedef.addfinalizer(lambda: self._watch.release(kept))
        with self._watch.keeping(kept):
            yield

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, None]:
        """Look after the tear-down."""
        outcome = yield
        leaks = self._watch.leaks(self._before, _allowance(item))
        if not leaks:
            return
        leaks.end()
        text = _text(item, leaks)
        if not self._fails:
            warnings.warn(FellLeakWarning(text), stacklevel=1)
        elif outcome.excinfo is None:
            item.user_properties.append((_OUTCOME, text))
            outcome.force_exception(pytest.fail.Exception(text, pytrace=False))


def _allowance(item: pytest.Item) -> Allowance | None:
    marks = list(item.iter_markers("fell_allow"))
    if not marks:
        return None
    names: list[str] = []
    ports: list[int] = []
    for mark in marks:
        if not mark.args and not mark.kwargs:
            return Allowance()
        given = mark.kwargs.get("ports", ())
        names += mark.args
        ports += [given] if isinstance(given, int) else list(given)
    # As the kernel keeps them.
    return Allowance(names=tuple(name[:15] for name in names), ports=tuple(ports))


def _text(item: pytest.Item, leaks: Leaks) -> str:
    lines = "\n".join(f"  {line}" for line in leaks.lines())
    ended = "\nThe processes were ended." if any(one["status"] != "zombie" for one in leaks.processes) else ""
    return f"{item.nodeid} left behind:\n{lines}{ended}"


class TimeoutPlugin:
    """Ends a test that hangs, and the children that it has started."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watch = Watch()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Limit the set-up."""
        self._before = self._watch.look()
        yield from self._limited(f"the set-up of {item.nodeid}")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Limit the call."""
        yield from self._limited(item.nodeid)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """Limit the tear-down."""
        yield from self._limited(f"the tear-down of {item.nodeid}")

    def _limited(self, what: str) -> Generator[None, None, None]:
        # Signals reach the main thread alone. In another, the children are ended, which is what most tests hang on.
        in_main = threading.current_thread() is threading.main_thread()
        if not in_main:
            timer = threading.Timer(self._seconds, self._end_children)
            timer.daemon = True
            timer.start()
            yield
            timer.cancel()
            return

        def give_up(_: int, __: FrameType | None) -> None:
            ended = self._end_children()
            names = "".join(f"\n  ended: {one}" for one in ended)
            pytest.fail(f"{what} took longer than {self._seconds:g} seconds{names}")

        former = signal.signal(signal.SIGALRM, give_up)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, former)

    def _end_children(self) -> list[str]:
        now = self._watch.look()
        new = [one for key, one in now.processes.items() if key not in self._before.processes]
        end_all(new)
        return [f"{one['pid']} {one['name']} ({one['status']})" for one in new]
