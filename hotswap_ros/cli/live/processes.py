# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Child processes that end with this process."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import get_package_prefix

_PR_SET_PDEATHSIG = 1


def use_separate_domain() -> str:
    """
    Separate this process and its children from other robots; return the ROS domain.

    Real robots may be in the domain of the shell. The new domain is one that robots rarely use,
    and that no process on this machine uses.
    """
    numbers = [70 + (os.getpid() + step) % 30 for step in range(30)]
    domain = str(next(filter(_is_unused, numbers), numbers[0]))
    os.environ['ROS_DOMAIN_ID'] = domain
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    return domain


def _is_unused(domain: int) -> bool:
    """Return whether the port of a domain's first participant is free (DDSI-RTPS, 9.6.1.1)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        try:
            port.bind(('', 7400 + 250 * domain + 10))
        except OSError:
            return False
    return True


class Processes:
    """
    Programs with their output in files, which are stopped on exit.

    Each program has its own session: Ctrl-C reaches only this process, which stops the others in
    order. If this process is killed, the kernel stops them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a program; its output goes to `<folder>/<name>.log`."""
        with self.log(name).open('wb') as log:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def start_node(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Start a node of this package with its parameters."""
        program = Path(get_package_prefix('hotswap_ros')) / 'lib' / 'hotswap_ros' / name
        path = self._folder / f'{name}.yaml'
        path.write_text(yaml.safe_dump({'/**': {'ros__parameters': parameters}}))
        self.start(name, [str(program), '--ros-args', '--params-file', str(path)])

    def log(self, name: str) -> Path:
        """Return the file with a program's output."""
        return self._folder / f'{name}.log'

    def ended(self) -> str:
        """Return the name of a program that has ended, empty while all run."""
        return next((n for n, p in self._running.items() if p.poll() is not None), '')

    def stop(self, timeout_s: float = 3.0) -> None:
        """Stop every program, first with SIGINT, then with SIGKILL."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        give_up_at = time.monotonic() + timeout_s
        for process in self._running.values():
            try:
                process.wait(max(0.0, give_up_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
