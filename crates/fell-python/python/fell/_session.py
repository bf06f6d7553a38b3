"""One run of a command: what `run`, `arun` and `Popen` share."""

from __future__ import annotations

import json
import locale
import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Union

from fell import _fell
from fell._log import logger
from fell._pipes import Pipes, widen
from fell._report import Process, RunReport

Word = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Command = Union[Word, Sequence[Word]]
Stream = Union[int, IO[Any], None]
Environment = Union[Mapping[str, Word], Mapping[bytes, Word]]

_INHERITED = -1
_NOTHING = -3
_FAR_AHEAD = 3600.0
"""How long to wait at a time where there is nothing to look for, in seconds."""


@dataclass(frozen=True)
class Terms:
    """How a command is run. All times are in seconds."""

    grace: float = 5.0
    timeout: float | None = None
    idle_timeout: float | None = None
    leftovers: str = "kill"
    allow: tuple[str, ...] = ()
    signal: int | str = "TERM"
    settle: float = 0.5
    contain: str = "auto"
    foreground: bool | None = None


class Session:
    """A command that was started, and the near ends of its pipes, which are the owner's to close."""

    def __init__(
        self,
        command: Command,
        *,
        shell: bool,
        cwd: Word | None,
        env: Environment | None,
        stdin: Stream,
        stdout: Stream,
        stderr: Stream,
        terms: Terms,
    ) -> None:
        self.command = command
        self.report: RunReport | None = None
        self.pipes = Pipes()
        self._terms = terms
        self._orders = 0
        self.stdin: int | None = None
        self.stdout: int | None = None
        self.stderr: int | None = None
        far: list[int] = []
        try:
            stdin_number, self.stdin = _far_end(stdin, far, for_reading=True)
            stdout_number, self.stdout = _far_end(stdout, far)
            if stderr == subprocess.STDOUT:
                stderr_number = 1 if stdout_number == _INHERITED else stdout_number
            else:
                stderr_number, self.stderr = _far_end(stderr, far)
            # Who reads all of it sees its silence as well. Otherwise the engine looks, through pipes of its own, and
            # these must have room for what it passes on last, when nobody reads.
            self._looks_for_silence = self.stdout is not None and (
                self.stderr is not None or stderr == subprocess.STDOUT
            )
            engine_looks = terms.idle_timeout is not None and not self._looks_for_silence
            for number in (self.stdout, self.stderr):
                if engine_looks and number is not None:
                    widen(number)
            words = _words(command, shell)
            self._run = _fell.Run(
                words[0],
                words[1:],
                env=None if env is None else _environment(env),
                cwd=None if cwd is None else os.fsencode(cwd),
                stdin=stdin_number,
                stdout=stdout_number,
                stderr=stderr_number,
                timeout=terms.timeout,
                idle_timeout=terms.idle_timeout if engine_looks else None,
                grace=terms.grace,
                first=terms.signal,
                leftovers=terms.leftovers,
                allow=terms.allow,
                settle=terms.settle,
                contain=terms.contain,
                foreground=terms.foreground,
            )
        except BaseException:
            self.close()
            raise
        finally:
            for number in far:
                os.close(number)

    @property
    def run(self) -> _fell.Run:
        """The engine's side."""
        return self._run

    @property
    def terms(self) -> Terms:
        """How the command is run."""
        return self._terms

    def look(self) -> tuple[Process, ...]:
        """Look at the tree as it stands."""
        return tuple(Process.from_document(one) for one in json.loads(self._run.look()))

    def close(self) -> None:
        """Close the pipes."""
        self.pipes.close()
        for name in ("stdin", "stdout", "stderr"):
            number = getattr(self, name)
            if number is not None:
                setattr(self, name, None)
                os.close(number)

    def drive(self, limit: float | None = None) -> RunReport | None:
        """Serve the run until it is over, which gives the report, or until `limit` seconds have passed."""
        deadline = None if limit is None else time.monotonic() + limit
        while self.report is None:
            if self.pipes.step():
                self._obey()
            self.take(self._run.wait(self._next_wait(deadline), self.pipes.fileno()))
            if self.report is None and deadline is not None and time.monotonic() >= deadline:
                return None
        return self.report

    def end(self, signal: int | str | None = None) -> None:
        """End the tree in grace. An exception meanwhile, such as a second KeyboardInterrupt, makes it use force."""
        if self.report is not None:
            return
        try:
            self._run.terminate(self._terms.signal if signal is None else signal)
            self.drive()
        except _fell.RunOver:
            return
        except BaseException:
            if self.report is None:
                self._run.force()
                self.drive()
            raise

    def cancel(self) -> None:
        """Have the thread that drives the run end the tree: in grace, and asked again, by force."""
        self._orders += 1
        self.pipes.ring()

    def _obey(self) -> None:
        if self._orders > 1:
            self._run.force()
        elif self._orders:
            self._run.terminate(self._terms.signal)

    def _next_wait(self, deadline: float | None) -> float:
        now = time.monotonic()
        moments = [now + _FAR_AHEAD]
        if deadline is not None:
            moments.append(deadline)
        limit = self._terms.idle_timeout
        if limit is not None and self._looks_for_silence:
            silent_at = self.pipes.last_output + limit
            if now >= silent_at:
                # Once: who has ended and only has leftovers is not silent.
                self._looks_for_silence = False
                self._run.end_silent()
            else:
                moments.append(silent_at)
        return max(0.0, min(moments) - now)

    def take(self, text: str | None) -> None:
        """Take what a wait has given: the report, if the run is over."""
        if text is None:
            return
        report = RunReport.from_json(text)
        self.pipes.drain()
        self.report = report
        if not report.clean:
            for one in report.survivors:
                logger.warning("Run %s: still alive: %s %s: %s", report.run, one.pid, one.name, one.detail)
        if self._terms.leftovers == "warn":
            for one in report.leftovers:
                logger.warning("Run %s: left behind: %s %s: %s", report.run, one.pid, one.name, one.detail)
        logger.info("Run %s: %s", report.run, report)


