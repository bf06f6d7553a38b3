"""`subprocess.Popen` with the promise that nothing which the command started outlives the block."""

from __future__ import annotations

import io
import os
import subprocess
import time
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Any, Literal

from fell._report import Process, RunReport
from fell._session import Coding, Command, Environment, Session, Stream, Terms, Word, names

_EXEC_LIMIT = 5.0
"""How long to wait for the command to be executed, in seconds; what is seen later, `wait` raises."""


class Popen:
    """A command that runs while this process goes on.

    As `subprocess.Popen`, with these differences:

    - Leaving the ``with`` block does not wait for the command: it ends the tree, in grace. `wait` for it in the block.
    - `terminate` and `kill` mean the tree. `send_signal` means the command alone.
    - The command has ended, for `poll`, `wait` and `communicate`, when all that it started has. Leftovers are ended
      while one of these is called.
    - If this interpreter is killed, even by KILL, the tree is ended all the same.

    The objects of one run are for one thread at a time.
    """

    def __init__(
        self,
        args: Command,
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        shell: bool = False,
        cwd: Word | None = None,
        env: Environment | None = None,
        encoding: str | None = None,
        errors: str | None = None,
        text: bool | None = None,
        universal_newlines: bool | None = None,
        grace: float = 5.0,
        leftovers: Literal["kill", "warn", "allow"] = "kill",
        allow: str | Iterable[str] = (),
        signal: int | str = "TERM",
        settle: float = 0.5,
        contain: Literal["auto", "cgroup", "reaper", "group"] = "auto",
        foreground: bool | None = None,
    ) -> None:
        """Start the command. The arguments are those of `run`.

        Raises:
            OSError: The command can't be executed, or a step of the set-up failed.
            ValueError: The arguments make no sense. Nothing was started then.
        """
        self.args = args
        self._coding = Coding.of(text, universal_newlines, encoding, errors)
        terms = Terms(
            grace=grace,
            leftovers=leftovers,
            allow=names(allow),
            signal=signal,
            settle=settle,
            contain=contain,
            foreground=foreground,
        )
        executed, far = os.pipe()
        try:
            try:
                self._session = Session(
                    args, shell=shell, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr, terms=terms
                )
            finally:
                os.close(far)
            self._await_exec(executed)
        finally:
            os.close(executed)
        self.stdin = self._file("stdin", "wb")
        self.stdout = self._file("stdout", "rb")
        self.stderr = self._file("stderr", "rb")
        self._communication_started = False

    def _await_exec(self, executed: int) -> None:
        """Wait until the far end of the pipe, which is closed on exec, is nowhere open any more."""
        session = self._session
        try:
            deadline = time.monotonic() + _EXEC_LIMIT
            os.set_blocking(executed, False)
            while session.report is None and not _is_at_end(executed) and time.monotonic() < deadline:
                session.take(session.run.wait(deadline - time.monotonic(), executed))
            if session.drive(0.0) is None and session.run.has_failed():
                session.drive()
            pid = session.report.pid if session.report else session.run.pid
            if pid is None:
                raise RuntimeError("the command's PID is not known")
            self.pid: int = pid
        except BaseException:
            session.end()
            session.close()
            raise

    def _file(self, name: str, mode: Literal["rb", "wb"]) -> IO[Any] | None:
        number: int | None = getattr(self._session, name)
        if number is None:
            return None
        # From here on the file owns it.
        setattr(self._session, name, None)
        file = os.fdopen(number, mode)
        if self._coding.encoding is None:
            return file
        return io.TextIOWrapper(
            file, self._coding.encoding, self._coding.errors, write_through=True, line_buffering=mode == "wb"
        )

    @property
    def report(self) -> RunReport | None:
        """What became of the tree; None while the run is not over."""
        return self._session.report

    @property
    def returncode(self) -> int | None:
        """The exit code, or the negative number of the signal that the command died of; None before the run is over."""
        return None if self.report is None else self.report.returncode

    def tree(self) -> tuple[Process, ...]:
        """Look at the command and all that descends from it."""
        return () if self.report else self._session.look()

    def poll(self) -> int | None:
        """Give the return code if the run is over, and None otherwise."""
        self._session.drive(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until the run is over, and give the return code; None if the end of the command was not seen.

        Raises:
            subprocess.TimeoutExpired: `timeout` seconds have passed. Nothing was ended.
        """
        if self._session.drive(timeout) is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Write `input` to the command, read all that it writes, and wait until the run is over. Closes the pipes.

        A process that holds a pipe open and may stay is not waited for.

        Raises:
            subprocess.TimeoutExpired: `timeout` seconds have passed. Nothing was ended or lost: it may be called again.
        """
        pipes = self._session.pipes
        if self._communication_started and input:
            raise ValueError("Cannot send input after starting communication")
        if not self._communication_started:
            data = self._coding.encoded(input)
            self._communication_started = True
            if self.stdin is not None and not self.stdin.closed:
                self._flush(self.stdin)
                # The file is left without a descriptor, which the pipes close.
                pipes.write_to(os.dup(self.stdin.fileno()), data)
                self._close(self.stdin)
            for file in (self.stdout, self.stderr):
                if file is not None:
                    pipes.read_from(file.fileno())
        if self._session.drive(timeout) is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        pipes.drain()
        output, errors = (
            None if file is None else self._coding.decoded(pipes.output_of(file.fileno()))
            for file in (self.stdout, self.stderr)
        )
        self._close_files()
        return output, errors

    def send_signal(self, signal: int) -> None:
        """Send the command itself a signal. Does nothing if it has ended."""
        if self.poll() is None:
            try:
                self._session.run.send_signal(signal)
            except ProcessLookupError:
                return

    def terminate(self) -> None:
        """Begin to end the tree, in grace. Goes on while `wait` or `poll` is called."""
        if self.report is None:
            self._session.run.terminate(self._session.terms.signal)

    def kill(self) -> None:
        """Begin to end the tree by force. Goes on while `wait` or `poll` is called."""
        if self.report is None:
            self._session.run.force()

    def end(self) -> RunReport | None:
        """End the tree in grace, and then by force; wait for that, and give the report."""
        self._session.end()
        return self.report

    def __enter__(self) -> Popen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._session.end("INT" if kind is not None and issubclass(kind, KeyboardInterrupt) else None)
        finally:
            self._close_files()
            self._session.close()

    def __repr__(self) -> str:
        return f"<fell.Popen: returncode: {self.returncode} args: {self.args!r}>"

    def _close_files(self) -> None:
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                self._close(file)

    @staticmethod
    def _flush(file: IO[Any]) -> None:
        try:
            file.flush()
        except BrokenPipeError:
            return

    @staticmethod
    def _close(file: IO[Any]) -> None:
        try:
            file.close()
        except BrokenPipeError:
            # What was not written yet does not interest anybody any more.
            return


def _is_at_end(number: int) -> bool:
    try:
        return os.read(number, 1) == b""
    except BlockingIOError:
        return False
