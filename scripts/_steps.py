# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Long commands that show a person what they are doing.

Standard library only, and nothing newer than Python 3.8: `bootstrap.py` runs on whatever there is.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Seconds between two signs of life: on a terminal they replace each other, elsewhere they add up.
_REFRESH_TERMINAL_S = 0.5
_REFRESH_PLAIN_S = 5.0


class Problem(Exception):
    """What stands in the way, in words for the person who typed the command."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        """Take the sentence, and the exit code that goes with it."""
        super().__init__(sentence)
        self.code = code


class Steps:
    """Numbered steps, each with its title, what it is at now, and the seconds that it took."""

    def __init__(self, total: int) -> None:
        """Announce nothing yet: the first step begins with `begin`."""
        self._total = total
        self._number = 0
        self._began = time.monotonic()
        self._terminal = sys.stdout.isatty()

    def begin(self, title: str) -> None:
        """Start the next step."""
        self._number += 1
        self._began = time.monotonic()
        self._line('[{}/{}] {}'.format(self._number, self._total, title))

    def done(self, what: str) -> None:
        """Say what came of the step."""
        self._line('      {:.0f} s  {}'.format(time.monotonic() - self._began, what))

    def run(self, command, log: Path, failed: str, tell, env=None) -> str:
        """
        Run a command, its output going to `log`, and return that output.

        `tell` makes a few words of a line of output, or None; they are shown with the time while
        the command runs. When it fails, its last lines are shown, and the sentence `failed`.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        tail = deque(maxlen=25)  # type: deque[str]
        output = []
        doing = 'starting'
        shown = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=str(ROOT),
            universal_newlines=True,
            errors='replace',
            preexec_fn=_end_with_parent,
        )
        try:
            with log.open('a') as file:
                file.write('$ {}\n'.format(' '.join(str(part) for part in command)))
                for line in _lines(process.stdout):
                    if line is not None:
                        file.write(line)
                        file.flush()
                        output.append(line)
                        tail.append(line.rstrip())
                        doing = tell(line.strip()) or doing
                    wait_s = _REFRESH_TERMINAL_S if self._terminal else _REFRESH_PLAIN_S
                    if time.monotonic() - shown >= wait_s:
                        shown = time.monotonic()
                        self._alive(doing)
            code = process.wait()
        except BaseException:
            _stop(process)
            raise
        finally:
            self._clear()
        if code != 0:
            for line in tail:
                print('      | ' + line)
            raise Problem('{} The whole output is in {}.'.format(failed, _short(log)))
        return ''.join(output)

    def _alive(self, doing: str) -> None:
        text = '      {:.0f} s  {}'.format(time.monotonic() - self._began, doing)
        if self._terminal:
            self._clear()
            sys.stdout.write(text[: self._width()])
            sys.stdout.flush()
        else:
            self._line(text)

    def _clear(self) -> None:
        if self._terminal:
            sys.stdout.write('\r' + ' ' * self._width() + '\r')
            sys.stdout.flush()

    def _width(self) -> int:
        return shutil.get_terminal_size().columns - 1

    def _line(self, text: str) -> None:
        print(text, flush=True)


def lock(what: str):
    """Wait until nobody else does `what` in this folder; closing the returned file frees it."""
    file = Path(__file__).open()  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print('waiting: {} is going on here in another process'.format(what), flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def digest(texts, files) -> str:
    """Make one name of texts and of the names and contents of files."""
    result = hashlib.sha256()
    for data in [str(text).encode() for text in texts]:
        result.update('{}:'.format(len(data)).encode() + data)
    for file in files:
        data = file.read_bytes()
        result.update('{}:{}:'.format(file.relative_to(ROOT), len(data)).encode() + data)
    return result.hexdigest()


def read(path: Path) -> str:
    """Return a file's text, or nothing where there is no file."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ''


def main_of(function) -> None:
    """Run a script's main function and turn what goes wrong into a sentence and an exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        function()
    except Problem as problem:
        print(str(problem), file=sys.stderr)
        sys.exit(problem.code)
    except KeyboardInterrupt:
        print('interrupted: the same command again goes on from here', file=sys.stderr)
        sys.exit(130)


def _lines(stream):
    """Yield the lines of a stream as they come, and None while none comes."""
    lines = queue.Queue()  # type: queue.Queue[str | None]

    def read_all() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read_all, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def _stop(process) -> None:
    """End a child and wait for it: an interrupted one has often ended by itself."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_with_parent() -> None:
    """Let the kernel end the child when this process is killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
