# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The model server of one robot, over DDS."""

import json
import math
import os
import signal
import threading
from array import array

import pytest
from _world import wait_until
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.parameter import Parameter

from hotswap_ros import msg, srv
from hotswap_ros.models.verified import SealedCopy
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.model_server import ModelServer
from hotswap_ros.nodes.model_server.parameters import ModelServerParameters
from hotswap_ros.nodes.thread_pool import ThreadPool
from hotswap_ros.serving import Isolation

READY = msg.VersionStatus.STATE_READY
FAILED = msg.VersionStatus.STATE_FAILED
ACTIVE = State.PRIMARY_STATE_ACTIVE
INACTIVE = State.PRIMARY_STATE_INACTIVE
UNCONFIGURED = State.PRIMARY_STATE_UNCONFIGURED


class Robot:
    """A model server with a fleet of its own, and what is heard of it."""

    def __init__(self, world, name, root, **parameters):
        self.world = world
        self.fleet = f'/{name}/fleet'
        values = {
            'robot_id': name,
            'model_id': 'policy',
            'model_repository': str(root),
            'stable_version': 'v1',
            'fleet_namespace': self.fleet,
            'status_period_s': 0.1,
            'telemetry_period_s': 0.1,
            **parameters,
        }
        self.statuses = world.listen(msg.RobotStatus, f'{self.fleet}/status', qos.EVENT)
        self.node = world.add(
            lambda: ModelServer(
                namespace=name,
                parameter_overrides=[Parameter(k, value=v) for k, v in values.items()],
                **world.node_options,
            )
        )

    def ask(self, kind, name, **fields):
        return self.world.ask(kind, f'{self.node.get_fully_qualified_name()}/{name}', **fields)

    def infer(self, *tensors, task_id='t1', category=''):
        inputs = list(tensors or [observation()])
        return self.ask(srv.Infer, 'infer', task_id=task_id, category=category, inputs=inputs)

    def load(self, version, model_id='policy'):
        return self.ask(srv.LoadModel, 'load_model', model_id=model_id, version=version)

    def unload(self, version, model_id='policy', **fields):
        fields |= {'model_id': model_id, 'version': version}
        return self.ask(srv.UnloadModel, 'unload_model', **fields)

    def route(self, **fields):
        routing = msg.Routing(**{'model_id': 'policy', 'stable': 'v1', 'generation': 1, **fields})
        return self.ask(srv.SetRouting, 'set_routing', routing=routing)

    def report(self, task_id='t1', **fields):
        return self.ask(srv.ReportTask, 'report_task', task_id=task_id, **fields)

    def change(self, transition):
        return self.ask(ChangeState, 'change_state', transition=Transition(id=transition)).success

    @property
    def state(self):
        return self.ask(GetState, 'get_state').current_state.id

    def wait_for(self, condition, what='a status'):
        """Return the first status from now on that fulfils the condition."""
        self.statuses.clear()
        return self.statuses.wait_for(condition, what)

    def wait_until_active(self):
        ok = msg.RobotStatus.HEALTH_OK
        return self.wait_for(lambda s: s.health == ok, 'a status of a robot that is well')

    def trial(self, **fields):
        """Load v2 and let it serve as candidate."""
        answer = self.load('v2')
        assert answer.error_code == answer.NONE, answer.error_msg
        routing = {'candidate': 'v2', 'candidate_share': 0.5, 'salt': 'rollout-1', **fields}
        answer = self.route(**routing)
        assert answer.error_code == answer.NONE, answer.error_msg


def observation(value=1.0, size=4, **fields):
    tensor = {
        'name': 'observation',
        'dtype': msg.Tensor.FLOAT32,
        'shape': [1, size],
        'values': [value] * size,
        **fields,
    }
    return msg.Tensor(**tensor)


@pytest.fixture
def make_robot(world, make_version, request):
    """Return a maker of robots whose repository holds v1 (decides 1) and v2 (decides 2)."""
    robots = []
    make_version('v1', bias=1.0)
    make_version('v2', bias=2.0)

    def make(**parameters):
        # Names differ between tests: what a node said before it was destroyed may still be on
        # its way.
        name = f'robot_{abs(hash(request.node.name)) % 10**9}_{len(robots)}'
        robots.append(Robot(world, name, make_version.root, **parameters))
        return robots[-1]

    yield make
    for robot in robots:
        world.remove(robot.node)


@pytest.fixture
def robot(make_robot):
    """Return a robot that serves v1."""
    robot = make_robot()
    robot.wait_until_active()
    return robot


# -- lifecycle ------------------------------------------------------------------------------------


def test_it_starts_by_itself(robot):
    assert robot.state == ACTIVE
    assert robot.node.is_serving
    assert robot.infer().decision.version == 'v1'


def test_without_autostart_it_waits_for_its_transitions(make_robot):
    robot = make_robot(autostart=False)
    assert robot.state == UNCONFIGURED
    assert robot.change(Transition.TRANSITION_CONFIGURE)
    assert robot.state == INACTIVE
    robot.wait_for(lambda s: s.routing.stable == 'v1', 'the stable version')
    refused = robot.infer()
    assert refused.error_code == refused.NOT_ACTIVE
    assert 'activate it' in refused.error_msg
    assert robot.change(Transition.TRANSITION_ACTIVATE)
    assert robot.infer().decision.version == 'v1'


