# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The checks of one version: the guard of its outputs, and the check of observations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import count_nonzero, isfinite, ndarray
from numpy.typing import NDArray

from hotswap_ros.models import FailureCause, Manifest, TensorSpec
from hotswap_ros.serving.errors import ObservationError

#: Up to this many numbers, Python compares them faster one by one than NumPy does all at once.
_FEW = 16


class Guard:
    """Checks the outputs of one version against its manifest. Threads may share it."""

    __slots__ = ('_deadline_ms', '_outputs', '_rates', '_rates_in_chunks')

    def __init__(self, manifest: Manifest) -> None:
        self._outputs = tuple(_Limits.of(spec) for spec in manifest.outputs)
        axis = None if manifest.chunk is None else manifest.chunk.axis
        self._rates = tuple(
            _Rate.of(spec, axis) for spec in manifest.outputs if spec.rate_limit is not None
        )
        self._rates_in_chunks = () if axis is None else self._rates
        self._deadline_ms = float('inf') if manifest.deadline_ms is None else manifest.deadline_ms

    def check(self, outputs: dict[str, NDArray[Any]], latency_ms: float) -> FailureCause | None:
        """Return the first promise that the outputs break, or None when they keep all."""
        for name, shape, dtype, size, low, high, ranges in self._outputs:
            array = outputs.get(name)
            if array is None or array.shape != shape or array.dtype != dtype:
                return FailureCause.OUTPUT
            if ranges:
                # As numbers of Python, which are exact here: half the time of the branch below.
                for number, (least, most) in zip(array.ravel().tolist(), ranges):
                    if not least <= number <= most:
                        return _cause_of(array)
            # On the few numbers of a decision count_nonzero takes a third of the time of all().
            elif size and not (
                count_nonzero(array >= low) == size and count_nonzero(array <= high) == size
            ):
                return _cause_of(array)
        for rate in self._rates_in_chunks:
            steps = rate.steps(outputs)
            if not rate.allows(steps[:-1], steps[1:]).all():
                return FailureCause.RATE_LIMIT
        return FailureCause.DEADLINE if latency_ms > self._deadline_ms else None

    @property
    def limits_rates(self) -> bool:
        """Return whether decisions are compared with the previous one."""
        return bool(self._rates)

    def check_rate(
        self, outputs: dict[str, NDArray[Any]], previous: dict[str, NDArray[Any]]
    ) -> FailureCause | None:
        """
        Return RATE_LIMIT when an element differs too much from the task's previous one.

        The first step of a chunk may follow any step of the previous chunk: how many of them were
        played is not known here.
        """
        for rate in self._rates:
            if rate.name not in previous:
                continue
            near = rate.allows(rate.steps(previous), rate.steps(outputs)[:1])
            if not (near.all() or near.reshape(len(near), -1).all(axis=1).any()):
                return FailureCause.RATE_LIMIT
        return None


class _Limits(NamedTuple):
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    checked_size: int
    low: NDArray[Any]
    high: NDArray[Any]
    ranges: tuple[tuple[float, float], ...]  # the same for few numbers, else empty

    @classmethod
    def of(cls, spec: TensorSpec) -> _Limits:
        dtype = np.dtype(spec.dtype.value)
        bounded = spec.low is not None or spec.high is not None
        # Every value of an integer type without bounds is allowed.
        checked_size = spec.size if spec.dtype.is_float or bounded else 0
        low = _bound(spec.low, -np.inf, dtype, spec.shape)
        high = _bound(spec.high, np.inf, dtype, spec.shape)
        ranges: tuple[tuple[float, float], ...] = ()
        if checked_size <= _FEW:
            ranges = tuple(zip(low.ravel().tolist(), high.ravel().tolist()))[:checked_size]
        return cls(spec.name, spec.shape, dtype, checked_size, low, high, ranges)


