# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The guard, on outputs made by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotswap_ros.models import Manifest
from hotswap_ros.serving import FailureCause, Guard

NAN, INF = float('nan'), float('inf')


def guard_of(deadline_ms: float | None = None, **output: Any) -> Guard:
    spec = {'name': 'y', 'shape': [1, 2], **output}
    return Guard(
        Manifest.model_validate(
            {
                'model': 'policy',
                'version': 'v1',
                'sha256': '0' * 64,
                'size_bytes': 1,
                'inputs': [{'name': 'x', 'shape': [1]}],
                'outputs': [spec],
                'deadline_ms': deadline_ms,
            }
        )
    )


def judge(guard: Guard, *numbers: float, latency_ms: float = 0.0) -> FailureCause | None:
    return guard.check({'y': np.array([numbers], np.float32)}, latency_ms)


def test_causes_are_numbered_as_in_the_message() -> None:
    names = [
        'exception',
        'output',
        'not_finite',
        'out_of_bounds',
        'deadline',
        'crash',
        'rate_limit',
        'busy_computer',
    ]
    assert [cause.value for cause in FailureCause] == names


@pytest.mark.parametrize(
    'outputs',
    [
        {},
        {'other': np.zeros((1, 2), np.float32)},
        {'y': np.zeros((2, 1), np.float32)},
        {'y': np.zeros(2, np.float32)},
        {'y': np.zeros((1, 2), np.float64)},
        {'y': np.zeros((1, 2), np.int32)},
    ],
)
def test_a_missing_or_misshapen_output(outputs: dict[str, Any]) -> None:
    assert guard_of().check(outputs, 0.0) is FailureCause.OUTPUT


@pytest.mark.parametrize('bounds', [{}, {'low': -1.0}, {'high': 1.0}, {'low': -1.0, 'high': 1.0}])
@pytest.mark.parametrize('number', [NAN, INF, -INF])
def test_what_is_not_finite(bounds: dict[str, float], number: float) -> None:
    assert judge(guard_of(**bounds), 0.0, number) is FailureCause.NOT_FINITE


def test_bounds_include_their_ends() -> None:
    guard = guard_of(low=-1.0, high=1.0)
    assert judge(guard, -1.0, 1.0) is None
    assert (
        judge(guard, -1.0, np.nextafter(np.float32(1), np.float32(2)))
        is FailureCause.OUT_OF_BOUNDS
    )
    assert judge(guard, -1.001, 0.0) is FailureCause.OUT_OF_BOUNDS


def test_bounds_per_element() -> None:
    guard = guard_of(low=[-1.0, -5.0], high=[1.0, 5.0])
    assert judge(guard, 1.0, 5.0) is None
    assert judge(guard, 5.0, 1.0) is FailureCause.OUT_OF_BOUNDS


def test_a_bound_is_compared_in_the_type_of_the_output() -> None:
    # 0.1 is a little more in float32 than in float64: clipped to 0.1 is not above 0.1.
    assert judge(guard_of(high=0.1), np.float32(0.1), 0.0) is None


def test_a_bound_beyond_the_type_still_finds_infinity() -> None:
    guard = guard_of(low=-1e300, high=1e300)
    assert judge(guard, np.finfo(np.float32).max, 0.0) is None
    assert judge(guard, INF, 0.0) is FailureCause.NOT_FINITE


def test_integers() -> None:
    bounded, free = guard_of(dtype='int32', low=0, high=9), guard_of(dtype='int32')
    for numbers, cause in (([0, 9], None), ([0, 10], FailureCause.OUT_OF_BOUNDS)):
        outputs = {'y': np.array([numbers], np.int32)}
        assert bounded.check(outputs, 0.0) is cause
        assert free.check(outputs, 0.0) is None


def test_a_scalar_output() -> None:
    guard = guard_of(shape=[], low=0.0)
    assert guard.check({'y': np.array(1, np.float32)}, 0.0) is None
    assert guard.check({'y': np.array(-1, np.float32)}, 0.0) is FailureCause.OUT_OF_BOUNDS


def test_the_deadline_is_inclusive_and_comes_last() -> None:
    guard = guard_of(deadline_ms=5.0, high=1.0)
    assert judge(guard, 0.0, 0.0, latency_ms=5.0) is None
    assert judge(guard, 0.0, 0.0, latency_ms=5.1) is FailureCause.DEADLINE
    assert judge(guard, 2.0, 0.0, latency_ms=5.1) is FailureCause.OUT_OF_BOUNDS
    assert judge(guard_of(), 0.0, 0.0, latency_ms=1e9) is None


@given(st.tuples(*[st.floats(width=32)] * 2), st.floats(-9, 0), st.floats(0, 9))
def test_it_agrees_with_the_obvious_way(
    numbers: tuple[float, float], low: float, high: float
) -> None:
    if not np.isfinite(numbers).all():
        expected: FailureCause | None = FailureCause.NOT_FINITE
    elif all(np.float32(low) <= number <= np.float32(high) for number in numbers):
        expected = None
    else:
        expected = FailureCause.OUT_OF_BOUNDS
    assert judge(guard_of(low=low, high=high), *numbers) is expected
