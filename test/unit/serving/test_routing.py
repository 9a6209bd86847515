# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The routing value and the hash behind it."""

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotswap_ros.models import bucket
from hotswap_ros.serving import InvalidRoutingError, Routing

SHARES = st.floats(0, 1)


@given(st.text(), st.text())
def test_bucket_is_in_the_half_open_unit_interval(salt: str, key: str) -> None:
    assert 0.0 <= bucket(salt, key) < 1.0


def test_bucket_is_spread_evenly() -> None:
    tenths = [0] * 10
    for number in range(10_000):
        tenths[int(bucket('rollout', f'task-{number}') * 10)] += 1
    assert min(tenths) > 880
    assert max(tenths) < 1120


def test_salts_are_independent() -> None:
    both = sum(
        bucket('a', f'task-{n}') < 0.5 and bucket('b', f'task-{n}') < 0.5 for n in range(4000)
    )
    assert 880 < both < 1120


def test_bucket_never_changes() -> None:
    # Pinned: a robot that restarts with another version of this package keeps its assignment.
    assert bucket('', '') == 0.8931675160897388
    assert bucket('rollout-7', 'task-42') == 0.7325845061174587


@pytest.mark.parametrize('hash_seed', ['0', '1234'])
def test_bucket_is_the_same_in_another_process(hash_seed: str) -> None:
    program = "from hotswap_ros.models import bucket; print(repr(bucket('s' * 99, 'täsk')))"
    result = subprocess.run(
        [sys.executable, '-c', program],
        env={**os.environ, 'PYTHONHASHSEED': hash_seed, 'PYTHONPATH': os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(result.stdout) == bucket('s' * 99, 'täsk')


@given(SHARES, SHARES, st.lists(st.text(), max_size=50))
def test_a_growing_share_only_adds_tasks(one: float, other: float, tasks: list[str]) -> None:
    small, large = (
        Routing('policy', stable='v1', candidate='v2', candidate_share=share, salt='r')
        for share in sorted((one, other))
    )
    for task in tasks:
        assert small.assign(task) == 'v1' or large.assign(task) == 'v2'


@given(st.text())
def test_the_ends_of_the_share(task: str) -> None:
    assert Routing('policy', 'v1', 'v2', 0.0).assign(task) == 'v1'
    assert Routing('policy', 'v1', 'v2', 1.0).assign(task) == 'v2'
    assert Routing('policy', 'v1').assign(task) == 'v1'


@pytest.mark.parametrize(
    ('field', 'fields', 'remedy'),
    [
        ('candidate_share', {'candidate': 'v2', 'candidate_share': 1.1}, '0 to 1'),
        ('candidate_share', {'candidate': 'v2', 'candidate_share': -0.1}, '0 to 1'),
        ('candidate_share', {'candidate': 'v2', 'candidate_share': float('nan')}, '0 to 1'),
        ('candidate_share', {'candidate_share': 0.5}, 'name a candidate'),
        ('candidate', {'candidate': 'v1'}, 'name another'),
        ('candidate', {'stable': '', 'candidate': 'v2'}, 'name both'),
        ('lease_s', {'lease_s': -1.0}, '0 or more'),
        ('lease_s', {'lease_s': float('inf')}, '0 or more'),
        ('generation', {'generation': 2**63}, 'at most'),
        ('generation', {'generation': -1}, '0 or more'),
        ('shadow', {'shadow': 'v1'}, 'it decides already'),
        ('shadow', {'candidate': 'v2', 'shadow': 'v2'}, 'it decides already'),
        ('shadow', {'stable': '', 'shadow': 'v3'}, 'name both'),
        ('model_id', {'model_id': ''}, 'name the model'),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_a_remedy(
    field: str, fields: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(InvalidRoutingError) as caught:
        Routing(**{'model_id': 'policy', 'stable': 'v1', **fields})
    assert caught.value.field == field
    assert f"'{field}' is {fields[field]!r}" in str(caught.value)
    assert remedy in str(caught.value)
