# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Declarations of the nodes: topics with their quality of service, and parameters."""

import ast
import itertools
from pathlib import Path

import pytest
import yaml
from rclpy.parameter import Parameter
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible

from hotswap_ros.nodes import qos
from hotswap_ros.nodes.coordinator import FleetCoordinator
from hotswap_ros.nodes.coordinator.parameters import CoordinatorParameters
from hotswap_ros.nodes.model_server import ModelServer
from hotswap_ros.nodes.model_server.parameters import ModelServerParameters
from hotswap_ros.sim.nodes.sim_fleet import SimFleet, SimFleetParameters
from hotswap_ros.sim.nodes.sim_robot import SimRobotNode, SimRobotParameters

ROOT = Path(__file__).resolve().parents[2]
#: Without the file of another package's node.
CONFIG = sorted(p for p in (ROOT / 'config').glob('*.yaml') if p.name != 'diagnostics.yaml')
PARAMETERS = {
    'fleet_coordinator': CoordinatorParameters,
    'model_server': ModelServerParameters,
    'sim_fleet': SimFleetParameters,
    'sim_robot': SimRobotParameters,
}
NODES = {
    'fleet_coordinator': FleetCoordinator,
    'model_server': ModelServer,
    'sim_fleet': SimFleet,
    'sim_robot': SimRobotNode,
}
# Those with nobody at the other end in this package: what robot code sends, and what people and
# tools read.
FROM_OUTSIDE = {'/model_server/observation', '/velocity_controller/commands'}
TO_OUTSIDE = {
    '/fleet/shadow',
    '/diagnostics',
    '/fleet/task_results',
    '/fleet_coordinator/alerts',
    '/fleet_coordinator/rollout_status',
    '/model_server/decision',
    '/joint_states',
    '/sim_robot/observation',
}


def make(world, policies, name, **options):
    """Return a node of the package, configured where that is a step of its own."""
    values = {
        'fleet_coordinator': {'journal': 'none'},
        'model_server': {
            'model_id': 'pick_policy',
            'model_repository': str(policies),
            'autostart': False,
        },
        'sim_fleet': {'robots': 1, 'model_repository': str(policies)},
        'sim_robot': {'model_repository': str(policies)},
    }[name]
    overrides = [Parameter(key, value=value) for key, value in values.items()]
    options = {**world.node_options, 'parameter_overrides': overrides, **options}
    return world.add(lambda: NODES[name](**options))


@pytest.fixture(scope='module')
def nodes(world, policies):
    """Return one node of each kind."""
    made = {name: make(world, policies, name) for name in NODES}
    world.do(made['model_server'].trigger_configure)
    yield made
    for node in made.values():
        world.remove(node)


# -- quality of service ---------------------------------------------------------------------------


@pytest.fixture(scope='module')
def ends(nodes):
    """Return the profiles of every topic of ours: (topic, 'out' or 'in') → profiles."""
    found = {}
    for node in nodes.values():
        for direction, entities in (('out', node.publishers), ('in', node.subscriptions)):
            for entity in entities:
                found.setdefault((entity.topic_name, direction), []).append(entity.qos_profile)
    built_in = ('/parameter_events', '/rosout', '/clock', 'transition_event')
    return {key: value for key, value in found.items() if not key[0].endswith(built_in)}


def test_every_pair_that_the_package_declares_is_compatible(ends):
    topics = {topic for topic, _ in ends}
    pairs = 0
    for topic in topics:
        outs, ins = ends.get((topic, 'out'), []), ends.get((topic, 'in'), [])
        for out, into in itertools.product(outs, ins):
            compatibility, reason = qos_check_compatible(out, into)
            assert compatibility == QoSCompatibility.OK, f'{topic}: {reason}'
            pairs += 1
    assert pairs >= 3, 'status, telemetry and heartbeat at least'


def test_every_topic_has_both_ends_or_is_meant_for_others(ends):
    ins = {topic for topic, direction in ends if direction == 'in'}
    outs = {topic for topic, direction in ends if direction == 'out'}
    assert ins - outs == FROM_OUTSIDE
    assert outs - ins == TO_OUTSIDE


