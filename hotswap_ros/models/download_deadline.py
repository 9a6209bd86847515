# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The deadline of a download, in total and for its progress."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Final

from hotswap_ros.limits import DOWNLOAD_BYTES_PER_S

#: Bytes that are read at once: few enough that a slow connection brings them in a few seconds.
_PIECE_BYTES: Final = 1 << 16


class Counted:
    """A file that tells a deadline what it reads, in pieces."""

    def __init__(self, file: IO[bytes], deadline: Deadline) -> None:
        self._file = file
        self._deadline = deadline

    def read(self, size: int) -> bytes:
        """Read so many bytes, or up to the end of the file."""
        pieces = []
        while size and (piece := self._file.read(min(size, _PIECE_BYTES))):
            self._deadline.count(len(piece))
            pieces.append(piece)
            size -= len(piece)
        return b''.join(pieces)


class Deadline:
    """
    The end of a request, whatever the server does: a byte now and then, or headers without end.

    A timeout of a socket starts anew with each byte; this one closes the connection, after
    `within_s`, or after `quiet_s` in which less came than is needed (seconds).
    """

    def __init__(self, within_s: float, quiet_s: float) -> None:
        self._within_s = within_s
        self._quiet_s = min(quiet_s, within_s)
        self._count = 0
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_done = threading.Event()
        self._why = ''
        self._thread = threading.Thread(target=self._watch, name='deadline of a download')
        self._thread.daemon = True

    def __enter__(self) -> Deadline:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_done.set()

    def count(self, size: int) -> None:
        """Note that so many bytes have come."""
        self._count += size

    def _watch(self) -> None:
        ends_s = time.monotonic() + self._within_s
        needed = self._quiet_s * DOWNLOAD_BYTES_PER_S
        while (left_s := ends_s - time.monotonic()) > 0:
            before = self._count
            if self._is_done.wait(min(left_s, self._quiet_s)):
                return
            if left_s > self._quiet_s and self._count - before < needed:
                self._end(
                    f'it sent {self._count - before:,} bytes in {self._quiet_s:.0f} s, and '
                    f'{needed:,.0f} are needed'
                )
                return
        self._end(f'it did not finish within {self._within_s:.0f} s')

    def watch(self, connection: socket.socket) -> None:
        """Close the connection when the time is over."""
        with self._lock:
            self._sockets.append(connection)
        if self._why:
            self._end(self._why)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what a closed connection raises into a TimeoutError."""
        try:
            yield
        except (OSError, http.client.HTTPException, ValueError) as error:
            if self._why:
                raise TimeoutError(self._why) from error
            if type(error) is ValueError:  # from http.client, for lengths below zero
                raise http.client.HTTPException(f'its answer is not HTTP: {error}') from error
            raise
        if self._why:
            raise TimeoutError(self._why)

    def _end(self, why: str) -> None:
        self._why = why
        with self._lock:
            for connection in self._sockets:
                # Of the connection below TLS, whose own method is not for two threads.
                with suppress(OSError):  # where it is closed already
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
