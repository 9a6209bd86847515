# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A gate goes on from the journal of an older version, with the evidence that it has."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hotswap_ros.gates import Gate
from hotswap_ros.models import LATENCY_EDGES_MS, ShadowCounts, TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

#: The dump of a gate of an older version, after the first half of `messages`.
FORMAT_5 = Path(__file__).parent / 'data' / 'gate_format_5.json'
HALF = 60
#: Checks that compared other blocks then, weighed requests by task or counted since the start.
_CHANGED = ('success', 'grave_events', 'sample_ratio', 'latency', 'errors', 'stuck')
CRITERIA = SuccessCriteria(
    max_latency_ms=40,
    max_latency_increase=0.2,
    max_error_rate=0.01,
    max_category_drop=0.5,
    max_input_drift=0.2,
)


def messages() -> Iterator[tuple[Any, ...]]:
    """Yield what three robots send; amr_1 reboots in the first half, amr_2 in the second."""
    for number in range(2 * HALF):
        robot, done = number % 3, number // 3
        boot = int(number >= (2**20, 30, 90)[robot])
        done -= boot * (0, 10, 30)[robot]
        counters = {'v23': counted(3 * done, 2 * done), 'v24': counted(2 * done, done)}
        yield f'amr_{robot}', 'v23', f'boot-{boot}', counters, 0.5


def counted(tasks: int, won: int) -> VersionCounters:
    counts = TaskCounts(tasks + 1, tasks, won, (tasks - won) // 4)
    latency = [0] * (len(LATENCY_EDGES_MS) + 1)
    latency[4], latency[14] = 5 * tasks, won
    return VersionCounters(
        requests=sum(latency),
        errors=won // 9,
        tasks=counts,
        latency=tuple(latency),
        categories={'boxes': counts, 'cups': TaskCounts(tasks // 2, tasks // 2, won // 3)},
        shadow=ShadowCounts(offered=tasks),
        inputs={'observation[0]': tuple(latency[:10])},
    )


def test_a_gate_goes_on_from_a_dump_of_format_5() -> None:
    straight = Gate(CRITERIA, 'v24')
    restored = Gate.load(CRITERIA, 'v24', json.loads(FORMAT_5.read_text()))
    for number, message in enumerate(messages()):
        straight.observe(*message)
        if number == HALF - 1:
            straight.leave('amr_0')
        if number >= HALF:
            restored.observe(*message)
    for complete in (False, True):
        said, expected = restored.checks(complete=complete), straight.checks(complete=complete)
        # Checks that have changed keep their evidence.
        others = [number for number, c in enumerate(said) if c.name not in _CHANGED]
        assert [str(said[n]) for n in others] == [str(expected[n]) for n in others]
        assert (said[0].n, said[0].estimate) == (expected[0].n, expected[0].estimate)
    assert restored.candidate_tasks == straight.candidate_tasks > 100


def test_the_evidence_of_an_older_dump_is_kept() -> None:
    dumped = json.loads(FORMAT_5.read_text())
    dumped['checks']['success'] |= {'harm': [2.0, 1.0, 0.5, 0.0, -1.0, -40.0], 'failed': False}
    mean = sum(map(math.exp, dumped['checks']['success']['harm'])) / 6
    restored = Gate.load(CRITERIA, 'v24', dumped)
    assert restored.checks(complete=False)[0].evidence == pytest.approx(mean)


def test_the_split_of_a_dump_of_format_7_is_kept() -> None:
    criteria = SuccessCriteria(sample_ratio_alpha=0.001)
    dumped = json.loads(json.dumps(Gate(criteria, 'v24').dump()))
    dumped['format'] = 7
    dumped['checks']['sample_ratio'] = {
        'shares': {'amr_1': 0.25},
        'began': ['amr_1'],
        'assigned': [300, 100],
        'expected': [300.0, 100.0],
    }
    restored = Gate.load(criteria, 'v24', dumped)
    found = {check.name: check for check in restored.checks(complete=True)}['sample_ratio']
    assert (found.n, found.n_control, found.threshold) == (100, 300, 0.25)
    assert found.p_value == 1
