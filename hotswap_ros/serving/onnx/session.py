# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A session of one version in this process: the ONNX runtime on verified bytes."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import DType, FailureCause, TensorSpec, VerifiedVersion
from hotswap_ros.serving.checks import Guard
from hotswap_ros.serving.errors import LoadFailedError, RunFailedError
from hotswap_ros.serving.golden import GoldenFileError, difference, golden_samples
from hotswap_ros.serving.onnx.binding import Binding
from hotswap_ros.serving.onnx.runtime import RuntimeRefusedError, RuntimeSettings, open_runtime
from hotswap_ros.serving.onnx.watchdog import WatchedRun
from hotswap_ros.serving.worker.shadow_ring import Primary
from hotswap_ros.serving.worker.shared_memory import Slot
from hotswap_ros.serving.worker.waiting import HANG_S
from hotswap_ros.text import few

#: The first few runs allocate memory and choose kernels; on a machine with other work, the time is
#: never steady.
_MOST_WARM_UP_RUNS = 20
#: Runs of steady time for the 95th percentile, unless they take longer than the time below.
_MEASURED_RUNS = 20
_LONG_MS = 1000.0

_ONNX_TYPE = {
    DType.FLOAT16: 'tensor(float16)',
    DType.FLOAT32: 'tensor(float)',
    DType.FLOAT64: 'tensor(double)',
    DType.INT32: 'tensor(int32)',
    DType.INT64: 'tensor(int64)',
    DType.UINT8: 'tensor(uint8)',
    DType.BOOL: 'tensor(bool)',
}


_CPU_ONLY = RuntimeSettings()