def test_who_listens_with_the_defaults_of_ros_hears_everything_that_matters(ends):
    defaults = QoSProfile(depth=10)
    for topic in (*TO_OUTSIDE, '/fleet/status'):
        (profile, *_) = ends[topic, 'out']
        compatibility, _ = qos_check_compatible(profile, defaults)
        is_stream = topic.endswith(('/decision', '/shadow', '/observation'))
        assert (compatibility == QoSCompatibility.ERROR) is is_stream, topic


def test_the_profiles_are_those_of_one_module(ends):
    named = [qos.STREAM, qos.EVENT, qos.STATE, qos.STREAM_OF_FLEET, qos.EVENT_OF_FLEET]

    def settings(profile):
        return profile.reliability, profile.durability, profile.history, profile.depth

    allowed = [settings(profile) for profile in named]
    for (topic, _), profiles in ends.items():
        assert all(settings(profile) in allowed for profile in profiles), topic


@pytest.mark.parametrize(
    'path',
    [p for p in sorted((ROOT / 'hotswap_ros').rglob('*.py')) if p.name != 'qos.py'],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_other_module_makes_a_profile(path):
    at = {'create_publisher': 2, 'create_subscription': 3, 'listen': 2}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.module != 'rclpy.qos', f'line {node.lineno}'
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = node.args[at[node.func.attr] :] if node.func.attr in at else []
            assert not any(isinstance(g, (ast.Constant, ast.Call)) for g in given[:1]), (
                f'line {node.lineno}: a profile of nodes/qos.py is missing'
            )


# -- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize('name', NODES)
def test_every_parameter_says_what_it_is_and_what_it_may_be(nodes, name):
    node = nodes[name]
    names = list(PARAMETERS[name].__dataclass_fields__)
    for descriptor in node.describe_parameters(names):
        assert len(descriptor.description) > 10, descriptor.name
        assert descriptor.description.endswith('.'), descriptor.name
        assert descriptor.read_only, descriptor.name
        value = node.get_parameter(descriptor.name).value
        if isinstance(value, float):
            (bounds,) = descriptor.floating_point_range
        elif isinstance(value, int) and not isinstance(value, bool):
            (bounds,) = descriptor.integer_range
        else:
            continue
        assert bounds.from_value <= value <= bounds.to_value, descriptor.name


@pytest.mark.parametrize('name', NODES)
def test_there_are_no_other_parameters(nodes, name):
    ours = set(PARAMETERS[name].__dataclass_fields__)
    built_in = {'use_sim_time', 'start_type_description_service', 'enable_logger_service'}
    prefixes = {parameter.split('.')[0] for parameter in nodes[name]._parameters}
    assert prefixes - built_in - {'qos_overrides'} == ours


@pytest.mark.parametrize('path', CONFIG, ids=lambda path: path.name)
def test_a_parameter_file_fits_its_node(world, policies, path):
    (pattern, content), *others = yaml.safe_load(path.read_text()).items()
    assert not others, 'one file per node'
    name = pattern.split('/')[-1]
    assert name == path.stem
    given = content['ros__parameters']
    fields = PARAMETERS[name].__dataclass_fields__
    assert set(given) <= set(fields)
    # What the file leaves open does not matter here; what is needed to start comes first.
    node = make(
        world,
        policies,
        name,
        namespace='from_file',
        cli_args=['--ros-args', '--params-file', str(path)],
    )
    try:
        found = {key: node.get_parameter(key).value for key in given}
        overridden = {'robots', 'journal', 'model_id', 'autostart', 'model_repository'}
        for key in set(given) - overridden:
            assert found[key] == given[key], key
    finally:
        world.remove(node)


@pytest.mark.parametrize('name', NODES)
def test_every_node_has_a_parameter_file(name):
    assert f'{name}.yaml' in {path.name for path in CONFIG}