def _bound(
    bound: float | tuple[float, ...] | None,
    unbounded: float,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
) -> NDArray[Any]:
    numbers = np.asarray(unbounded if bound is None else bound, dtype=np.float64)
    if np.issubdtype(dtype, np.floating):
        # Ends at the largest finite numbers: one comparison then finds NaN and infinity too.
        # In the output's own type: float32(0.1) is above 0.1, and a model clipped to 0.1 is right.
        finite = np.finfo(dtype)
        numbers = np.clip(numbers, float(finite.min), float(finite.max)).astype(dtype)
    return np.ascontiguousarray(np.broadcast_to(numbers, shape))


class _Rate(NamedTuple):
    name: str
    most: NDArray[np.float64]
    rounding: float  # of the type, relative: a model at its limit is right
    axis: int | None  # of the steps of a chunk

    @classmethod
    def of(cls, spec: TensorSpec, axis: int | None) -> _Rate:
        step = spec if axis is None else spec.without_axis(axis)
        most = np.broadcast_to(np.asarray(spec.rate_limit, np.float64), step.shape)
        rounding = float(np.finfo(spec.dtype.value).eps) if spec.dtype.is_float else 0.0
        return cls(spec.name, most, rounding, axis)

    def steps(self, outputs: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Return the steps one after the other, one of them without a chunk."""
        # In float64: float32 would round a difference, and integers would overflow.
        array = outputs[self.name].astype(np.float64)
        return array[np.newaxis] if self.axis is None else np.moveaxis(array, self.axis, 0)

    def allows(self, before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for each element whether its change is within the limit."""
        allowed = self.most + self.rounding * (self.most + np.abs(before))
        found: NDArray[np.bool_] = np.abs(after - before) <= allowed
        return found


def _cause_of(array: NDArray[Any]) -> FailureCause:
    return FailureCause.OUT_OF_BOUNDS if np.isfinite(array).all() else FailureCause.NOT_FINITE


class ObservationCheck:
    """
    Checks observations against one manifest. Threads may share it.

    `names` are those of its inputs; `forms` are equal for two versions that take the same. An
    observation may have more inputs: a robot provides them for all of its versions.
    """

    __slots__ = ('_inputs', 'forms', 'names')

    def __init__(self, manifest: Manifest) -> None:
        self._inputs = tuple(_Input.of(spec) for spec in manifest.observations)
        self.forms = frozenset(self._inputs)
        self.names = frozenset(expected.name for expected in self._inputs)

    def check(self, inputs: dict[str, NDArray[Any]]) -> None:
        """Raise ObservationError for the first input that is not as the manifest says."""
        for expected in self._inputs:
            name, shape, dtype, finite = expected
            array = inputs.get(name)
            if not isinstance(array, ndarray) or array.shape != shape or array.dtype != dtype:
                raise expected.mismatch(array)
            if finite and count_nonzero(isfinite(array)) != finite:
                raise expected.not_finite(array)


class _Input(NamedTuple):
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    finite: int  # how many numbers have to be; none of a type without NaN

    @classmethod
    def of(cls, spec: TensorSpec) -> _Input:
        dtype = np.dtype(spec.dtype.value)
        finite = spec.size if spec.dtype.is_float else 0
        return cls(spec.name, spec.shape, dtype, finite)

    def mismatch(self, found: object) -> ObservationError:
        expected = _describe(self.dtype, self.shape)
        if isinstance(found, np.ndarray):
            what = _describe(found.dtype, found.shape)
        else:
            what = 'none' if found is None else f'a {type(found).__name__}, not a NumPy array'
        return ObservationError(f"input '{self.name}'", expected, what)

    def not_finite(self, array: NDArray[Any]) -> ObservationError:
        position = [int(index) for index in np.argwhere(~np.isfinite(array))[0]]
        return ObservationError(
            f"input '{self.name}'",
            'finite numbers',
            f'{float(array[tuple(position)])} at {position}',
        )


def _describe(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    return f'{dtype.name}{list(shape)}'
