# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Conversions of telemetry: every count comes back, and other versions' telemetry does no harm."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='needs ROS')
pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')

from hotswap_ros import msg
from hotswap_ros.models import (
    BINS,
    LATENCY_EDGES_MS,
    FailureCause,
    RoleCounts,
    Routing,
    ShadowCounts,
    TaskCounts,
    VersionCounters,
)
from hotswap_ros.nodes.conversions.common import InterfaceMismatchError
from hotswap_ros.nodes.conversions.report import telemetry_value
from hotswap_ros.nodes.conversions.robot import telemetry_msg

names = st.text(st.characters(categories=('L', 'N', 'P', 'S')), min_size=1, max_size=12)
counts = st.integers(0, 2**64 - 1)
by_cause = st.dictionaries(
    st.sampled_from([cause.value for cause in FailureCause]), st.integers(1, 2**64 - 1)
)
buckets = len(LATENCY_EDGES_MS) + 1
histograms = st.lists(counts, min_size=buckets, max_size=buckets).map(tuple)
task_counts = st.builds(TaskCounts, *[counts] * 9)
roles = st.builds(RoleCounts, st.integers(1, 2**64 - 1), by_cause, counts, histograms)
features = st.lists(counts, min_size=BINS, max_size=BINS).map(tuple)
counters = st.builds(
    VersionCounters,
    requests=counts,
    errors=counts,
    fallbacks=by_cause,
    tasks=task_counts,
    categories=st.dictionaries(names, task_counts, max_size=3),
    latency=histograms,
    stable=st.one_of(st.just(RoleCounts()), roles),
    candidate=st.one_of(st.just(RoleCounts()), roles),
    shadow=st.builds(ShadowCounts, *[counts] * 5),
    inputs=st.dictionaries(names, features, max_size=2),
)


def without_zeros(causes_counted):
    return {cause: n for cause, n in causes_counted.items() if n}


def assert_same_counters(found, expected):
    for field in ('requests', 'errors', 'tasks', 'categories', 'latency', 'shadow', 'inputs'):
        assert getattr(found, field) == getattr(expected, field)
    assert without_zeros(found.fallbacks) == expected.fallbacks
    for role in ('stable', 'candidate'):
        one, other = getattr(found, role), getattr(expected, role)
        assert (one.requests, one.fallbacks) == (other.requests, other.fallbacks)
        assert without_zeros(one.errors) == other.errors
        assert one.latency == other.latency


ROUTING = Routing('m', 'v1', 'v2', 0.25, generation=7)


@given(st.dictionaries(names, counters, max_size=2))
def test_counters_come_back_with_the_routing_that_they_were_counted_under(by_version):
    message = telemetry_msg(ROUTING, by_version)
    message.boot_id = 'b'
    found = telemetry_value(message)
    assert (found.boot_id, found.routing) == ('b', ROUTING)
    assert found.versions.keys() == by_version.keys()
    for version, expected in by_version.items():
        assert_same_counters(found.versions[version], expected)


def telemetry(**fields):
    message = telemetry_msg(ROUTING, {'v1': VersionCounters(stable=RoleCounts(1))})
    for name, value in fields.items():
        setattr(message.versions[0], name, value)
    return message


def test_causes_and_roles_of_a_newer_robot_are_left_out():
    role = msg.RoleTelemetry(role=99, latency_buckets=[7] * (buckets))
    newer = telemetry(fallbacks=[0, 3, *[9] * 20], roles=[role])
    found = telemetry_value(newer).versions['v1']
    assert set(found.fallbacks) == {cause.value for cause in FailureCause}
    assert found.fallbacks['exception'] == 3
    assert found.stable == found.candidate == RoleCounts()


def test_causes_that_an_older_robot_does_not_count_are_zero():
    found = telemetry_value(telemetry(fallbacks=[0, 3])).versions['v1']
    assert without_zeros(found.fallbacks) == {'exception': 3}


def test_input_bins_that_do_not_fit_are_left_out():
    newer = telemetry(input_features=['a[0]'], input_bins=[1] * (BINS + 1))
    assert telemetry_value(newer).versions['v1'].inputs == {}


@pytest.mark.parametrize('edges', [[], [1.0], [math.nan] * len(LATENCY_EDGES_MS)])
def test_other_latency_edges_are_refused_with_the_robot_and_a_remedy(edges):
    message = telemetry()
    message.robot_id = 'robot_07'
    message.latency_bucket_edges_ms = edges
    with pytest.raises(InterfaceMismatchError, match=r'robot_07.*install the same'):
        telemetry_value(message)


@pytest.mark.parametrize(
    'fields',
    [{'latency_buckets': [1, 2]}, {'roles': [msg.RoleTelemetry(role=1, latency_buckets=[1])]}],
)
def test_a_histogram_of_another_length_is_refused(fields):
    with pytest.raises(InterfaceMismatchError):
        telemetry_value(telemetry(**fields))
