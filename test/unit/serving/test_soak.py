# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The soak knows a wrong answer when it sees one, and sees none."""

import sys
from pathlib import Path

import pytest

from hotswap_ros.models import Routing

BENCH = Path(__file__).resolve().parents[3] / 'bench'


@pytest.fixture
def soak(monkeypatch):
    """Return bench/soak.py."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    import soak

    yield soak
    for name in set(sys.modules) - before:
        if str(BENCH) in str(getattr(sys.modules[name], '__file__', '')):
            del sys.modules[name]


def routings(soak, *given):
    found = soak.Routings()
    for number, (stable, candidate) in enumerate(given):
        share = 1.0 if candidate else 0.0
        routing = Routing('m', stable, candidate, share, generation=number + 1)
        found.put(routing, lambda _: None)
    return found


def test_a_task_begins_on_a_version_that_is_named_for_it(soak):
    given = routings(soak, ('v1', 'v2'))
    assert soak.Task('a').allows('v2', given, 0, 0)
    assert not soak.Task('a').allows('v1', given, 0, 0)
    assert not soak.Task('a').allows('v3', given, 0, 0)


def test_while_a_routing_is_put_in_force_the_task_may_begin_under_either(soak):
    given = routings(soak, ('v1', ''), ('v2', ''))
    for version, is_allowed in (('v1', True), ('v2', True), ('v3', False)):
        assert soak.Task('a').allows(version, given, 0, 1) is is_allowed


def test_what_an_answer_showed_holds_from_then_on(soak):
    given = routings(soak, ('v1', ''), ('v2', ''))
    task = soak.Task('a')
    assert task.allows('v2', given, 0, 1)
    assert not task.allows('v1', given, 1, 1)


def test_a_task_of_stable_stays_on_it(soak):
    given = routings(soak, ('v1', ''), ('v2', ''), ('v3', 'v2'))
    task = soak.Task('a')
    assert task.allows('v1', given, 0, 0)
    assert task.allows('v1', given, 1, 1)
    assert not task.allows('v2', given, 2, 2)


def test_a_task_goes_from_a_dropped_candidate_to_stable_for_good(soak):
    given = routings(soak, ('v1', 'v2'), ('v3', ''), ('v1', 'v2'))
    task = soak.Task('a')
    assert task.allows('v2', given, 0, 0)
    assert task.allows('v3', given, 1, 1)
    assert task.allows('v3', given, 2, 2)


def test_a_dropped_candidate_may_not_answer_any_more(soak):
    given = routings(soak, ('v1', 'v2'), ('v1', ''))
    task = soak.Task('a')
    assert task.allows('v2', given, 0, 0)
    assert not task.allows('v2', given, 1, 1)


def test_a_candidate_keeps_its_tasks_when_it_becomes_stable(soak):
    given = routings(soak, ('v1', 'v2'), ('v2', ''), ('v2', 'v1'))
    task = soak.Task('a')
    for index in range(3):
        assert task.allows('v2', given, index, index)


def test_routings_between_two_requests_are_not_forgotten(soak):
    given = routings(soak, ('v1', 'v2'), ('v3', ''), ('v1', 'v2'))
    task = soak.Task('a')
    assert task.allows('v2', given, 0, 0)
    assert not task.allows('v2', given, 2, 2)


def test_a_second_of_it_goes_well(soak, tmp_path):
    found = soak.Soak(tmp_path)
    found.run(1.0)
    assert found.violations == []
    assert len(found.times_us) > 0


def test_it_sees_an_answer_of_another_version(soak, tmp_path):
    found = soak.Soak(tmp_path)
    found.expected['v1'] = found.expected['v2']
    found.run(0.05)
    assert found.violations[0].endswith('not what v1 puts out')
