# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The arm for Gazebo is the one in MuJoCo, and the bridge names what is in it."""

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import mujoco
import numpy as np
import pytest
import yaml

from hotswap_ros.sim.arm import arm as pick_arm

FOLDER = Path(__file__).resolve().parents[3] / 'config' / 'gazebo'
JOINTS = ('yaw', 'shoulder', 'elbow')
#: SDF has no inertia of a motor (`armature`): the links have it, kg·m² about their axes. Forearm
#: and upper arm turn together about the shoulder: 0.1 there, and 0.05 at the elbow.
MOTORS = {'base': (0.1, 0.1, 0.1), 'upper': (0.0, 0.05, 0.05), 'fore': (0.0, 0.05, 0.05)}


@pytest.fixture(scope='module')
def sdf():
    return (
        ElementTree.parse(FOLDER / 'pick_arm.sdf').getroot().find("world/model[@name='pick_arm']")
    )


@pytest.fixture(scope='module')
def arm():
    return pick_arm.Arm()


def numbers(text):
    return np.array([float(part) for part in text.split()])


def pose(element):
    """Return rotation and translation of an element's pose."""
    found = element.find('pose')
    if found is None or not (found.text or '').strip():
        return np.eye(3), np.zeros(3)
    x, y, z, roll, pitch, yaw = numbers(found.text)
    turned = turn((0, 0, 1), yaw) @ turn((0, 1, 0), pitch) @ turn((1, 0, 0), roll)
    return turned, np.array([x, y, z])


