# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Contracts: what is read, and what is refused with the key and the remedy."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from _arm import ARM, joints, manifest, picture
from PIL import Image

from hotswap_ros.policies import (
    ContractError,
    DecisionTerm,
    MessageError,
    ObservationTerm,
    reader_of,
    write_decision,
)

STATE = ARM['observations']['state']


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'no keys'),
        ('[1, 2]', 'no keys'),
        ('a: &x [1]\nb: *x', 'alias'),
        ('robot: {', 'YAML'),
        ('robot: arm', 'rate_hz'),
    ],
)
def test_what_is_no_contract_is_refused(make_contract: Any, text: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        make_contract(text or '\n')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'rate_hz': 0}, 'rate_hz'),
        ({'observations': {'state': {**STATE, 'joints': []}}}, 'joints'),
        ({'observations': {'state': {**STATE, 'type': 'JointState'}}}, 'type'),
        ({'observations': {'state': {**STATE, 'quantity': 'torque'}}}, 'quantity'),
        ({'observations': {'x': {'topic': 'x', 'type': 'my_msgs/msg/My'}}}, 'fields'),
        ({'observations': {'state': {**STATE, 'maxage': 1}}}, 'maxage'),
    ],
)
def test_a_key_that_is_wrong_is_named(
    make_contract: Any, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ContractError, match=words):
        make_contract(**change)


def test_a_version_uses_some_observations_and_makes_all_decisions(make_contract: Any) -> None:
    contract = make_contract()
    state, image, lidar = ({'name': name, 'shape': [1, 2]} for name in ('state', 'image', 'lidar'))
    action, other = ({'name': name, 'shape': [1, 2]} for name in ('action', 'other'))
    assert contract.problems(manifest(inputs=[state], outputs=[action, other])) == []
    assert contract.problems(manifest(inputs=[state, image])) == []
    (missing,) = contract.problems(manifest(inputs=[state, lidar]))
    assert 'lidar' in missing
    (lacking,) = contract.problems(manifest(outputs=[other]))
    assert 'action' in lacking


def term(kind: str, **fields: Any) -> ObservationTerm:
    return ObservationTerm(topic='topic', type=kind, **fields)


def test_joints_are_read_by_their_names() -> None:
    read = reader_of('state', term('sensor_msgs/msg/JointState', joints=('lift', 'turn')))
    found = read(joints(['turn', 'grip', 'lift'], [1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(found, np.array([[3, 1]], np.float32))
    assert found.dtype == np.float32
    with pytest.raises(MessageError, match='lift'):
        read(joints(['turn'], [1.0]))


def test_a_quantity_that_joints_do_not_have_is_refused() -> None:
    how = term('sensor_msgs/msg/JointState', joints=('lift',), quantity='effort')
    with pytest.raises(MessageError, match='effort'):
        reader_of('state', how)(joints(['lift'], [1.0]))


def test_an_image_is_read_without_the_ends_of_its_rows() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    read = reader_of('image', term('sensor_msgs/msg/Image'))
    np.testing.assert_array_equal(read(picture(pixels, padding=5))[0], pixels)
    np.testing.assert_array_equal(read(picture(pixels, 'bgr8'))[0], pixels[..., ::-1])
    with pytest.raises(MessageError, match='bytes'):
        read(SimpleNamespace(**{**vars(picture(pixels)), 'data': b'12'}))
    with pytest.raises(MessageError, match='yuv422'):
        read(picture(pixels, 'yuv422'))


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'mono8'])
def test_a_compressed_image_is_read(encoding: str) -> None:
    pixels = np.full((4, 6, 3), (200, 100, 50), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, 'PNG')
    read = reader_of('image', term('sensor_msgs/msg/CompressedImage', encoding=encoding))
    found = read(SimpleNamespace(data=file.getvalue()))
    assert found.shape == (1, 4, 6, 1 if encoding == 'mono8' else 3)
    if encoding != 'mono8':
        expected = pixels if encoding == 'rgb8' else pixels[..., ::-1]
        np.testing.assert_array_equal(found[0], expected)
    with pytest.raises(MessageError, match='cannot be read'):
        read(SimpleNamespace(data=b'no picture'))


def test_fields_are_read_in_their_order() -> None:
    twist = SimpleNamespace(
        linear=SimpleNamespace(x=1, y=2, z=3), angular=SimpleNamespace(x=4, y=5, z=6)
    )
    found = reader_of('speed', term('geometry_msgs/msg/Twist'))(twist)
    np.testing.assert_array_equal(found, [[1, 2, 3, 4, 5, 6]])
    chosen = term('geometry_msgs/msg/Twist', fields=('angular.z', 'linear.x'))
    np.testing.assert_array_equal(reader_of('speed', chosen)(twist), [[6, 1]])
    unknown = term('geometry_msgs/msg/Twist', fields=('angular.w',))
    with pytest.raises(MessageError, match=r'angular\.w'):
        reader_of('speed', unknown)(twist)


def test_values_of_another_number_are_refused() -> None:
    read = reader_of('x', term('std_msgs/msg/Float32MultiArray', shape=(1, 3)))
    np.testing.assert_array_equal(read(SimpleNamespace(data=[1, 2, 3])), [[1, 2, 3]])
    with pytest.raises(MessageError, match='2 values'):
        read(SimpleNamespace(data=[1, 2]))


def test_decisions_become_messages() -> None:
    step = np.array([[0.5, -1.5]], np.float32)
    array = SimpleNamespace(data=[])
    how = DecisionTerm(topic='commands', type='std_msgs/msg/Float64MultiArray')
    write_decision('action', how, step, array)
    assert array.data == [0.5, -1.5]
    twist = SimpleNamespace(linear=SimpleNamespace(x=0.0, y=0.0), angular=SimpleNamespace(z=0.0))
    paths = ('linear.x', 'angular.z')
    drive = DecisionTerm(topic='cmd_vel', type='geometry_msgs/msg/Twist', fields=paths)
    write_decision('action', drive, step, twist)
    assert (twist.linear.x, twist.angular.z) == (0.5, -1.5)
    with pytest.raises(MessageError, match='3 values'):
        write_decision('action', drive, np.zeros((1, 3)), twist)
    state = SimpleNamespace(name=[], position=[])
    arm = DecisionTerm(topic='goal', type='sensor_msgs/msg/JointState', joints=('a', 'b'))
    write_decision('action', arm, step, state)
    assert (state.name, state.position) == (['a', 'b'], [0.5, -1.5])
