# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A coordinator that restarts goes on as if it had not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotswap_ros.gates import Gate
from hotswap_ros.models import LATENCY_EDGES_MS, ShadowCounts, TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

CRITERIA = SuccessCriteria(
    max_latency_ms=40,
    max_latency_increase=0.2,
    max_error_rate=0.01,
    max_category_drop=0.5,
    min_shadow_agreement=0.9,
    max_input_drift=0.2,
    max_unreachable_share=0.1,
    sample_ratio_alpha=0.001,
)
VERSIONS = ('v24', 'v23')


@st.composite
def _telemetry(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Return snapshots of three robots; every count grows, now and then a robot reboots."""
    boots = [0, 0, 0]
    counters: list[dict[str, VersionCounters]] = [{}, {}, {}]
    messages = []
    for _ in range(draw(st.integers(0, 25))):
        robot = draw(st.integers(0, 2))
        if draw(st.integers(0, 9)) == 0:
            boots[robot] += 1
            counters[robot] = {}
        for version in VERSIONS:
            before = counters[robot].get(version, VersionCounters())
            counters[robot][version] = _grown(draw, before)
        share = draw(st.sampled_from([None, 0.5, 0.9]))
        boot = f'boot-{boots[robot]}'
        messages.append((f'amr_{robot}', 'v23', boot, dict(counters[robot]), share))
    return messages


def _grown(draw: st.DrawFn, before: VersionCounters) -> VersionCounters:
    tasks = draw(st.integers(0, 20))
    won = draw(st.integers(0, tasks))
    slow = draw(st.integers(0, 50))
    latency = list(before.latency)
    latency[3] += 50 - slow
    latency[len(LATENCY_EDGES_MS)] += slow
    return VersionCounters(
        requests=before.requests + 50,
        errors=before.errors + draw(st.integers(0, 50)),
        tasks=before.tasks + TaskCounts(tasks, tasks, won, draw(st.integers(0, tasks - won))),
        latency=tuple(latency),
        categories={'boxes': before.tasks + TaskCounts(tasks, tasks, won)},
        shadow=ShadowCounts(
            compared=before.shadow.compared + tasks, agreed=before.shadow.agreed + won
        ),
        inputs={'observation[0]': tuple(latency[:10])},
    )


def _state(gate: Gate) -> Any:
    """Everything that a gate can say and be; NaN as None, so that it can be compared."""
    said = [c.as_json() for complete in (False, True) for c in gate.checks(complete=complete)]
    return said, gate.dump(), gate.candidate_tasks, gate.control_tasks


@settings(max_examples=40)
@given(_telemetry(), st.data())
def test_a_restart_in_the_middle_changes_nothing(messages: list[Any], data: st.DataObject) -> None:
    restart = data.draw(st.integers(0, len(messages)))
    straight = restarted = Gate(CRITERIA, 'v24')
    for message in messages[:restart]:
        straight.observe(*message)
    written = json.dumps(straight.dump(), allow_nan=False)
    restarted = Gate.load(CRITERIA, 'v24', json.loads(written))
    assert _state(restarted) == _state(straight)
    for message in messages[restart:]:
        straight.observe(*message)
        restarted.observe(*message)
    assert _state(restarted) == _state(straight)


@settings(max_examples=20)
@given(_telemetry())
def test_asking_changes_nothing(messages: list[Any]) -> None:
    asked, unasked = Gate(CRITERIA, 'v24'), Gate(CRITERIA, 'v24')
    for message in messages:
        for gate in (asked, unasked):
            gate.observe(*message)
        asked.checks(complete=True)
        asked.dump()
    assert _state(asked) == _state(unasked)


def test_a_gate_of_another_candidate_is_refused() -> None:
    dumped = Gate(CRITERIA, 'v24').dump()
    with pytest.raises(ValueError, match='v25'):
        Gate.load(CRITERIA, 'v25', dumped)


def test_a_gate_of_other_checks_is_refused() -> None:
    dumped = Gate(CRITERIA, 'v24').dump()
    with pytest.raises(ValueError, match='latency'):
        Gate.load(SuccessCriteria(), 'v24', dumped)