def _far_end(stream: Stream, far: list[int], for_reading: bool = False) -> tuple[int, int | None]:
    """Give the descriptor for the command, and ours if there is a pipe. Far ends are for the caller to close."""
    if stream is None:
        return _INHERITED, None
    if stream == subprocess.DEVNULL:
        return _NOTHING, None
    if stream == subprocess.PIPE:
        reader, writer = os.pipe()
        ours, theirs = (writer, reader) if for_reading else (reader, writer)
        far.append(theirs)
        return theirs, ours
    if isinstance(stream, int):
        if stream < 0:
            raise ValueError(f"{stream} is no descriptor")
        return stream, None
    return stream.fileno(), None


def _words(command: Command, shell: bool) -> list[bytes]:
    """Give the words to execute, as `subprocess` has them."""
    words = [command] if isinstance(command, (str, bytes, os.PathLike)) else list(command)
    if not words:
        raise ValueError("the command is empty")
    encoded = [os.fsencode(word) for word in words]
    if any(b"\0" in word for word in encoded):
        raise ValueError("embedded null byte")
    return [b"/bin/sh", b"-c", *encoded] if shell else encoded


def _environment(env: Environment) -> list[tuple[bytes, bytes]]:
    pairs = [(os.fsencode(name), os.fsencode(value)) for name, value in env.items()]
    for name, _ in pairs:
        if not name or b"=" in name:
            raise ValueError("illegal environment variable name")
    return pairs


@dataclass(frozen=True)
class Coding:
    """How bytes become text, and back; or that they stay bytes."""

    encoding: str | None
    errors: str

    @classmethod
    def of(cls, text: bool | None, universal_newlines: bool | None, encoding: str | None, errors: str | None) -> Coding:
        """Take the arguments that `subprocess` has for it."""
        if text is not None and universal_newlines is not None and bool(text) != bool(universal_newlines):
            raise subprocess.SubprocessError("text and universal_newlines are the same, and say different things")
        if not (text or universal_newlines or encoding or errors):
            return cls(None, "strict")
        return cls(encoding or locale.getpreferredencoding(False), errors or "strict")

    def decoded(self, data: bytes | None) -> Any:
        """Give what the command wrote as the caller wants it."""
        if data is None or self.encoding is None:
            return data
        return data.decode(self.encoding, self.errors).replace("\r\n", "\n").replace("\r", "\n")

    def encoded(self, data: str | bytes | bytearray | memoryview | None) -> bytes:
        """Give what the command is to read."""
        if data is None:
            return b""
        if isinstance(data, str):
            if self.encoding is None:
                raise TypeError("a bytes-like object is required as input, not 'str': say text=True")
            return data.encode(self.encoding, self.errors)
        if self.encoding is not None:
            raise TypeError("a str is required as input where text is wanted")
        return bytes(data)


def names(allow: str | Iterable[str]) -> tuple[str, ...]:
    """Take one name, or several."""
    return (allow,) if isinstance(allow, str) else tuple(allow)
