# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Servers and clients as child processes, which are stopped when they are no longer needed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parents[1] / 'peers'
_PATIENCE_S = 60.0


class PeerError(Exception):
    """A server or a client failed."""


def free_port() -> int:
    """Return a port that no process listens on."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(
    command: list[str], log: Path, *, is_ours: bool = False, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a command beside this one, in its own Python's environment unless it `is_ours`."""
    env = dict(os.environ)
    if not is_ours:
        for name in ('PYTHONPATH', 'LD_LIBRARY_PATH', 'VIRTUAL_ENV'):
            env.pop(name, None)
        env['PATH'] = f'{Path(command[0]).parent}:{env["PATH"]}'
    with log.open('w') as file:
        started = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if log.name.startswith('client') else file,
            stderr=file,
            env=env | environment,
            cwd=PEERS,
            text=True,
            start_new_session=True,
        )
        try:
            yield started
        finally:
            _stop(started)


def _stop(started: subprocess.Popen[str]) -> None:
    # The whole group: some of these servers start workers, and not all of them end them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(timeout=5.0)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    for pipe in (started.stdin, started.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


class Client:
    """A client in its own process, which sends requests on command."""

    def __init__(self, name: str, started: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = started
        self.decision = self._read()

    def ask(self, times: int) -> dict[str, Any]:
        """Return the duration of each of this number of requests. Raises PeerError."""
        self.begin(str(times))
        return self._read()

    def begin(self, line: str = 'begin') -> None:
        """Start sending requests, until `end`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f'{line}\n')
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Return the duration of each request since `begin`. Raises PeerError."""
        self.begin('end')
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        watchdog = threading.Timer(_PATIENCE_S, self._process.kill)
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        if not line:
            raise PeerError(f'{self.name}: no answer, exit code {self._process.poll()}')
        return json.loads(line)


@contextlib.contextmanager
def client(kind: str, address: str, python: str, log: Path) -> Iterator[Client]:
    """Run a client of a server. Raises PeerError when it gets no first answer."""
    is_ours = python == sys.executable
    with process([python, 'ask.py', kind, address], log, is_ours=is_ours) as started:
        yield Client(log.stem, started)
