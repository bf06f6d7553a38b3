"""The near ends of a command's pipes, served without a thread."""

from __future__ import annotations

import fcntl
import os
import select
import threading
import time

_PORTION = 1 << 16
_WIDE = 1 << 20
"""What a pipe can hold by Linux's default limit, in bytes."""
_F_SETPIPE_SZ = 1031


class Pipes:
    """Reads what a command writes, and writes what it is to read, whenever its epoll descriptor says that it can.

    Who else holds a far end open does not matter: after the run is over, only what is in the pipes already is read.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._read: dict[int, list[bytes]] = {}
        self._open: set[int] = set()
        self._writer: int | None = None
        self._rest = memoryview(b"")
        self._bell, self._clapper = os.pipe()
        self._epoll.register(self._bell, select.EPOLLIN)
        self._rung = False
        self._closed = False
        self._lock = threading.Lock()
        self.last_output = time.monotonic()

    def fileno(self) -> int:
        """Give the descriptor that is readable when `step` has something to do."""
        return self._epoll.fileno()

    def read_from(self, number: int) -> None:
        """Read from this descriptor, which stays the caller's, until its end."""
        if number not in self._read:
            os.set_blocking(number, False)
            self._read[number] = []
            self._open.add(number)
            self._epoll.register(number, select.EPOLLIN)

    def write_to(self, number: int, data: bytes) -> None:
        """Write this to the descriptor, and close it then."""
        if data:
            os.set_blocking(number, False)
            self._writer = number
            self._rest = memoryview(data)
            self._epoll.register(number, select.EPOLLOUT)
        else:
            os.close(number)

    def ring(self) -> None:
        """Wake up who waits; from any thread."""
        with self._lock:
            if not self._closed:
                os.write(self._clapper, b"!")

    def step(self) -> bool:
        """Do what can be done at once. True if somebody has rung since the last step."""
        for number, _ in self._epoll.poll(0):
            if number == self._bell:
                os.read(self._bell, _PORTION)
                self._rung = True
            elif number == self._writer:
                self._write()
            elif number in self._open:
                self._read_portion(number)
        rung, self._rung = self._rung, False
        return rung

    def output_of(self, number: int) -> bytes:
        """Give what was read from this descriptor so far."""
        return b"".join(self._read[number])

    def drain(self) -> None:
        """Read what is in the pipes, and stop writing. Nobody is waited for."""
        for number in list(self._open):
            # One who may stay and goes on writing is not waited for, either.
            for _ in range(_WIDE // _PORTION + 1):
                if not self._read_portion(number):
                    break
        self.stop_writing()

    def stop_writing(self) -> None:
        """Close what was being written to."""
        if self._writer is not None:
            self._epoll.unregister(self._writer)
            os.close(self._writer)
            self._writer = None

    def close(self) -> None:
        """Let go of all that is its own."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.stop_writing()
        self._epoll.close()
        for number in (self._bell, self._clapper):
            os.close(number)

    def _read_portion(self, number: int) -> bool:
        try:
            data = os.read(number, _PORTION)
        except BlockingIOError:
            return False
        if not data:
            self._epoll.unregister(number)
            self._open.discard(number)
            return False
        self._read[number].append(data)
        self.last_output = time.monotonic()
        return True

    def _write(self) -> None:
        assert self._writer is not None
        try:
            self._rest = self._rest[os.write(self._writer, self._rest[:_PORTION]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            # It does not want to know; as `subprocess` has it, that is no error.
            self._rest = memoryview(b"")
        if not self._rest:
            self.stop_writing()


def widen(number: int) -> None:
    """Let a pipe hold as much as it can."""
    try:
        fcntl.fcntl(number, _F_SETPIPE_SZ, _WIDE)
    except OSError:
        # This user has many wide pipes already.
        return
