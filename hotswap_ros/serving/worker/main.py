# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The main part of a worker process: one version, which answers through shared memory."""

from __future__ import annotations

import json
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from hotswap_ros.limits import PROBLEM_CHARACTERS
from hotswap_ros.models import FailureCause, Manifest, ModelError, ModelRepository, VersionState
from hotswap_ros.serving.checks import Guard
from hotswap_ros.serving.errors import LoadFailedError
from hotswap_ros.serving.onnx.runtime import RuntimeSettings
from hotswap_ros.serving.onnx.session import Session
from hotswap_ros.serving.task_memory import MemoryForm, TaskMemory
from hotswap_ros.serving.worker.shadow_ring import distance_of, shared_part
from hotswap_ros.serving.worker.shared_memory import (
    CAUSES,
    DONE,
    FORGOTTEN,
    RAISED,
    WRONG_OUTPUT,
    Exchange,
    Sample,
)
from hotswap_ros.serving.worker.waiting import Interruptions
from hotswap_ros.text import shortened

#: A pipe takes a message of this size at once or not at all.
_MOST_BYTES = 4096
#: Tasks that a shadow remembers: more than a robot has under way.
_MOST_TASKS = 16


class Worker:
    """
    Loads one version, reports the progress, and then answers requests until the pipe ends.

    `given` has the settings of the supervisor: file descriptors, repository, names, settings.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._fds: dict[str, int] = given['fds']
        try:
            self._load(given)
        except ModelError as error:
            self._tell(error='model', problem=shortened(str(error), PROBLEM_CHARACTERS))
            raise SystemExit from None
        except LoadFailedError as error:
            self._tell(error='load', problem=shortened(error.problem, PROBLEM_CHARACTERS))
            raise SystemExit from None
        except MemoryError:
            self._tell(error='load', problem='there is not enough memory for it')
            raise SystemExit from None

    def _load(self, given: dict[str, Any]) -> None:
        repository = ModelRepository(given['root'])
        self._tell(state=VersionState.VERIFYING.value)
        verified = repository.verify(given['model_id'], given['version'])
        manifest = verified.manifest
        size = verified.copy.size_bytes
        self._tell(state=VersionState.LOADING.value, digest=verified.digest, size_bytes=size)
        self._session = Session(verified, RuntimeSettings(**given['settings']))
        del verified
        placement = self._session.placement
        self._tell(
            state=VersionState.WARMING.value, providers=placement.providers, note=placement.note
        )
        self._session.warm_up(Guard(manifest))
        self._session.try_bounds()
        exchange = Exchange(manifest, self._fds['memory'])
        memory_form = MemoryForm(manifest)
        for sample in exchange.samples[: given['recent']]:
            self._session.try_on(memory_form.begin().inputs_for(sample.inputs))
        self._slot, self._times = exchange.request, exchange.times
        # Started here, the thread stays in the scheduling class of the thread that loads.
        shadow = _Shadow(self._session, manifest, exchange.samples, self._fds)
        threading.Thread(target=shadow.serve, daemon=True).start()
        self._binding = self._session.bind(self._slot) if self._session.can_bind else None
        self._tell(
            manifest=manifest.model_dump_json(),
            typical_ms=self._session.typical_ms,
            warm_latency_ms=self._session.warm_latency_ms,
        )

    def serve(self) -> None:
        """Answer until the engine closes its end of the pipe, or has ended."""
        requests, replies = self._fds['requests'], self._fds['replies']
        times, interruptions = self._times, Interruptions()
        times.rest(interruptions.rest())
        while os.read(requests, 1):
            began_s = perf_counter()
            times.begin(began_s)
            reply = self._answer()[:_MOST_BYTES]
            ended_s = perf_counter()
            times.end(ended_s, interruptions.during(ended_s - began_s))
            os.write(replies, reply)
            times.rest(interruptions.rest())

    def _answer(self) -> bytes:
        if self._binding is not None:
            try:
                self._binding.run()
            except Exception:
                return self._answer_unbound()  # which reports the fault
            return DONE
        return self._answer_unbound()

    def _answer_unbound(self) -> bytes:
        inputs, places = self._slot
        try:
            outputs = self._session.run_unbound(inputs)
        except Exception as error:
            return RAISED + str(error).encode()
        for name, place in places.items():
            array = outputs[name]
            if array.shape != place.shape or array.dtype != place.dtype:
                found = f"output '{name}' is {array.dtype.name}{list(array.shape)}"
                return WRONG_OUTPUT + found.encode()
            place[...] = array
        return DONE

    def _tell(self, **news: Any) -> None:
        os.write(self._fds['news'], json.dumps(news).encode() + b'\n')


class _Shadow:
    """Decides beside the stable version, and compares; one sample after the other."""

    def __init__(
        self,
        session: Session,
        manifest: Manifest,
        samples: Sequence[Sample],
        fds: dict[str, int],
    ) -> None:
        self._session = session
        self._comparison = manifest.comparison
        self._chunk = manifest.chunk
        self._guard = Guard(manifest)
        self._memory_form = MemoryForm(manifest)
        self._memories: OrderedDict[int, TaskMemory] = OrderedDict()
        self._samples = samples
        self._source, self._results = fds['samples'], fds['results']

    def serve(self) -> None:
        """Answer each index of a sample by itself and a code, until the pipe ends."""
        while index := os.read(self._source, 1):
            code = self._compare(self._samples[index[0]])
            os.write(self._results, index + bytes([code]))

    def _compare(self, sample: Sample) -> int:
        """
        Return 0 and leave the figures in the sample, or one more than the cause's place.

        FORGOTTEN is for a task whose earlier observations this process has not seen.
        """
        memory, inputs = None, sample.inputs
        if self._memory_form.is_needed:
            memory = self._memory_of(*sample.numbers[:2].tolist())
            if memory is None:
                return FORGOTTEN
            inputs = memory.inputs_for(inputs)
        started = perf_counter()
        try:
            outputs, _ = self._session.run(inputs)
        except Exception:
            return 1 + CAUSES.index(FailureCause.EXCEPTION)
        latency_ms = (perf_counter() - started) * 1e3
        # The time of a run in the lowest scheduling class means nothing.
        cause = self._guard.check(outputs, latency_ms=0.0)
        sample.figures[:] = math.inf, latency_ms
        if cause is not None:
            return 1 + CAUSES.index(cause)
        if memory is not None:
            memory.keep(outputs)
        for name, place in sample.shadow_outputs.items():
            place[...] = outputs[name]
        shared = {
            name: shared_part(array, self._chunk, sample)
            for (name, array), is_shared in zip(sample.outputs.items(), sample.shared)
            if is_shared
        }
        outputs = {name: shared_part(outputs[name], self._chunk, sample) for name in shared}
        sample.figures[0] = distance_of(self._comparison.metric, shared, outputs)
        return 0

    def _memory_of(self, task: int, is_first: int) -> TaskMemory | None:
        """Return the memory of a task; only the last few are kept, as no end is told."""
        memory = self._memory_form.begin() if is_first else self._memories.get(task)
        if memory is not None:
            self._memories[task] = memory
            self._memories.move_to_end(task)
        if len(self._memories) > _MOST_TASKS:
            self._memories.popitem(last=False)
        return memory