def test_deactivated_it_refuses_and_activated_again_it_serves_what_it_served(robot):
    robot.trial()
    assert robot.change(Transition.TRANSITION_DEACTIVATE)
    status = robot.wait_for(lambda s: s.health == s.HEALTH_ERROR, 'a status without health')
    assert 'not active' in status.health_msg
    for answer in (robot.infer(), robot.report()):
        assert answer.error_code == answer.NOT_ACTIVE
        assert 'ros2 lifecycle set' in answer.error_msg
    assert robot.change(Transition.TRANSITION_ACTIVATE)
    status = robot.wait_until_active()
    assert (status.routing.candidate, status.routing.candidate_share) == ('v2', 0.5)


def test_without_an_engine_a_task_cannot_be_reported(make_robot):
    robot = make_robot(autostart=False)
    with pytest.raises(RuntimeError, match='configure it first'):
        robot.node.report_task('t1', True)


def test_cleanup_releases_everything_and_configure_builds_it_again(robot):
    boot_id = robot.wait_until_active().boot_id
    assert robot.change(Transition.TRANSITION_DEACTIVATE)
    assert robot.change(Transition.TRANSITION_CLEANUP)
    assert robot.state == UNCONFIGURED
    names = [name for name, _ in robot.node.get_topic_names_and_types()]
    assert list(robot.node.services)
    assert not [s for s in robot.node.services if s.service_name.endswith('/infer')]
    assert robot.fleet + '/status' in names, 'the tester still listens'
    assert robot.change(Transition.TRANSITION_CONFIGURE)
    robot.wait_for(lambda s: s.routing.stable == 'v1', 'the stable version')
    assert robot.state == INACTIVE, 'it activates itself at the start only'
    assert robot.change(Transition.TRANSITION_ACTIVATE)
    status = robot.wait_until_active()
    assert status.boot_id != boot_id, 'counters begin at zero'
    assert robot.infer().decision.version == 'v1'


