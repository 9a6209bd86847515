# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Conversions of robots' messages: every value comes back, and unknown numbers do no harm."""

import array
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

pytest.importorskip('rclpy', reason='needs ROS')
pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')

from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message

from hotswap_ros import msg
from hotswap_ros.fleet import BreakerReport, VersionReport
from hotswap_ros.limits import SENTENCE_CHARACTERS
from hotswap_ros.models import (
    FailureCause,
    InvalidRoutingError,
    Routing,
    VersionState,
)
from hotswap_ros.models.tensor import DType
from hotswap_ros.nodes.conversions.bounds import MessageError
from hotswap_ros.nodes.conversions.cdr import strings
from hotswap_ros.nodes.conversions.common import (
    duration_msg,
    routing_msg,
    routing_value,
    seconds,
    time_msg,
)
from hotswap_ros.nodes.conversions.report import robot_clock, robot_report
from hotswap_ros.nodes.conversions.robot import (
    TensorError,
    arrays_to_tensors,
    breaker_fields,
    decision_msg,
    shadow_msg,
    tensors_to_arrays,
    version_msg,
)
from hotswap_ros.serving import Decision, OpenBreaker, Placement, ShadowComparison, VersionInfo

INT32 = 2**31
printed = st.characters(categories=('L', 'N', 'P', 'S'))
names = st.text(printed, min_size=1, max_size=12)
words = st.text(printed, max_size=8)
servers = st.from_regex(r'(/[A-Za-z_][A-Za-z0-9_]{0,8}){1,3}', fullmatch=True)
counts = st.integers(0, 2**64 - 1)
milliseconds = st.floats(0, 1e6, width=32)
causes = st.sampled_from(FailureCause)
tensors = st.dictionaries(
    names,
    st.sampled_from(DType).flatmap(
        lambda dtype: arrays.arrays(
            dtype.value, arrays.array_shapes(min_dims=0, min_side=0, max_side=3)
        )
    ),
    max_size=3,
)


def same_arrays(found, expected):
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


# -- times ----------------------------------------------------------------------------------------


@given(st.floats(-INT32, INT32 - 1))
def test_a_time_comes_back_to_a_microsecond(given_s):
    message = time_msg(given_s)
    assert seconds(message) == pytest.approx(given_s, abs=1e-6)
    assert 0 <= message.nanosec < 1_000_000_000
    length = duration_msg(given_s)
    assert (length.sec, length.nanosec) == (message.sec, message.nanosec)


@pytest.mark.parametrize(
    ('given_s', 'sec', 'nanosec'),
    [
        (0.0, 0, 0),
        (-0.25, -1, 750_000_000),
        (0.9999999999, 0, 999_999_999),
        (INT32 - 0.5, INT32 - 1, 500_000_000),
        (INT32, INT32 - 1, 999_999_999),
        (math.inf, INT32 - 1, 999_999_999),
        (-INT32, -INT32, 0),
        (-INT32 - 0.5, -INT32, 0),
        (-math.inf, -INT32, 0),
    ],
)
def test_a_time_outside_int32_becomes_the_nearest_that_a_message_can_express(
    given_s, sec, nanosec
):
    assert time_msg(given_s) == Time(sec=sec, nanosec=nanosec)


def test_not_a_number_is_no_time():
    with pytest.raises(ValueError, match='NaN'):
        time_msg(math.nan)


# -- routing --------------------------------------------------------------------------------------


@st.composite
def routings(draw):
    stable, candidate, shadow = draw(st.permutations(['v1', 'v2', 'v3']))
    has_stable, has_candidate, has_shadow = (draw(st.booleans()) for _ in range(3))
    has_candidate, has_shadow = has_candidate and has_stable, has_shadow and has_stable
    return Routing(
        model_id=draw(names),
        stable=stable if has_stable else '',
        candidate=candidate if has_candidate else '',
        candidate_share=draw(st.floats(0, 1)) if has_candidate else 0.0,
        shadow=shadow if has_shadow else '',
        salt=draw(words),
        generation=draw(st.integers(0, 2**63 - 1)),
        lease_s=draw(st.floats(0, 1e9)),
        activate_at=float(draw(st.integers(0, INT32 - 1))),
    )


@given(routings())
def test_a_routing_comes_back(routing):
    assert routing_value(routing_msg(routing)) == routing


