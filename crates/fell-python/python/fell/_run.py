"""`subprocess.run` with the promise that nothing which the command started outlives it."""

from __future__ import annotations

import inspect
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Literal

from fell._report import Outcome, Process, RunReport
from fell._session import Coding, Command, Environment, Session, Stream, Terms, Word, names

if TYPE_CHECKING:
    import asyncio

    from typing_extensions import ParamSpec

    _Arguments = ParamSpec("_Arguments")


class RunError(subprocess.SubprocessError):
    """The end of the command was not seen: its guardian was killed from outside. The tree was ended all the same."""

    def __init__(self, cmd: Any, report: RunReport) -> None:
        super().__init__(f"the guardian of {cmd!r} was killed")
        self.cmd = cmd
        self.report = report


class TimeoutExpired(subprocess.TimeoutExpired):
    """The command did not end within the limit, or was silent for as long as it may be. All of it was ended."""

    report: RunReport
    """What became of the tree; its ``cause`` is ``timed-out`` or ``idle``."""

    def __init__(self, cmd: Any, timeout: float, report: RunReport, output: Any = None, stderr: Any = None) -> None:
        super().__init__(cmd, timeout, output=output, stderr=stderr)
        self.report = report

    @property
    def tree(self) -> tuple[Process, ...]:
        """The tree as it stood at the limit, before anything was signalled."""
        return self.report.tree or ()

    def __str__(self) -> str:
        what = "was silent for" if self.report.cause == "idle" else "timed out after"
        tree = ", ".join(f"{one.pid} {one.name} ({one.state})" for one in self.tree)
        summary = self.report.kill.summary if self.report.kill else "nothing was alive"
        return f"Command {self.cmd!r} {what} {self.timeout} seconds; running: {tree or 'nothing'}; {summary}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.cmd, self.timeout, self.report, self.output, self.stderr)


class LeftoversError(subprocess.CalledProcessError):
    """The command succeeded, and left processes behind although it must not, or such that can't be ended."""

    report: RunReport

    def __init__(self, cmd: Any, report: RunReport, output: Any = None, stderr: Any = None) -> None:
        super().__init__(0, cmd, output=output, stderr=stderr)
        self.report = report

    @property
    def leftovers(self) -> tuple[Outcome, ...]:
        """What was alive when the command had ended by itself, but for what may stay."""
        return tuple(one for one in self.report.leftovers if one.outcome != "spared")

    def __str__(self) -> str:
        left = ", ".join(f"{one.pid} {one.name} ({one.detail})" for one in self.leftovers or self.report.survivors)
        return f"Command {self.cmd!r} succeeded, and left behind: {left}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.cmd, self.report, self.output, self.stderr)


class CompletedProcess(subprocess.CompletedProcess[Any]):
    """A command that has ended, with all that it started."""

    report: RunReport
    """What became of the tree, leftovers included."""

    def __init__(self, args: Any, returncode: int, report: RunReport, stdout: Any = None, stderr: Any = None) -> None:
        super().__init__(args, returncode, stdout, stderr)
        self.report = report


def run(
    args: Command,
    *,
    stdin: Stream = None,
    input: str | bytes | bytearray | memoryview | None = None,
    stdout: Stream = None,
    stderr: Stream = None,
    capture_output: bool = False,
    shell: bool = False,
    cwd: Word | None = None,
    timeout: float | None = None,
    check: bool = False,
    encoding: str | None = None,
    errors: str | None = None,
    text: bool | None = None,
    env: Environment | None = None,
    universal_newlines: bool | None = None,
    grace: float = 5.0,
    idle_timeout: float | None = None,
    leftovers: Literal["kill", "fail", "warn", "allow"] = "kill",
    allow: str | Iterable[str] = (),
    signal: int | str = "TERM",
    settle: float = 0.5,
    contain: Literal["auto", "cgroup", "reaper", "group"] = "auto",
    foreground: bool | None = None,
) -> CompletedProcess:
    """Run a command, wait for its end, and leave nothing of it behind.

    The arguments that `subprocess.run` has as well mean the same here. When this returns or raises, no process that the
    command started is alive: none that left its session, none that ignores TERM, none that holds the pipe. If this
    interpreter is killed meanwhile, even by KILL, they are ended all the same. An exception such as KeyboardInterrupt
    ends the tree in grace, and goes on when that is done; a second one makes it use force.

    Args:
        args: The command: a list of words, or one word; with `shell`, a text for ``/bin/sh``.
        timeout: The limit on the wall clock, in seconds.
        idle_timeout: The limit on silence: no output on stdout and stderr for so many seconds.
        grace: How long the tree may take to obey the first signal, in seconds, before force is used.
        signal: The first signal: a number, or a name as ``"TERM"``.
        leftovers: What living descendants mean after the command has ended by itself: ``kill`` ends them; ``fail`` ends
            them and raises; ``warn`` ends them and says so in the log; ``allow`` leaves them alone.
        allow: Names of leftovers that may stay.
        settle: How long descendants may take to end by themselves before they count as leftovers, in seconds.
        contain: Which containment to use: all that the host gives, or this one alone.
        foreground: Whether the command stays in this process's group, where the terminal is; by default if it is there.
        stdin: As `subprocess.run` has it, and so the others that are not named here.

    Returns:
        As `subprocess.run`, with a ``report`` besides.

    Raises:
        TimeoutExpired: A limit was reached. It is a `subprocess.TimeoutExpired` with ``report``, and ``tree``: what
            hung.
        subprocess.CalledProcessError: The command failed, and `check` was asked for.
        LeftoversError: The command succeeded and left processes behind, and `leftovers` is ``fail``; or one of them
            can't be ended, and `check` was asked for.
        RunError: The guardian of the run was killed from outside.
        OSError: The command can't be executed, or a step of the set-up failed.
        ValueError: The arguments make no sense. Nothing was started then.
    """
    options = dict(locals())
    return _job(options.pop("args"), **options).complete()


