# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One run of a worker process, from its start to its end, as the engine sees it."""

from __future__ import annotations

import json
import logging
import os
import select
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.limits import (
    NEWS_BYTES,
)
from hotswap_ros.models import FailureCause
from hotswap_ros.serving.errors import RunFailedError
from hotswap_ros.serving.worker.job import Job, Observations, spawn
from hotswap_ros.serving.worker.shadow_ring import ShadowRing
from hotswap_ros.serving.worker.shared_memory import DONE, RAISED, Exchange, Sample
from hotswap_ros.serving.worker.waiting import HANG_S, OWN_PART, Progress, activity_of, waited_s

_log = logging.getLogger(__name__)

#: Time that the kernel may need to wake a thread on a sleeping core. A small model answers sooner:
#: a candidate then costs a third (measured on an idle machine: 35 µs instead of 100).
_AWAKE_S = 1e-4

_MOST_BYTES = 4096


class Process:
    """One run of a worker. `run` has one caller at a time. Raises OSError without resources."""

    def __init__(self, job: Job) -> None:
        self._is_behind = False
        self._times_behind = 0
        self._sent_s = 0.0
        #: Whether the computer, not the version, was late with the request that it is behind with.
        self._is_excused = False
        ours: dict[str, int] = {}
        theirs: dict[str, int] = {}
        try:
            theirs['memory'] = os.memfd_create('hotswap_ros', os.MFD_CLOEXEC)
            exchange = Exchange(job.manifest, theirs['memory'])
            theirs['samples'], ours['samples'] = os.pipe()
            ours['results'], theirs['results'] = os.pipe()
            theirs['requests'], ours['requests'] = os.pipe()
            ours['replies'], theirs['replies'] = os.pipe()
            ours['news'], theirs['news'] = os.pipe()
            recent = _lay_out(job.recent, exchange.samples)
            self._popen = spawn(job, theirs, recent)
        except BaseException:
            _close(ours.values())
            raise
        finally:
            _close(theirs.values())
        self.pid = self._popen.pid
        self._fds = ours
        #: How long a run takes when nothing disturbs it, once that is known.
        self.usual_s = 0.0
        #: Whether it was ended because it did not answer.
        self.was_late = False
        self._times = exchange.times
        self._inputs = tuple(exchange.request.inputs.items())
        self._outputs = tuple(exchange.request.outputs.items())
        self.samples = ShadowRing(job.manifest, exchange.samples, ours['samples'], ours['results'])
        self._poll = select.poll()
        self._poll.register(ours['replies'], select.POLLIN)

    def run(
        self, inputs: dict[str, NDArray[Any]], patience_s: float
    ) -> tuple[dict[str, NDArray[Any]], float]:
        """Return the outputs, and the ms that it waited for a processor. Raises RunFailedError."""
        if self._is_behind:
            self._catch_up(patience_s)
        times = self._times
        times.reset()
        for name, place in self._inputs:
            place[...] = inputs[name]
        sent_s = self._sent_s = perf_counter()
        try:
            os.write(self._fds['requests'], b'r')
        except BrokenPipeError:
            raise self._lost() from None
        if not self._is_answered(patience_s):
            late = self._late(patience_s, 'its worker did not answer in time')
            if not self._poll.poll(0):  # the reply may have come meanwhile
                self._fall_behind(is_excused=late.cause is FailureCause.BUSY_COMPUTER)
                raise late
        waited = waited_s(
            sent_s, times.began_s, times.ended_s, perf_counter(), times.interrupted_s
        )
        reply = os.read(self._fds['replies'], _MOST_BYTES)
        if reply == DONE:
            return {name: place.copy() for name, place in self._outputs}, waited * 1e3
        if not reply:
            raise self._lost()
        cause = FailureCause.EXCEPTION if reply[:1] == RAISED else FailureCause.OUTPUT
        raise RunFailedError(cause, reply[1:].decode(errors='replace'))

    def _is_answered(self, patience_s: float) -> bool:
        """Wait for a reply, without sleeping at first: waking up takes longer."""
        give_up_at = perf_counter() + min(_AWAKE_S, patience_s)
        while perf_counter() < give_up_at:
            if self._poll.poll(0):
                return True
        # poll takes whole milliseconds: rounded down, so as not to be late by one.
        return bool(self._poll.poll(max(1, int(patience_s * 1e3))))

    def news(self) -> Iterator[dict[str, Any]]:
        """Yield the reports of the worker while it loads, until it ends."""
        with open(self._fds['news'], 'rb', closefd=False) as lines:
            while (line := lines.readline(NEWS_BYTES)).endswith(b'\n'):
                yield json.loads(line)

    def kill(self) -> None:
        """End the process at once; it holds nothing to keep."""
        self._popen.kill()

    def wait(self) -> str:
        """Wait for the end of the process; return its reason. To be called last, and once."""
        code = self._popen.wait()
        self.samples.end()
        _close(self._fds.values())
        if self.was_late:
            return 'did not answer, and was ended'
        return f'was ended by signal {-code}' if code < 0 else f'ended with exit code {code}'

    def _late(self, patience_s: float, detail: str) -> RunFailedError:
        """Return the failure of a request without a reply: the version's, or the computer's."""
        now_s = perf_counter()
        own_s = self._own_s(now_s)
        if own_s >= OWN_PART * patience_s:
            return RunFailedError(FailureCause.DEADLINE, detail)
        total_s = now_s - self._sent_s
        return RunFailedError(
            FailureCause.BUSY_COMPUTER,
            f'its worker ran for {own_s * 1e3:.1f} of {total_s * 1e3:.1f} ms: the computer was '
            'busy with other processes',
            waited_ms=(total_s - own_s) * 1e3,
        )

    def _own_s(self, now_s: float) -> float:
        times, activity = self._times, activity_of(self.pid)
        cpu_s = None if activity.cpu_s is None else activity.cpu_s - times.cpu_before_s
        return Progress(self._sent_s, times.began_s, activity.is_runnable, cpu_s).own_s(now_s)

    def _catch_up(self, patience_s: float) -> None:
        """
        Read the reply that came too late from the pipe, or fail at once if it did not come.

        If the computer was taken to be the reason and the version was, this request pays for it.
        """
        late = self._late(patience_s, 'its worker is still busy with an earlier request')
        if not self._poll.poll(0):
            raise late
        if not os.read(self._fds['replies'], _MOST_BYTES):
            raise self._lost()
        self._is_behind = False
        took_s = self._times.cpu_of_last_s
        if self._is_excused and took_s > patience_s:
            raise RunFailedError(
                FailureCause.DEADLINE,
                f'it used {took_s * 1e3:.1f} ms of processor time for its last request',
            )

    def _fall_behind(self, is_excused: bool) -> None:
        self._is_behind, self._is_excused = True, is_excused
        self._times_behind += 1
        self._watch(self._times_behind)

    def _watch(self, time: int) -> None:
        watch = threading.Timer(self._hang_s, self._end_if_behind, [time])
        watch.daemon = True
        watch.start()

    def _end_if_behind(self, time: int) -> None:
        # A slow worker is behind again and again, by another request each time.
        now_s = perf_counter()
        own_s, since_s = self._own_s(now_s), now_s - self._sent_s
        is_same = self._is_behind and self._times_behind == time
        # A poll of its own: one that another thread waits in raises an error.
        poll = select.poll()
        poll.register(self._fds['replies'], select.POLLIN)
        if not is_same or poll.poll(0):
            return
        if own_s < OWN_PART * min(since_s, self._hang_s):
            self._watch(time)  # it does not hang, it does not get to run
            return
        _log.warning('worker %d has not answered for %.1f s: it is ended', self.pid, since_s)
        self.was_late = True
        self.kill()

    @property
    def _hang_s(self) -> float:
        """Return how long after the deadline a run is ended: a slow one needs its usual time."""
        return max(HANG_S, 2 * self.usual_s)

    def _lost(self) -> RunFailedError:
        if self.was_late:
            return RunFailedError(
                FailureCause.DEADLINE, 'its worker did not answer, and was ended'
            )
        return RunFailedError(FailureCause.CRASH, 'its worker died')


def _lay_out(observations: Observations, samples: Sequence[Sample]) -> int:
    """Write the observations that fit into samples; return how many they are."""
    forms = {name: (place.shape, place.dtype) for name, place in samples[0].inputs.items()}
    fitting = [
        inputs
        for inputs in observations
        if {n: (inputs[n].shape, inputs[n].dtype) for n in forms.keys() & inputs.keys()} == forms
    ]
    for inputs, sample in zip(fitting, samples, strict=False):
        for name, place in sample.inputs.items():
            place[...] = inputs[name]
    return min(len(fitting), len(samples))


def _close(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)


def resident_bytes(pid: int) -> int:
    """Return the memory that a process uses at present, 0 when it has ended."""
    with suppress(OSError):
        pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
        return pages * os.sysconf('SC_PAGE_SIZE')
    return 0