@pytest.mark.parametrize(
    'fields',
    [
        {'model_id': ''},
        {'candidate_share': math.nan},
        {'candidate_share': 1.5},
        {'lease_s': math.inf},
        {'lease_s': math.nan},
        {'generation': 2**63},
        {'activate_at': Time(sec=-1)},
        {'stable': '', 'candidate': 'v2'},
    ],
)
def test_a_routing_that_cannot_be_is_refused(fields):
    routing = msg.Routing(**{'model_id': 'm', 'stable': 'v1', 'candidate': 'v2'} | fields)
    with pytest.raises(InvalidRoutingError):
        routing_value(routing)


# -- tensors, decisions, shadows ------------------------------------------------------------------


@given(tensors)
def test_arrays_come_back_with_type_and_shape(given_arrays):
    same_arrays(tensors_to_arrays(arrays_to_tensors(given_arrays)), given_arrays)


def test_arrays_of_any_byte_order_and_layout_come_back():
    values = np.arange(6, dtype='>f8').reshape(2, 3).T
    found = tensors_to_arrays(arrays_to_tensors({'a': values}))
    np.testing.assert_array_equal(found['a'], values)


@pytest.mark.parametrize(
    'fields',
    [
        {'dtype': msg.Tensor.UNKNOWN},
        {'dtype': 255},
        {'shape': [2]},
        {'shape': [2**32 - 1] * 8},
        {'data': array.array('B', b'1234')},
        {'dtype': msg.Tensor.INT32},
    ],
)
def test_a_tensor_that_is_not_consistent_is_refused_by_name(fields):
    tensor = msg.Tensor(
        **{'name': 'camera', 'dtype': msg.Tensor.FLOAT32, 'shape': [1], 'values': [0.0]} | fields
    )
    with pytest.raises(TensorError, match='camera'):
        tensors_to_arrays([tensor])


@given(tensors, names, st.one_of(st.none(), causes), milliseconds, st.booleans(), st.booleans())
def test_a_decision_comes_back(outputs, version, cause, latency_ms, fallback, is_safe):
    decision = Decision(outputs, version, fallback, cause, latency_ms, is_safe_decision=is_safe)
    message = decision_msg(decision)
    same_arrays(tensors_to_arrays(message.outputs), outputs)
    assert (message.version, message.fallback) == (version, fallback)
    assert message.safe_decision == is_safe
    assert message.latency_ms == latency_ms
    constant = 'CAUSE_NONE' if cause is None else f'CAUSE_{cause.name}'
    assert message.fallback_cause == getattr(msg.Decision, constant)


@given(tensors, tensors, st.floats(0, width=32), st.booleans(), milliseconds, milliseconds)
def test_a_shadow_comparison_comes_back(stable, shadow, distance, agreement, one_ms, other_ms):
    comparison = ShadowComparison(
        't', 'v1', 'v2', stable, shadow, distance, agreement, one_ms, other_ms
    )
    message = shadow_msg(comparison)
    same_arrays(tensors_to_arrays(message.stable_outputs), stable)
    same_arrays(tensors_to_arrays(message.shadow_outputs), shadow)
    for field in (
        'task_id',
        'stable_version',
        'shadow_version',
        'distance',
        'agreement',
        'stable_latency_ms',
        'shadow_latency_ms',
    ):
        assert getattr(message, field) == getattr(comparison, field)


# -- status ---------------------------------------------------------------------------------------


def status(**fields):
    routing = routing_msg(Routing('m', 'v1'))
    return msg.RobotStatus(
        **{'robot_id': 'r1', 'server': '/r1/s', 'model_id': 'm', 'routing': routing} | fields
    )


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('server', '{evil}/x'),
        ('server', '/x' * 200),
        ('robot_id', '\x1b[2Jr1'),
        ('robot_id', 'x' * 1000),
        ('model_id', 'a\nb'),
        ('region', '\u202eabc'),
        ('routing', routing_msg(Routing('m', 'v\x1b[2J'))),
        ('routing', routing_msg(Routing('m', 'v1', salt='x' * 1_000_000))),
        ('labels', ['\x07']),
        ('labels', ['x'] * 1000),
        ('versions', [msg.VersionStatus(version='v\x9b1')]),
        ('versions', [msg.VersionStatus(version=str(number)) for number in range(1000)]),
    ],
)
def test_a_status_that_no_robot_sends_is_refused_by_its_field(field, value):
    with pytest.raises(MessageError, match=f"'{field}'") as caught:
        robot_report(status(**{field: value}))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_sentences_of_a_status_are_short_and_steer_no_terminal():
    reason = '\x1b]0;title\x07' + 'x' * 1_000_000
    found = robot_report(status(versions=[msg.VersionStatus(version='v1', reason=reason)]))
    kept = found.versions['v1'].reason
    assert kept.isprintable()
    assert len(kept) <= SENTENCE_CHARACTERS
    info = VersionInfo('v1', VersionState.FAILED, reason=reason)
    assert version_msg(info).reason == kept