def turn(axis, angle):
    """Return the rotation about an axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def links(sdf, angles):
    """Return where each link is, by the joints of the file alone."""
    found = {'world': (np.eye(3), np.zeros(3))}
    for joint in sdf.findall('joint'):
        parent, child = joint.findtext('parent'), joint.findtext('child')
        # Poses relative to the joint's parent: what the file says of every joint.
        assert joint.find('pose').get('relative_to') in (parent, '__model__')
        rotation, origin = found[parent]
        turned, moved = pose(joint)
        origin, rotation = origin + rotation @ moved, rotation @ turned
        name = joint.get('name')
        if joint.get('type') == 'revolute':
            rotation = rotation @ turn(numbers(joint.findtext('axis/xyz')), angles[name])
        found[child] = (rotation, origin)
    return found


@pytest.mark.parametrize('seed', range(20))
def test_the_links_are_where_they_are_in_mujoco(sdf, arm, seed):
    random = np.random.default_rng(seed)
    angles = random.uniform(pick_arm.JOINT_LOW, pick_arm.JOINT_HIGH)
    arm.data.qpos[:] = angles
    mujoco.mj_kinematics(arm.model, arm.data)
    found = links(sdf, dict(zip(JOINTS, angles)))
    for name in ('base', 'upper', 'fore', 'payload'):
        rotation, origin = found[name]
        assert origin == pytest.approx(arm.data.body(name).xpos, abs=1e-6), name
        assert rotation == pytest.approx(arm.data.body(name).xmat.reshape(3, 3), abs=1e-6), name


def test_the_motors_are_those_of_mujoco(arm):
    across = [MOTORS[name][1] for name in ('base', 'upper', 'fore')]
    armature = [arm.model.joint(joint).armature[0] for joint in JOINTS]
    assert [across[0], across[1] + across[2], across[2]] == pytest.approx(armature)


@pytest.mark.parametrize('name', ['base', 'upper', 'fore'])
def test_the_links_weigh_what_they_weigh_in_mujoco(sdf, arm, name):
    inertial = sdf.find(f"link[@name='{name}']/inertial")
    body = arm.model.body(name)
    assert float(inertial.findtext('mass')) == pytest.approx(body.mass[0])
    assert pose(inertial)[1] == pytest.approx(body.ipos, abs=1e-9)
    found = [float(inertial.findtext(f'inertia/{axis}')) for axis in ('ixx', 'iyy', 'izz')]
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, body.iquat)
    rotation = rotation.reshape(3, 3)
    expected = rotation @ np.diag(body.inertia) @ rotation.T
    expected += np.diag(MOTORS[name])
    assert np.diag(found) == pytest.approx(expected, abs=1e-7)
    # As in MuJoCo, gravity is compensated for the links and not for the payload.
    assert sdf.findtext(f"link[@name='{name}']/gravity") == 'false'


@pytest.mark.parametrize('elbow', [0.0, 1.2, 2.7])
def test_the_servos_are_stable_with_the_arm_upright(arm, elbow):
    """
    Velocity servos that act once per step are stable if step * inertia⁻¹ * gain is below 2.

    Upright, the inertia about the yaw axis is least.
    """
    world = ElementTree.parse(FOLDER / 'pick_arm.sdf').getroot()
    step_s = float(world.findtext('world/physics/max_step_size'))
    payload_kg = float(world.findtext(".//link[@name='payload']/inertial/mass"))
    away = (0.0, 0.0, -2.0)
    arm.place((0.0, -math.pi / 2, elbow), payload_kg, 0.035, away, away)
    inertia = np.zeros((3, 3))
    for column, unit in zip(inertia, np.eye(3)):
        mujoco.mj_mulM(arm.model, arm.data, column, unit)
    # In the file the motor of the elbow moves with the forearm, also when only the shoulder turns.
    inertia[1, 2] += MOTORS['fore'][1]
    inertia[2, 1] += MOTORS['fore'][1]
    per_step = step_s * np.linalg.solve(inertia, np.diag(pick_arm.SERVO_GAIN))
    assert max(abs(np.linalg.eigvals(per_step))) < 2


def test_only_the_payload_feels_gravity(sdf):
    assert sdf.find("link[@name='payload']/gravity") is None


def test_joints_have_the_limits_and_servos_of_mujoco(sdf):
    servos = {
        p.findtext('joint_name'): p for p in sdf.findall('plugin') if p.find('p_gain') is not None
    }
    for index, name in enumerate(JOINTS):
        limit = sdf.find(f"joint[@name='{name}']/axis/limit")
        assert float(limit.findtext('lower')) == pick_arm.JOINT_LOW[index]
        assert float(limit.findtext('upper')) == pick_arm.JOINT_HIGH[index]
        assert float(limit.findtext('effort')) == pick_arm.MAX_EFFORT[index]
        assert float(limit.findtext('velocity')) == pick_arm.MAX_SPEED
        servo = servos[name]
        assert float(servo.findtext('p_gain')) == pick_arm.SERVO_GAIN[index]
        assert float(servo.findtext('cmd_max')) == pick_arm.MAX_EFFORT[index]
        assert float(servo.findtext('cmd_min')) == -pick_arm.MAX_EFFORT[index]


def test_names_are_unique_and_lead_somewhere(sdf):
    names = [element.get('name') for element in sdf if element.tag in ('link', 'joint')]
    frames = {link.get('name') for link in sdf.findall('link')}
    frames |= {joint.get('name') for joint in sdf.findall('joint')} | {'world', '__model__'}
    # A joint and its child must not share a name with another frame of the model.
    assert len(names) == len(set(names))
    for element in sdf.iter('pose'):
        assert element.get('relative_to', '__model__') in frames


def test_the_bridge_leads_to_what_is_in_the_world(sdf):
    entries = yaml.safe_load((FOLDER / 'bridge.yaml').read_text())
    gazebo = {entry['gz_topic_name']: entry['ros_topic_name'] for entry in entries}
    assert gazebo == {
        '/clock': '/clock',
        '/world/pick_cell/model/pick_arm/joint_state': 'joint_states',
        **{f'/model/pick_arm/joint/{j}/cmd_vel': f'velocity_controller/{j}' for j in JOINTS},
    }
    directions = {entry['ros_topic_name']: entry['direction'] for entry in entries}
    assert {name for name, way in directions.items() if way == 'ROS_TO_GZ'} == {
        f'velocity_controller/{joint}' for joint in JOINTS
    }
    published = [
        joint.text
        for plugin in sdf.findall('plugin')
        if 'joint-state' in plugin.get('filename')
        for joint in plugin.findall('joint_name')
    ]
    assert tuple(published) == JOINTS