def _with_arguments_of(
    model: Callable[_Arguments, CompletedProcess],
) -> Callable[
    [Callable[..., Coroutine[Any, Any, CompletedProcess]]],
    Callable[_Arguments, Coroutine[Any, Any, CompletedProcess]],
]:
    """Give a function the signature of another."""

    def give(
        function: Callable[..., Coroutine[Any, Any, CompletedProcess]],
    ) -> Callable[_Arguments, Coroutine[Any, Any, CompletedProcess]]:
        function.__signature__ = inspect.signature(model)  # type: ignore[attr-defined]
        return function

    return give


@_with_arguments_of(run)
def arun(args: Command, **options: Any) -> Coroutine[Any, Any, CompletedProcess]:
    """Do the same as `run` without blocking the event loop: asyncio's, or uvloop's.

    Takes the arguments of `run`. A thread serves the run. Cancelling the task ends the tree in grace, and the task goes
    on when that is done; cancelled again meanwhile, it uses force.
    """
    return _arun(args, **options)


async def _arun(args: Command, **options: Any) -> CompletedProcess:
    # Whoever never calls this shall not wait for it.
    import asyncio

    job = _job(args, **options)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[CompletedProcess] = loop.create_future()

    def tell(result: CompletedProcess | None, error: BaseException | None) -> None:
        if error is not None:
            ended.set_exception(error)
        elif result is not None:
            ended.set_result(result)

    def serve() -> None:
        try:
            outcome: tuple[CompletedProcess | None, BaseException | None] = (job.complete(), None)
        except BaseException as error:
            outcome = (None, error)
        try:
            loop.call_soon_threadsafe(tell, *outcome)
        except RuntimeError:
            # The loop was closed, and nobody waits any more.
            return

    threading.Thread(target=serve, name="fell.arun", daemon=True).start()
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        job.session.cancel()
        while not ended.done():
            try:
                await asyncio.wait([ended])
            except asyncio.CancelledError:
                job.session.cancel()
        # Seen, though it is not what the caller gets.
        ended.exception()
        raise


def _job(
    args: Command,
    *,
    timeout: float | None = None,
    grace: float = 5.0,
    idle_timeout: float | None = None,
    leftovers: str = "kill",
    allow: str | Iterable[str] = (),
    signal: int | str = "TERM",
    settle: float = 0.5,
    contain: str = "auto",
    foreground: bool | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    text: bool | None = None,
    universal_newlines: bool | None = None,
    **streams: Any,
) -> _Job:
    """Start what `run` was called with."""
    return _Job(
        args,
        coding=Coding.of(text, universal_newlines, encoding, errors),
        terms=Terms(grace, timeout, idle_timeout, leftovers, names(allow), signal, settle, contain, foreground),
        **streams,
    )


class _Job:
    """A command that was started by `run` or `arun`, and what is to be made of its end."""

    def __init__(
        self,
        args: Command,
        *,
        coding: Coding,
        terms: Terms,
        stdin: Stream = None,
        input: str | bytes | bytearray | memoryview | None = None,
        stdout: Stream = None,
        stderr: Stream = None,
        capture_output: bool = False,
        shell: bool = False,
        cwd: Word | None = None,
        check: bool = False,
        env: Environment | None = None,
    ) -> None:
        if input is not None:
            if stdin is not None:
                raise ValueError("stdin and input arguments may not both be used.")
            stdin = subprocess.PIPE
        if capture_output:
            if stdout is not None or stderr is not None:
                raise ValueError("stdout and stderr arguments may not be used with capture_output.")
            stdout = stderr = subprocess.PIPE
        data = coding.encoded(input)
        self._args = args
        self._coding = coding
        self._terms = terms
        self._check = check
        self.session = session = Session(
            args, shell=shell, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr, terms=terms
        )
        if session.stdin is not None:
            number, session.stdin = session.stdin, None
            session.pipes.write_to(number, data)
        for near in (session.stdout, session.stderr):
            if near is not None:
                session.pipes.read_from(near)

    def complete(self) -> CompletedProcess:
        """Serve the run to its end."""
        session = self.session
        try:
            try:
                report = session.drive()
            except BaseException as error:
                session.end("INT" if isinstance(error, KeyboardInterrupt) else None)
                raise
            assert report is not None
            output, errors = (
                None if near is None else session.pipes.output_of(near) for near in (session.stdout, session.stderr)
            )
        finally:
            session.close()
        return self._judge(report, output, errors)

    def _judge(self, report: RunReport, output: bytes | None, errors: bytes | None) -> CompletedProcess:
        limit = {"timed-out": self._terms.timeout, "idle": self._terms.idle_timeout}.get(report.cause)
        if limit is not None:
            # Bytes, whatever was asked for: as `subprocess.run` has it.
            raise TimeoutExpired(self._args, limit, report, output, errors)
        returncode = report.returncode
        if returncode is None:
            raise RunError(self._args, report)
        stdout, stderr = self._coding.decoded(output), self._coding.decoded(errors)
        if returncode and self._check:
            raise subprocess.CalledProcessError(returncode, self._args, stdout, stderr)
        if not returncode:
            left = any(one.outcome != "spared" for one in report.leftovers)
            if (left and self._terms.leftovers == "fail") or (self._check and not report.clean):
                raise LeftoversError(self._args, report, stdout, stderr)
        return CompletedProcess(self._args, returncode, report, stdout, stderr)