@given(names, servers, st.lists(st.booleans(), max_size=3))
def test_the_first_texts_of_a_message_are_found_without_reading_it(robot_id, server, rest):
    data = serialize_message(
        status(robot_id=robot_id, server=server, labels=['x' for _ in rest], boot_id='b')
    )
    assert strings(data, 20, 2) == (robot_id.encode(), server.encode())
    for length in range(len(data) // 2):
        strings(data[:length], 20, 2)  # whatever it is, no error


def test_a_text_that_is_no_name_is_not_read():
    assert strings(serialize_message(status(robot_id='x' * 100_000)), 20, 2) is None
    assert strings(b'\0\1\0\0' + b'\xff' * 100, 20, 2) is None


@given(
    routings(),
    st.lists(words, max_size=3),
    words,
    servers,
    words,
    words,
    st.integers(0, 255),
    counts,
)
def test_a_status_comes_back(routing, labels, robot_id, server, region, boot_id, limit, free):
    report = robot_report(
        msg.RobotStatus(
            robot_id=robot_id,
            server=server,
            region=region,
            labels=labels,
            boot_id=boot_id,
            model_id=routing.model_id,
            routing=routing_msg(routing),
            resident_limit=limit,
            disk_free_bytes=free,
        )
    )
    assert (report.robot_id, report.server, report.region) == (robot_id, server, region)
    assert (report.model_id, report.routing) == (routing.model_id, routing)
    assert (report.boot_id, report.labels) == (boot_id, tuple(labels))
    assert (report.resident_limit, report.disk_free_bytes) == (limit, free)
    assert report.breaker is None


@given(
    st.sampled_from(VersionState),
    *[words] * 3,
    counts,
    st.one_of(st.none(), st.floats(min_value=2**-20, max_value=1e6, width=32)),
)
def test_the_state_of_a_version_comes_back(state, version, digest, reason, size, latency_ms):
    info = VersionInfo(version, state, digest, reason, size, Placement(('cpu',), 'n'), latency_ms)
    message = version_msg(info)
    assert message.state == getattr(msg.VersionStatus, f'STATE_{state.name}')
    assert (list(message.execution_providers), message.provider_note) == (['cpu'], 'n')
    report = robot_report(status(versions=[message]))
    assert report.versions == {version: VersionReport(state, digest, reason, size, latency_ms)}


@given(st.integers(0, 255))
def test_a_version_state_of_a_newer_robot_is_not_ready(number):
    report = robot_report(status(versions=[msg.VersionStatus(version='v2', state=number)]))
    is_known = 1 <= number <= len(VersionState)
    assert is_known or report.versions['v2'].state is VersionState.ABSENT
    assert report.is_ready('v2') == (number == msg.VersionStatus.STATE_READY)


@given(names, causes, st.integers(1, 2**32 - 1))
def test_an_open_breaker_comes_back(version, cause, count):
    fields = breaker_fields(OpenBreaker(version, cause, count, generation=1))
    assert fields['breaker_cause'] == getattr(msg.Decision, f'CAUSE_{cause.name}')
    words = cause.value.replace('_', ' ')
    assert robot_report(status(**fields)).breaker == BreakerReport(version, words, count)


def test_no_breaker_is_none():
    assert robot_report(status(**breaker_fields(None))).breaker is None


@given(st.integers(len(FailureCause) + 1, 255))
def test_a_breaker_cause_of_a_newer_robot_is_unknown(number):
    report = robot_report(status(breaker_version='v2', breaker_cause=number))
    assert report.breaker == BreakerReport('v2', 'unknown', 0)


def test_a_wall_clock_of_zero_is_unknown():
    assert robot_clock(status()) is None
    assert robot_clock(status(wall_time=Time(sec=5, nanosec=250_000_000))) == 5.25