def test_it_may_be_shut_down_while_it_serves(robot):
    assert robot.change(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert robot.state == State.PRIMARY_STATE_FINALIZED
    assert not robot.node.is_serving


@pytest.mark.parametrize(
    ('parameters', 'problem'),
    [
        ({'model_id': ''}, "parameter 'model_id' is empty: name the model"),
        ({'model_repository': '/no/such'}, "'/no/such', which is not a folder: create it"),
        ({'fleet_namespace': 'not a name'}, 'cannot configure: '),
        ({'execution_providers': ['gpu']}, "'gpu' is no execution provider: use one of"),
        ({'model_repository': 'http://server/models'}, "parameter 'cache_folder' is empty, but"),
    ],
)
def test_configure_fails_with_what_to_do(make_robot, capfd, parameters, problem):
    robot = make_robot(autostart=False, **parameters)
    assert not robot.change(Transition.TRANSITION_CONFIGURE)
    assert robot.state == UNCONFIGURED
    assert problem in capfd.readouterr().err
    assert not [s for s in robot.node.services if s.service_name.endswith('/infer')]


def test_activate_is_refused_while_the_stable_version_is_being_loaded(
    make_robot, monkeypatch, capfd
):
    jobs = []
    monkeypatch.setattr(ThreadPool, 'submit', lambda self, job: jobs.append(job))
    robot = make_robot(autostart=False)
    assert robot.change(Transition.TRANSITION_CONFIGURE)
    assert not robot.change(Transition.TRANSITION_ACTIVATE)
    assert robot.state == INACTIVE
    assert "stable version 'v1' is not ready. It is being loaded" in capfd.readouterr().err
    jobs[0]()
    assert robot.change(Transition.TRANSITION_ACTIVATE)


def test_activate_is_refused_when_the_stable_version_failed(make_robot, make_version, capfd):
    make_version('v1', sha256='0' * 64)
    robot = make_robot(autostart=False)
    assert robot.change(Transition.TRANSITION_CONFIGURE)
    status = robot.wait_for(lambda s: 'SHA-256' in s.health_msg, 'a status with the reason')
    assert status.health == msg.RobotStatus.HEALTH_ERROR
    capfd.readouterr()
    assert not robot.change(Transition.TRANSITION_ACTIVATE)
    said = capfd.readouterr().err
    assert "stable version 'v1' is not ready. model file" in said
    assert 'copy this version again' in said


def test_a_robot_whose_version_is_broken_begins_to_serve_when_it_is_given_another(
    make_robot, make_version
):
    make_version('v1', sha256='0' * 64)
    robot = make_robot()
    robot.wait_for(lambda s: 'SHA-256' in s.health_msg, 'a status with the reason')
    assert robot.state == INACTIVE
    assert robot.load('v2').error_code == 0
    assert robot.route(stable='v2').error_code == 0
    robot.wait_until_active()
    assert robot.infer().decision.version == 'v2'


def test_without_a_stable_version_it_waits_for_one(make_robot):
    robot = make_robot(stable_version='')
    robot.wait_for(lambda s: s.health_msg == 'no version is in force', 'a status that says so')
    wait_until(lambda: robot.state == ACTIVE, 'an active node')
    refused = robot.infer()
    assert refused.error_code == refused.NOT_ACTIVE
    assert 'load a version and set a routing' in refused.error_msg
    assert robot.load('v2').error_code == 0
    assert robot.route(stable='v2').error_code == 0
    assert robot.infer().decision.version == 'v2'


# -- deciding -------------------------------------------------------------------------------------


def test_infer_returns_the_decision_and_who_made_it(robot):
    answer = robot.infer(category='near')
    assert (answer.error_code, answer.error_msg) == (answer.NONE, '')
    decision = answer.decision
    assert (decision.version, decision.task_id) == ('v1', 't1')
    assert (decision.fallback, decision.fallback_cause) == (False, decision.CAUSE_NONE)
    assert decision.latency_ms > 0
    assert decision.stamp.sec > 0
    (output,) = decision.outputs
    assert (output.name, output.dtype) == ('decision', msg.Tensor.FLOAT32)
    assert list(output.shape) == [1, 2]
    assert list(output.values) == [1.0, 1.0]


FAULTS = {
    'not given': (lambda: [msg.Tensor(name='other', dtype=1, shape=[1], values=[0.0])], 'none'),
    'given twice': (lambda: [observation(), observation()], 'two tensors'),
    'wrong shape': (lambda: [observation(size=5)], 'expected float32[1, 4], found float32[1, 5]'),
    'wrong type': (
        lambda: [observation(dtype=msg.Tensor.FLOAT64, values=[], data=array('B', bytes(32)))],
        'found float64[1, 4]',
    ),
    'unknown type': (lambda: [observation(dtype=99)], 'dtype 99 is unknown (known: 1 float32'),
    'both fields': (
        lambda: [observation(data=array('B', b'1234'))],
        "put a float32 array into 'values'",
    ),
    'the other field': (
        lambda: [observation(values=[], data=array('B', bytes(16)))],
        "put a float32 array into 'values'",
    ),
    'too few values': (lambda: [observation(values=[1.0])], 'needs 16 bytes, but has 4'),
    'not a number': (lambda: [observation(math.nan)], 'expected finite numbers, found nan'),
    'infinite': (lambda: [observation(-math.inf)], 'found -inf at [0, 0]'),
}


def test_a_version_takes_its_own_of_what_a_robot_gives(robot):
    other = msg.Tensor(name='other', dtype=msg.Tensor.FLOAT32, shape=[1], values=[0.0])
    answer = robot.infer(observation(), other)
    assert (answer.error_code, answer.decision.version) == (answer.NONE, 'v1')


@pytest.mark.parametrize('fault', FAULTS)
def test_an_observation_that_is_wrong_is_refused_with_what_is_wrong(robot, fault):
    tensors, problem = FAULTS[fault]
    answer = robot.infer(*tensors())
    assert answer.error_code == answer.INVALID_OBSERVATION
    assert problem in answer.error_msg
    assert list(answer.decision.outputs) == []
    assert answer.decision.error_code == answer.error_code
    unknown = robot.report()
    assert unknown.error_code == unknown.UNKNOWN_TASK, 'what nobody understands is no task'


def test_a_task_needs_a_name(robot):
    answer = robot.infer(task_id='')
    assert answer.error_code == answer.INVALID_OBSERVATION
    assert 'task_id' in answer.error_msg


def test_stable_answers_for_a_candidate_that_fails(make_robot, make_version):
    make_version('v2', fault='not_finite', bias=2.0)
    robot = make_robot()
    robot.wait_until_active()
    robot.trial(candidate_share=1.0)
    answer = robot.infer(observation(-1.0))
    assert answer.error_code == answer.NONE
    assert answer.decision.version == 'v1'
    assert answer.decision.fallback
    assert answer.decision.fallback_cause == msg.Decision.CAUSE_NOT_FINITE
    assert list(answer.decision.outputs[0].values) == [1.0, 1.0]


def test_a_stable_version_that_fails_says_so(make_robot, make_version):
    make_version('v1', fault='exception')
    robot = make_robot()
    robot.wait_until_active()
    answer = robot.infer(observation(-1.0))
    assert answer.error_code == answer.INFERENCE_FAILED
    assert 'safe state' in answer.error_msg


def test_streaming_is_the_same(robot):
    name = robot.node.get_fully_qualified_name()
    decisions = robot.world.listen(msg.Decision, f'{name}/decision', qos.STREAM)
    publisher = robot.world.publisher(msg.Observation, f'{name}/observation', qos.STREAM)

    def decide(sequence, tensor):
        asked = msg.Observation(sequence=sequence, task_id='s1', category='near', inputs=[tensor])

        def heard():
            # Best effort: what is lost is sent again.
            publisher.publish(asked)
            return next((d for d in decisions if d.sequence == sequence), None)

        return wait_until(heard, f'decision {sequence}')

    good = decide(7, observation())
    assert (good.version, good.task_id, good.error_code) == ('v1', 's1', 0)
    assert list(good.outputs[0].values) == [1.0, 1.0]
    bad = decide(8, observation(math.nan))
    assert bad.error_code == srv.Infer.Response.INVALID_OBSERVATION
    assert (bad.task_id, list(bad.outputs)) == ('s1', [])
    assert robot.report('s1', success=True).version == 'v1'
    robot.world.do(lambda: robot.world.node.destroy_publisher(publisher))


# -- versions -------------------------------------------------------------------------------------


def test_a_version_is_loaded_beside_the_one_that_serves(robot):
    answer = robot.load('v2')
    assert (answer.error_code, answer.error_msg) == (answer.NONE, '')
    assert (answer.status.version, answer.status.state) == ('v2', READY)
    assert len(answer.status.digest) == 64
    assert answer.status.size_bytes > 0
    again = robot.load('v2')
    assert (again.error_code, again.status) == (again.NONE, answer.status)
    assert robot.infer().decision.version == 'v1'


def broken(kind, make_version):
    if kind == 'digest':
        make_version('v3', sha256='0' * 64)
    elif kind == 'manifest':
        (make_version('v3') / 'manifest.json').write_text('{"model": "policy"}')
    elif kind == 'runtime':
        make_version('v3', fault='unknown_operator')
    elif kind == 'full':
        make_version('v3')


@pytest.mark.parametrize(
    ('kind', 'code', 'text'),
    [
        ('absent', 'UNKNOWN_VERSION', '(there: v1, v2): add the folder'),
        ('digest', 'DIGEST_MISMATCH', 'copy this version again'),
        ('manifest', 'INVALID_MANIFEST', "field 'version'"),
        ('runtime', 'LOAD_FAILED', 'export the model again'),
        ('full', 'NO_ROOM', 'limit of 2 is reached (loaded: v1, v2): unload one of them'),
    ],
)
def test_a_version_that_cannot_be_loaded_says_why(robot, make_version, kind, code, text):
    broken(kind, make_version)
    if kind == 'full':
        assert robot.load('v2').error_code == 0
    answer = robot.load('v3')
    assert answer.error_code == getattr(answer, code)
    assert text in answer.error_msg
    assert robot.infer().decision.version == 'v1'


def test_a_version_that_failed_may_be_loaded_again(robot, make_version):
    make_version('v3', sha256='0' * 64)
    robot.load('v3')
    status = robot.wait_for(lambda s: len(s.versions) == 2, 'the version')
    failed = status.versions[1]
    assert (failed.version, failed.state) == ('v3', FAILED)
    assert 'SHA-256' in failed.reason
    assert status.health == msg.RobotStatus.HEALTH_OK, 'it serves as before'
    make_version('v3')
    assert robot.load('v3').error_code == 0
    robot.wait_for(lambda s: s.versions[1].state == READY, 'the version')


def test_a_server_of_another_model_refuses(robot):
    for answer in (
        robot.load('v2', model_id='place'),
        robot.unload('v1', model_id='place'),
        robot.route(model_id='place', generation=9),
    ):
        assert answer.error_code == answer.UNKNOWN_MODEL
        assert "serves model 'policy', not 'place'" in answer.error_msg


def test_a_version_is_released_unless_it_is_in_use(robot):
    robot.trial()
    for version in ('v1', 'v2'):
        in_use = robot.unload(version)
        assert in_use.error_code == in_use.IN_USE
        assert 'the routing names it' in in_use.error_msg
    assert robot.route(generation=2).error_code == 0
    assert robot.unload('v2').error_code == 0
    unknown = robot.unload('v9')
    assert unknown.error_code == unknown.UNKNOWN_VERSION
    assert '(loaded: v1)' in unknown.error_msg
    states = {v.version: v.state for v in robot.wait_until_active().versions}
    assert states == {'v1': READY, 'v2': msg.VersionStatus.STATE_RELEASED}


def test_every_version_is_listed_loaded_or_not(robot, make_version):
    (make_version('v3') / 'manifest.json').write_text('no JSON')
    answer = robot.ask(srv.ListModels, 'list_models')
    assert (answer.error_code, answer.model_id) == (answer.NONE, 'policy')
    found = {v.version: v.state for v in answer.versions}
    assert found == {'v1': READY, 'v2': msg.VersionStatus.STATE_ABSENT, 'v3': FAILED}
    assert all(v.size_bytes > 0 for v in answer.versions if v.version != 'v3')
    (v1,) = (v for v in answer.versions if v.version == 'v1')
    assert (v1.execution_providers, v1.provider_note) == (['CPUExecutionProvider'], '')
    assert answer.routing.stable == 'v1'


@pytest.mark.parametrize('isolation', ['worker', 'in_process'])
def test_it_serves_while_a_version_is_being_loaded(make_robot, monkeypatch, isolation):
    robot = make_robot(isolation=isolation)
    robot.wait_until_active()
    may_read = threading.Event()

    def slow(*given):
        """Read a model file, as from a drive that hangs at first."""
        assert may_read.wait(60.0)
        return SealedCopy(*given)

    monkeypatch.setattr('hotswap_ros.models.repository.SealedCopy', slow)
    name = f'{robot.node.get_fully_qualified_name()}/load_model'
    loading = robot.world.begin(srv.LoadModel, name, model_id='policy', version='v2')
    verifying = msg.VersionStatus.STATE_VERIFYING
    robot.wait_for(
        lambda s: any(v.version == 'v2' and v.state == verifying for v in s.versions),
        'a version that is being read',
    )
    assert robot.infer().decision.version == 'v1'
    robot.route(generation=5)
    assert robot.wait_for(lambda s: s.routing.generation == 5, 'the routing')
    assert not loading.done()
    may_read.set()
    assert robot.world.result_of(loading).status.state == READY


def test_a_drive_that_hangs_delays_no_routing_and_no_other_version(
    make_robot, make_version, monkeypatch
):
    robot = make_robot(resident_limit=8, isolation='in_process')
    robot.wait_until_active()
    may_read = threading.Event()
    hung = [make_version(f'h{number}').name for number in range(5)]

    def read(path, *given):
        assert path.parent.name not in hung or may_read.wait(60.0)
        return SealedCopy(path, *given)

    def versions(*given):
        assert may_read.wait(60.0)
        return []

    monkeypatch.setattr('hotswap_ros.models.repository.SealedCopy', read)
    monkeypatch.setattr('hotswap_ros.models.ModelRepository.versions', versions)
    name = robot.node.get_fully_qualified_name()
    waiting = [
        robot.world.begin(srv.LoadModel, f'{name}/load_model', model_id='policy', version=version)
        for version in hung
    ]
    waiting.append(robot.world.begin(srv.ListModels, f'{name}/list_models'))
    robot.wait_for(lambda s: len(s.versions) == 6, 'five versions that are being read')
    assert robot.load('v2').error_code == 0
    assert robot.route(stable='v2', generation=5).error_code == 0
    assert robot.infer().decision.version == 'v2'
    assert robot.unload('v1').error_code == 0
    assert robot.wait_for(lambda s: s.disk_free_bytes > 0, 'the free space')
    assert not any(one.done() for one in waiting[:-1])
    listed = robot.world.result_of(waiting[-1])
    assert [v.version for v in listed.versions] == [*hung, 'v1', 'v2']
    may_read.set()
    for loading in waiting[:-1]:
        assert robot.world.result_of(loading).status.state == READY


def test_versions_are_fetched_into_the_cache(make_robot, make_version, tmp_path):
    robot = make_robot(cache_folder=str(tmp_path / 'cache'), cache_quota_mb=1)
    robot.wait_until_active()
    assert (tmp_path / 'cache' / 'policy' / 'v1' / 'model.onnx').is_file()
    assert not robot.load('v2').error_code
    assert not robot.unload('v2', delete_files=True).error_code
    assert not (tmp_path / 'cache' / 'policy' / 'v2').exists()
    (make_version.root / 'policy' / 'v2' / 'model.onnx').unlink()
    answer = robot.load('v2')
    assert answer.error_code == answer.FETCH_FAILED
    assert f'cannot be fetched from {make_version.root}: it has no model.onnx' in answer.error_msg
    make_version('v2', content=b'x' * 1_100_000)
    assert robot.load('v2').error_code == answer.NO_DISK


def test_a_provider_that_falls_back_is_told(make_robot):
    robot = make_robot(execution_providers=['rknpu', 'cpu'])
    robot.wait_until_active()
    versions = robot.ask(srv.ListModels, 'list_models').versions
    (v1,) = (v for v in versions if v.version == 'v1')
    assert v1.execution_providers == ['CPUExecutionProvider']
    assert v1.provider_note == 'RknpuExecutionProvider is not in this build of the runtime'


# -- routing --------------------------------------------------------------------------------------


def test_a_routing_takes_effect_as_a_whole(robot):
    robot.trial(candidate_share=1.0, generation=5)
    assert robot.infer(task_id='t2').decision.version == 'v2'
    again = robot.route(candidate='v2', candidate_share=1.0, salt='rollout-1', generation=5)
    assert again.error_code == again.NONE
    assert again.routing.generation == 5
    status = robot.wait_for(lambda s: s.routing.candidate == 'v2', 'the candidate')
    assert (status.routing.salt, status.routing.generation) == ('rollout-1', 5)


def test_a_task_stays_on_its_version_until_it_ends(robot):
    assert robot.infer(task_id='old').decision.version == 'v1'
    robot.load('v2')
    assert robot.route(stable='v2', generation=1).error_code == 0
    assert robot.infer(task_id='old').decision.version == 'v1'
    assert robot.infer(task_id='new').decision.version == 'v2'
    in_use = robot.unload('v1')
    assert in_use.error_code == in_use.IN_USE
    assert '1 task(s) under way' in in_use.error_msg
    assert robot.report('old').version == 'v1'
    assert robot.unload('v1').error_code == 0


@pytest.mark.parametrize(
    ('fields', 'code', 'text'),
    [
        (
            {'generation': 3},
            'STALE_GENERATION',
            'generation 3 is older than the one in force',
        ),
        ({'generation': 4}, 'STALE_GENERATION', 'generation 4 differs from the one in force'),
        ({'stable': 'v2'}, 'NOT_READY', "version 'v2' is absent"),
        ({'candidate': 'v9', 'candidate_share': 0.5}, 'NOT_READY', "version 'v9' is absent"),
        ({'candidate_share': 1.5}, 'INVALID', "'candidate_share' is 1.5: use 0 to 1"),
        ({'candidate_share': math.nan}, 'INVALID', "'candidate_share' is nan"),
        ({'candidate': 'v1'}, 'INVALID', 'it is the stable version already'),
        ({'stable': '', 'candidate': 'v1'}, 'INVALID', 'needs a stable version beside it'),
        ({'lease_s': -1.0}, 'INVALID', "'lease_s' is -1.0"),
        ({'lease_s': math.inf}, 'INVALID', "'lease_s' is inf"),
        ({'shadow': 'v2'}, 'NOT_READY', "'v2'"),
        ({'model_id': ''}, 'INVALID', 'name the model'),
    ],
)
def test_a_routing_that_is_not_possible_changes_nothing(robot, fields, code, text):
    assert robot.route(generation=4, salt='in force').error_code == 0
    answer = robot.route(**{'generation': 9, **fields})
    assert answer.error_code == getattr(answer, code)
    assert text in answer.error_msg
    assert (answer.routing.generation, answer.routing.salt) == (4, 'in force')
    assert (answer.routing.stable, answer.routing.candidate) == ('v1', '')


# -- what is published ----------------------------------------------------------------------------


def test_the_status_says_what_the_fleet_needs_to_know(make_robot):
    robot = make_robot(region='north', labels=['type=picker', ''], resident_limit=3)
    status = robot.wait_until_active()
    assert status.robot_id == robot.node.robot_id
    assert status.server == robot.node.get_fully_qualified_name()
    assert (status.region, list(status.labels)) == ('north', ['type=picker'])
    assert (status.model_id, status.resident_limit) == ('policy', 3)
    assert (status.routing.stable, status.routing.generation) == ('v1', 0)
    assert len(status.boot_id) == 16
    assert status.health_msg == ''
    robot.wait_for(lambda s: s.disk_free_bytes > 0, 'free disk')


def test_the_status_is_a_heartbeat(robot):
    heard = [robot.wait_for(lambda s: True) for _ in range(3)]
    stamps = [s.stamp.sec + s.stamp.nanosec * 1e-9 for s in heard]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == 3


def test_the_status_is_published_at_every_change(make_robot):
    # Heard before the first heartbeat would come: these are the changes.
    robot = make_robot(status_period_s=60.0)
    robot.statuses.wait_for(lambda s: s.health == s.HEALTH_OK, 'the stable version')
    robot.statuses.clear()
    robot.load('v2')

    def states(status):
        return {v.version: v.state for v in status.versions}

    for state in ('VERIFYING', 'LOADING', 'WARMING', 'READY'):
        expected = getattr(msg.VersionStatus, f'STATE_{state}')
        robot.statuses.wait_for(lambda s, e=expected: states(s).get('v2') == e, state)
    robot.route(stable='v2')
    robot.statuses.wait_for(lambda s: s.routing.stable == 'v2', 'the routing')


def test_telemetry_counts_since_the_boot_and_never_falls(robot):
    heard = robot.world.listen(msg.ModelTelemetry, f'{robot.fleet}/telemetry', qos.STREAM)
    robot.trial(candidate_share=1.0)
    for task_id, category, outcome in (
        ('t1', 'near', {'success': True}),
        ('t2', 'far', {'success': False}),
        ('t3', 'far', {'success': True, 'stuck': True}),
    ):
        for _ in range(2):
            robot.infer(task_id=task_id, category=category)
        robot.report(task_id, **outcome)

    def all_counted(message):
        return {v.version: v.tasks.finished for v in message.versions}.get('v2') == 3

    telemetry = heard.wait_for(all_counted, 'three tasks')
    (v2,) = (v for v in telemetry.versions if v.version == 'v2')
    assert (v2.requests, v2.errors) == (6, 0)
    assert set(v2.fallbacks) == {0}
    tasks = v2.tasks
    assert (tasks.category, tasks.started, tasks.succeeded) == ('', 3, 1)
    assert (tasks.stuck, tasks.timed_out) == (1, 0)
    by_category = {c.category: (c.finished, c.succeeded) for c in v2.categories}
    assert list(by_category) == ['far', 'near']
    assert by_category == {'near': (1, 1), 'far': (2, 0)}
    assert sum(v2.latency_buckets) == 6
    assert len(v2.latency_buckets) == len(telemetry.latency_bucket_edges_ms) + 1
    assert telemetry.robot_id == robot.node.robot_id
    assert telemetry.boot_id == robot.wait_until_active().boot_id

    robot.route(generation=2)
    robot.unload('v2')
    robot.load('v2')
    heard.clear()
    later = heard.wait_for(all_counted, 'the same counts after a release and a load')
    assert next(v for v in later.versions if v.version == 'v2') == v2


def test_fallbacks_are_counted_by_cause(make_robot, make_version):
    make_version('v2', fault='out_of_bounds')
    robot = make_robot()
    robot.wait_until_active()
    heard = robot.world.listen(msg.ModelTelemetry, f'{robot.fleet}/telemetry', qos.STREAM)
    robot.trial(candidate_share=1.0)
    for value in (-1.0, 1.0, -1.0):
        robot.infer(observation(value))

    def candidate(message):
        return next((v for v in message.versions if v.version == 'v2' and v.requests == 3), None)

    v2 = candidate(heard.wait_for(candidate, 'three requests'))
    assert v2.errors == 2
    assert v2.fallbacks[msg.Decision.CAUSE_OUT_OF_BOUNDS] == 2
    assert sum(v2.fallbacks) == 2
    (role,) = v2.roles
    assert (role.role, role.requests, role.fallbacks) == (role.ROLE_CANDIDATE, 3, 2)
    assert role.errors[msg.Decision.CAUSE_OUT_OF_BOUNDS] == sum(role.errors) == 2
    assert list(role.latency_buckets) == list(v2.latency_buckets)


def test_a_task_without_requests_counts_as_timed_out(make_robot):
    robot = make_robot(task_timeout_s=0.1)
    robot.wait_until_active()
    heard = robot.world.listen(msg.ModelTelemetry, f'{robot.fleet}/telemetry', qos.STREAM)
    robot.infer(task_id='silent')
    told = heard.wait_for(
        lambda m: any(v.tasks.timed_out == 1 for v in m.versions), 'a task that timed out'
    )
    (v1,) = told.versions
    assert (v1.tasks.finished, v1.tasks.succeeded) == (1, 0)
    late = robot.report('silent', success=True)
    assert late.error_code == late.UNKNOWN_TASK
    assert 'timed out' in late.error_msg


def test_a_finished_task_is_told_once_and_reported_once(robot):
    heard = robot.world.listen(msg.TaskResult, f'{robot.fleet}/task_results', qos.EVENT)
    wait_until(
        lambda: robot.world.node.count_publishers(f'{robot.fleet}/task_results'), 'a publisher'
    )
    robot.infer(task_id='t1', category='near')
    duration = {'sec': 2, 'nanosec': 500_000_000}
    from builtin_interfaces.msg import Duration

    answer = robot.report(
        't1',
        success=False,
        stuck=True,
        error='gripper jammed',
        duration=Duration(**duration),
        progress=0.4,
        interventions=2,
    )
    assert (answer.error_code, answer.version) == (answer.NONE, 'v1')
    result = heard.wait_for(lambda m: m.task_id == 't1', 'the result')
    assert (result.robot_id, result.model_id) == (robot.node.robot_id, 'policy')
    assert (result.category, result.version) == ('near', 'v1')
    assert (result.success, result.stuck, result.error) == (False, True, 'gripper jammed')
    assert result.duration == Duration(**duration)
    assert (result.progress, result.interventions) == (0.4, 2)
    robot.infer(task_id='t2')
    wrong = robot.report('t2', success=True, progress=1.5)
    assert wrong.error_code == wrong.INVALID_REPORT
    assert "'progress' of a task is 1.5" in wrong.error_msg
    assert robot.report('t2', success=True).error_code == wrong.NONE
    assert heard.wait_for(lambda m: m.task_id == 't2', 'the result').progress == -1.0
    counts = robot.node.engine.counters()['v1'].tasks
    assert (counts.progress, counts.progress_reports, counts.interventions) == (1400, 1, 2)
    again = robot.report('t1', success=True)
    assert again.error_code == again.UNKNOWN_TASK
    assert 'report every task once' in again.error_msg


def test_diagnostics_tell_what_is_served_and_how_well(robot):
    heard = robot.world.listen(DiagnosticArray, '/diagnostics', qos.EVENT)
    robot.trial()
    robot.infer()
    robot.report(success=True)
    name = f'model_server: {robot.node.robot_id} policy'

    def of_ours(condition):
        def check(message):
            (status,) = message.status
            values = {pair.key: pair.value for pair in status.values}
            return status.name == name and condition(status, values)

        return check

    message = heard.wait_for(of_ours(lambda s, v: 'share of v2' in v), 'diagnostics with v2')
    (status,) = message.status
    assert (status.level, status.message) == (DiagnosticStatus.OK, 'serving v1')
    assert status.hardware_id == robot.node.robot_id
    assert {p.key: p.value for p in status.values}['share of v2'] == '50%'
    heard.wait_for(of_ours(lambda s, v: ' of 1' in json.dumps(v)), 'a task in the figures')
    robot.route(candidate='v2', lease_s=0.1, generation=2)
    heard.wait_for(of_ours(lambda s, v: s.level == DiagnosticStatus.WARN), 'a warning')
    robot.change(Transition.TRANSITION_DEACTIVATE)
    heard.wait_for(of_ours(lambda s, v: s.level == DiagnosticStatus.ERROR), 'an error')


# -- lease ----------------------------------------------------------------------------------------

LEASE_S = 0.5


class Beats:
    """Heartbeats of a coordinator, twenty a second, as long as `rollout_ids` is not None."""

    def __init__(self, robot):
        self._world = robot.world
        self._publisher = robot.world.publisher(
            msg.Heartbeat, f'{robot.fleet}/heartbeat', qos.STREAM
        )
        self.epoch = 5
        self.rollout_ids = ['rollout-1']
        self._timer = robot.world.do(lambda: robot.world.node.create_timer(0.05, self._beat))

    def _beat(self):
        if self.rollout_ids is not None:
            self._publisher.publish(msg.Heartbeat(epoch=self.epoch, rollout_ids=self.rollout_ids))

    def close(self):
        self._world.do(self._destroy)

    def _destroy(self):
        self._world.node.destroy_timer(self._timer)
        self._world.node.destroy_publisher(self._publisher)


@pytest.fixture
def beats(robot):
    beats = Beats(robot)
    yield beats
    beats.close()


def spans(seconds, first, status):
    """Return whether a status is so many seconds younger than the first one."""
    return (
        status.stamp.sec
        + status.stamp.nanosec * 1e-9
        - (first.stamp.sec + first.stamp.nanosec * 1e-9)
        > seconds
    )


def stays_on_trial(robot):
    """Return whether the candidate outlives three leases."""
    first = robot.wait_for(lambda s: True)
    last = robot.wait_for(lambda s: spans(3 * LEASE_S, first, s), 'the end of three leases')
    return last.routing.candidate == 'v2'


def test_a_candidate_that_nobody_watches_is_dropped(robot, capfd):
    robot.trial(lease_s=LEASE_S, generation=7)
    robot.infer(task_id='t1')
    status = robot.wait_for(lambda s: not s.routing.candidate, 'stable alone')
    assert (status.routing.stable, status.routing.candidate_share) == ('v1', 0.0)
    assert status.routing.generation == 7
    assert {v.version: v.state for v in status.versions}['v2'] == READY, 'it stays loaded'
    assert robot.infer(task_id='t1').decision.version == 'v1', 'its tasks go to stable too'
    degraded = robot.wait_for(lambda s: s.health == s.HEALTH_DEGRADED, 'degraded health')
    assert degraded.health_msg == 'v2 was dropped: no heartbeat of a coordinator'
    assert 'no heartbeat for 0.5 s: v2 is dropped' in capfd.readouterr().err
    stale = robot.route(generation=6)
    assert stale.error_code == stale.STALE_GENERATION
    robot.wait_for(lambda s: s.health == s.HEALTH_DEGRADED, 'the same: nothing was mended')
    assert robot.route(generation=8).error_code == 0
    robot.wait_until_active()


def test_a_lease_of_zero_never_ends(robot):
    robot.trial(lease_s=0.0)
    assert stays_on_trial(robot)


def test_heartbeats_renew_the_lease(robot, beats):
    robot.trial(lease_s=LEASE_S)
    assert stays_on_trial(robot)
    beats.rollout_ids = None
    robot.wait_for(lambda s: not s.routing.candidate, 'stable alone')


def test_heartbeats_of_another_rollout_do_not_renew_it(robot, beats):
    beats.rollout_ids = ['rollout-2']
    robot.trial(lease_s=LEASE_S)
    robot.wait_for(lambda s: not s.routing.candidate, 'stable alone')


def test_heartbeats_of_an_older_epoch_are_ignored(robot, beats):
    robot.trial(lease_s=LEASE_S)
    assert stays_on_trial(robot)
    beats.epoch -= 1
    robot.wait_for(lambda s: not s.routing.candidate, 'stable alone')
    beats.epoch += 2
    assert (
        robot.route(
            candidate='v2', candidate_share=0.5, salt='rollout-1', lease_s=LEASE_S, generation=2
        ).error_code
        == 0
    )
    assert stays_on_trial(robot), 'a newer epoch counts'


# -- what the engine does by itself ---------------------------------------------------------------


def test_a_candidate_that_fails_in_a_row_is_out_and_reported(make_robot, make_version):
    robot = make_robot(breaker_limit=3)
    make_version('v2', bias=2.0, fault='not_finite')
    robot.wait_until_active()
    robot.trial(candidate_share=1.0)
    for number in range(3):
        decision = robot.infer(observation(-1.0), task_id=f't{number}').decision
        assert (decision.version, decision.fallback) == ('v1', True)
    status = robot.wait_for(lambda s: s.breaker_version, 'an open breaker')
    assert (status.breaker_version, status.breaker_count) == ('v2', 3)
    assert status.breaker_cause == msg.Decision.CAUSE_NOT_FINITE
    assert (status.routing.candidate, status.health) == ('', msg.RobotStatus.HEALTH_DEGRADED)
    assert 'v2 was dropped after 3 failures in a row' in status.health_msg
    robot.route(candidate='v2', candidate_share=1.0, generation=2)
    assert robot.infer(task_id='t9').decision.version == 'v2'


def test_a_candidate_whose_process_is_killed_costs_no_request(robot):
    robot.trial(candidate_share=1.0)
    assert robot.infer().decision.version == 'v2'
    worker = robot.node.engine.workers()['v2']
    os.kill(worker, signal.SIGKILL)
    answers = [robot.infer(task_id=f't{number}') for number in range(20)]
    assert {answer.error_code for answer in answers} == {srv.Infer.Response.NONE}
    wait_until(
        lambda: robot.node.engine.workers().get('v2', worker) != worker, 'another worker for v2'
    )


def test_a_shadow_is_compared_and_never_acts(robot):
    heard = robot.world.listen(msg.ShadowComparison, f'{robot.fleet}/shadow', qos.STREAM)
    assert robot.load('v2').error_code == 0
    assert robot.route(shadow='v2').error_code == 0

    def compared():
        assert robot.infer().decision.version == 'v1'
        return list(heard)

    comparison = wait_until(compared, 'a comparison')[0]
    assert (comparison.stable_version, comparison.shadow_version) == ('v1', 'v2')
    assert (comparison.distance, comparison.agreement) == (1.0, False)
    assert comparison.task_id == 't1'


def test_what_was_served_is_served_after_a_restart(make_robot, tmp_path):
    robot = make_robot(state_folder=str(tmp_path / 'state'))
    robot.wait_until_active()
    assert robot.load('v2').error_code == 0
    assert robot.route(stable='v2', generation=7).error_code == 0
    robot.node.stop()
    again = make_robot(state_folder=str(tmp_path / 'state'))
    status = again.wait_until_active()
    assert (status.routing.stable, status.routing.generation) == ('v2', 7)
    assert again.infer().decision.version == 'v2'


def test_a_state_file_that_cannot_be_read_lets_stable_serve_and_is_told(make_robot, tmp_path):
    (tmp_path / 'state' / 'policy.json').mkdir(parents=True)
    robot = make_robot(state_folder=str(tmp_path / 'state'))
    told = robot.wait_for(lambda m: m.health == m.HEALTH_DEGRADED)
    assert 'policy.json' in told.health_msg
    assert told.routing.stable == 'v1'
    assert robot.infer().decision.version == 'v1'


def test_a_routing_may_wait_for_its_time(robot):
    assert robot.load('v2').error_code == 0
    at = robot.node.get_clock().now().nanoseconds // 10**9 + 2
    answer = robot.route(stable='v2', activate_at=Time(sec=at))
    assert (answer.error_code, answer.routing.stable) == (answer.NONE, 'v1')
    status = robot.wait_for(lambda s: s.pending_routing.model_id or s.routing.stable == 'v2')
    assert 'v2' in (status.pending_routing.stable, status.routing.stable)
    status = robot.wait_for(lambda s: s.routing.stable == 'v2', 'the routing in force')
    assert status.pending_routing.model_id == ''


def test_a_version_that_would_not_fit_the_memory_is_refused_with_figures(make_robot):
    robot = make_robot(memory_budget_mb=20)
    robot.wait_until_active()
    answer = robot.load('v2')
    assert answer.error_code == answer.NO_MEMORY
    assert 'budget 20 MB' in answer.error_msg


@pytest.mark.parametrize('spelling', ['worker', 'incubator'])
def test_the_former_name_of_a_worker_is_accepted(spelling):
    given = ModelServerParameters(model_id='policy', isolation=spelling)
    given.require_sound()
    assert given.engine_settings().isolation is Isolation.WORKER


def test_an_unknown_isolation_is_refused(make_robot):
    robot = make_robot(isolation='jail', autostart=False)
    assert not robot.change(Transition.TRANSITION_CONFIGURE)
    assert robot.state == UNCONFIGURED