class Session:
    """
    Runs one version. `run` may be called from several threads: each takes buffers of its own.

    Raises LoadFailedError when the runtime refuses the file, or its inputs and outputs are not
    those of the manifest. `placement` is where it runs. Times are known once it is warm:
    `typical_ms` of a run that nothing disturbs, `warm_latency_ms` the 95th percentile.
    """

    runs_in_worker = False

    def __init__(self, verified: VerifiedVersion, settings: RuntimeSettings = _CPU_ONLY) -> None:
        self._manifest = manifest = verified.manifest
        self.typical_ms = self.warm_latency_ms = math.nan
        self._input_names = [spec.name for spec in manifest.inputs]
        self._output_names = [spec.name for spec in manifest.outputs]
        try:
            self._runtime, self.placement = open_runtime(verified.path, settings)
        except RuntimeRefusedError as error:
            raise self._failed(str(error)) from error
        #: Other devices than the CPU get bound inputs when these are bound, not when they are run.
        self.can_bind = settings.is_cpu_only
        self._free: deque[Binding] = deque()
        self._unbound: deque[WatchedRun] = deque()
        self._watched: list[WatchedRun] = []
        self._compare('input', manifest.inputs, self._runtime.get_inputs())
        self._compare('output', manifest.outputs, self._runtime.get_outputs())
        try:
            self._golden = golden_samples(verified)
        except GoldenFileError as error:
            raise self._failed(f'its golden samples cannot be used: {error}') from error

    def run(
        self, inputs: dict[str, NDArray[Any]], patience_s: float = math.inf
    ) -> tuple[dict[str, NDArray[Any]], float]:
        """
        Return the outputs by name, arrays of the caller's own. Raises what the runtime raises.

        Raises RunFailedError for a run that was ended because it had taken HANG_S longer than
        `patience_s`. The second value, 0.0, is for sessions elsewhere (see VersionSession).
        """
        if not self.can_bind:
            return self.run_unbound(inputs, patience_s), 0.0
        try:
            binding = self._free.pop()
        except IndexError:
            binding = self.bind(Slot.of(self._manifest))
        watched = binding.watched
        watched.begin(patience_s)
        try:
            outputs = binding.run_on(inputs)
        except Exception:
            if watched.end():
                raise self._ended(watched, patience_s) from None
            self._free.append(binding)
            # An output of another shape does not fit its buffer: return it as it is.
            return self.run_unbound(inputs, patience_s), 0.0
        if not watched.end():
            self._free.append(binding)
        return outputs, 0.0

    def run_unbound(
        self, inputs: dict[str, NDArray[Any]], patience_s: float = math.inf
    ) -> dict[str, NDArray[Any]]:
        """Return the outputs in any form. Raises what `run` raises."""
        own = {name: inputs[name] for name in self._input_names}
        try:
            watched = self._unbound.pop()
        except IndexError:
            watched = self._new_watched()
        names = self._output_names
        watched.begin(patience_s)
        try:
            outputs = self._runtime.run(names, own, watched.options)
        except Exception:
            if watched.end():
                raise self._ended(watched, patience_s) from None
            self._unbound.append(watched)
            raise
        if not watched.end():
            self._unbound.append(watched)
        return dict(zip(names, outputs, strict=True))

    def bind(self, slot: Slot) -> Binding:
        """Return a binding that runs on these arrays without copying them."""
        return Binding(self._runtime, slot, self._new_watched())

    @property
    def is_stuck(self) -> bool:
        """Return whether a run goes on, long after it was asked to end."""
        return any(watched.is_stuck for watched in tuple(self._watched))

    def _new_watched(self) -> WatchedRun:
        watched = WatchedRun()
        self._watched.append(watched)
        return watched

    def _ended(self, watched: WatchedRun, patience_s: float) -> RunFailedError:
        self._watched.remove(watched)  # used up
        return RunFailedError(
            FailureCause.CRASH,
            f'it hung, and was ended after {patience_s + HANG_S:.1f} s',
            is_hang=True,
        )

    def close(self) -> None:
        """Do nothing: the memory is free again when the last reference goes."""

    @property
    def pid(self) -> int:
        """Return the id of this process."""
        return os.getpid()

    def offer(
        self, inputs: dict[str, NDArray[Any]], outputs: dict[str, NDArray[Any]], primary: Primary
    ) -> bool:
        """Refuse to shadow: that would delay the process that acts."""
        return False

    def check_growth(self) -> None:
        """Do nothing: there is no worker to end."""

    def warm_up(self, guard: Guard) -> None:
        """
        Run until the time of a run is steady, and then measure it; last, repeat golden samples.

        It runs on the first golden sample, or on zeros. Raises LoadFailedError when outputs do not
        have the form of the manifest, or are not those of the golden samples.
        """
        first = self._golden[0].inputs if self._golden else Slot.of(self._manifest).inputs
        times_ms: list[float] = []
        while len(times_ms) < _MOST_WARM_UP_RUNS and not is_steady(times_ms):
            times_ms.append(self._run_once(first, guard, is_first=not times_ms))
        self.typical_ms = sorted(times_ms[-3:])[1]
        steady_ms = times_ms[-3:] if is_steady(times_ms) else times_ms
        while len(steady_ms) < _MEASURED_RUNS and sum(steady_ms) < _LONG_MS:
            steady_ms.append(self._run_once(first, guard))
        self.warm_latency_ms = sorted(steady_ms)[math.ceil(0.95 * len(steady_ms)) - 1]
        self._repeat_golden(guard)

    def try_bounds(self) -> None:
        """Try it on the lowest and on the highest observation that the manifest allows."""
        for bound in ('low', 'high'):
            inputs = Slot.of(self._manifest).inputs
            for spec in self._manifest.inputs:
                edge = getattr(spec, bound)
                if edge is not None:
                    inputs[spec.name][...] = edge
            self.try_on(inputs)

    def try_on(self, inputs: dict[str, NDArray[Any]]) -> None:
        """
        Run on an observation in a worker: what crashes or hangs must do so here.

        Errors and wrong outputs are left to the guard, which answers for each of them.
        """
        with suppress(Exception):
            self.run_unbound(inputs)

    def _run_once(
        self, inputs: dict[str, NDArray[Any]], guard: Guard, is_first: bool = False
    ) -> float:
        """Return the time of the run in ms."""
        what = 'the first golden sample' if self._golden else 'zeros'
        started = perf_counter()
        outputs = self._outputs_on(inputs, what, is_first)
        took_ms = (perf_counter() - started) * 1e3
        # Zeros may be an impossible observation: bounds and time of the outputs mean nothing.
        self._require_kept(guard, outputs, what, ignored=FailureCause.OUT_OF_BOUNDS)
        return took_ms

    def _repeat_golden(self, guard: Guard) -> None:
        if self._manifest.golden is None:
            return
        tolerance = self._manifest.golden.tolerance
        for number, sample in enumerate(self._golden, start=1):
            what = f'golden sample {number}'
            outputs = self._outputs_on(sample.inputs, what)
            self._require_kept(guard, outputs, what)
            worst = difference(sample.outputs, outputs, tolerance)
            if worst is not None:
                raise self._failed(
                    f"on {what}, '{worst.output}' differs by {worst.size:.3g} from what it was at "
                    f'the import (tolerance {tolerance:g}): this runtime computes something else'
                )

    def _outputs_on(
        self, inputs: dict[str, NDArray[Any]], what: str, is_first: bool = False
    ) -> dict[str, NDArray[Any]]:
        try:
            return self.run_unbound(inputs) if is_first else self.run(inputs)[0]
        except Exception as error:
            raise self._failed(f'it raised an error on {what}: {error}') from error

    def _require_kept(
        self,
        guard: Guard,
        outputs: dict[str, NDArray[Any]],
        what: str,
        ignored: FailureCause | None = None,
    ) -> None:
        cause = guard.check(outputs, latency_ms=0.0)
        if cause not in (None, ignored):
            raise self._failed(f'on {what} it puts out {_describe(outputs)} ({cause.value})')

    def _compare(self, kind: str, specs: Iterable[TensorSpec], found: Iterable[Any]) -> None:
        expected = {spec.name: spec for spec in specs}
        actual = {node.name: node for node in found}
        if expected.keys() != actual.keys():
            raise self._failed(f'its {kind}s are {few(actual)}, the manifest says {few(expected)}')
        for name, spec in expected.items():
            if not _fits(spec, actual[name]):
                raise self._failed(
                    f"{kind} '{name}' is {actual[name].type} {actual[name].shape}, "
                    f'the manifest says {spec.dtype.value} {list(spec.shape)}'
                )

    def _failed(self, problem: str) -> LoadFailedError:
        return LoadFailedError(self._manifest.version, problem)


def is_steady(times_ms: Sequence[float]) -> bool:
    """Return whether the last three runs took about the least time, or too long for more."""
    if len(times_ms) < 3:
        return False
    return sum(times_ms) > _LONG_MS or max(times_ms[-3:]) <= 1.25 * min(times_ms)


def _fits(spec: TensorSpec, node: Any) -> bool:
    if node.type != _ONNX_TYPE[spec.dtype]:
        return False
    # The runtime gives [] for a scalar and for an unknown rank. Warming up finds the difference.
    if not node.shape:
        return True
    return len(node.shape) == len(spec.shape) and all(
        size == wanted
        for size, wanted in zip(node.shape, spec.shape, strict=True)
        if isinstance(size, int)  # symbolic dimensions have a name or None
    )


def _describe(outputs: dict[str, NDArray[Any]]) -> str:
    return ', '.join(
        f'{name} {array.dtype.name}{list(array.shape)}' for name, array in outputs.items()
    )
