# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Faults of simulated robots over DDS, and the reaction of the coordinator.

One fleet of four robots and one coordinator for all tests; each begins and ends without faults.
"""

import json
import time

import pytest
from _world import plan, wait_until
from diagnostic_msgs.msg import DiagnosticArray

from hotswap_ros import msg, srv
from hotswap_ros.nodes import qos

ROBOT = 'robot_02'
ROBOTS = 4
Fault = srv.InjectFault.Request
Status = msg.RolloutStatus
LONG = [(100, 1_000_000)]


@pytest.fixture(scope='module')
def whole_site(make_site):
    site = make_site()
    site.fleet = site.run_fleet(ROBOTS, speed=20.0, labels=['gripper=jaw,floor=1', 'gripper=cup'])
    site.run_coordinator(site.folder / 'journal.sqlite3', unreachable_after_s=2.0)
    return site


@pytest.fixture
def site(whole_site):
    """Return the site with every robot well, and v23 on all of them."""
    whole_site.put_back('v23')
    yield whole_site
    clear(whole_site)


def clear(site):
    inject(site, Fault.CLEAR, robots=())
    wait_until(lambda: is_heard(site, ROBOTS), lambda: f'all robots: {site.robots}')


def is_heard(site, robots):
    """Return whether so many robots were heard in this moment, all of them well."""
    site.robots.clear()
    time_out = time.monotonic() + 2.5
    while time.monotonic() < time_out:
        if len(site.robots) == robots and site.is_well():
            return True
        time.sleep(0.01)
    return False


def inject(site, fault, robots=(ROBOT,), **fields):
    answer = site.world.ask(
        srv.InjectFault, '/sim_fleet/inject_fault', fault=fault, robot_ids=list(robots), **fields
    )
    assert answer.error_code == answer.NONE, answer.error_msg


def listen(site):
    """Return what is heard of all robots from now on."""
    return site.world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)


def of(heard, robot_id=ROBOT):
    return [message for message in heard if message.robot_id == robot_id]


def wait_for_silence(heard, robot_id=ROBOT):
    """Wait until a robot was not heard for as long as the others were three times."""

    def others_only():
        names = [message.robot_id for message in heard]
        return names.count('robot_01') >= 3 and robot_id not in names

    def again():
        heard.clear()
        give_up_at = time.monotonic() + 8.0
        while time.monotonic() < give_up_at:
            if others_only():
                return True
            time.sleep(0.05)
        return False

    wait_until(again, f'{robot_id} to be silent')


# -- each fault, and what is seen of it -----------------------------------------------------------


def test_power_off_ends_a_robot_without_a_word_and_it_comes_back_as_it_was(site):
    before = site.robots[ROBOT]
    heard = listen(site)
    inject(site, Fault.POWER_OFF)
    wait_for_silence(heard)
    inject(site, Fault.CLEAR)
    after = heard.wait_for(lambda m: m.robot_id == ROBOT and m.health == m.HEALTH_OK)
    assert after.boot_id != before.boot_id
    assert (after.routing.stable, after.routing.generation) == (
        before.routing.stable,
        before.routing.generation,
    )


def test_a_robot_without_power_answers_nobody(site):
    heard = listen(site)
    inject(site, Fault.POWER_OFF)
    wait_for_silence(heard)
    call = site.world.begin(srv.ListModels, f'/{ROBOT}/model_server/list_models')
    with pytest.raises(AssertionError, match='an answer'):
        site.world.result_of(call, 1.0)


def test_a_reboot_ends_by_itself(site):
    before = site.robots[ROBOT]
    heard = listen(site)
    inject(site, Fault.REBOOT, duration_s=0.5)
    after = heard.wait_for(
        lambda m: m.robot_id == ROBOT and m.boot_id != before.boot_id and m.health == m.HEALTH_OK
    )
    assert after.routing.stable == 'v23'


def test_a_robot_that_is_cut_off_neither_hears_nor_says_and_works_on(site):
    results = site.world.listen(msg.TaskResult, '/fleet/task_results', qos.EVENT)
    heard = listen(site)
    inject(site, Fault.PARTITION)
    wait_for_silence(heard)
    call = site.world.begin(srv.ListModels, f'/{ROBOT}/model_server/list_models')
    with pytest.raises(AssertionError, match='an answer'):
        site.world.result_of(call, 1.0)
    results.clear()
    boot_id = site.robots['robot_01'].boot_id
    inject(site, Fault.CLEAR)
    # What is reliable and was kept arrives now: results of the tasks done meanwhile among it.
    back = heard.wait_for(lambda m: m.robot_id == ROBOT and m.health == m.HEALTH_OK)
    assert back.boot_id != boot_id
    results.wait_for(lambda m: m.robot_id == ROBOT)
    assert site.world.result_of(call).model_id == 'pick_policy'


def test_a_slow_network_delays_answers_and_messages(site):
    inject(site, Fault.SLOW_NETWORK, magnitude=0.4)
    wait_until(lambda: answer_time(site) >= 0.8, 'an answer that takes twice 0.4 s')
    inject(site, Fault.CLEAR)
    wait_until(lambda: answer_time(site) < 0.8, 'a quick answer')


def answer_time(site):
    began = time.monotonic()
    site.world.ask(srv.ListModels, f'/{ROBOT}/model_server/list_models')
    return time.monotonic() - began


def test_a_full_disk_takes_no_version_and_the_robot_serves_on(site):
    heard = listen(site)
    inject(site, Fault.FULL_DISK)
    full = heard.wait_for(lambda m: m.robot_id == ROBOT and m.disk_free_bytes == 0)
    assert full.health == full.HEALTH_OK
    asked = {'model_id': 'pick_policy', 'version': 'v25_regressed'}
    answer = site.world.ask(srv.LoadModel, f'/{ROBOT}/model_server/load_model', **asked)
    assert answer.error_code == answer.NO_DISK, answer.error_msg
    assert 'No space left on device' in answer.error_msg
    inject(site, Fault.CLEAR)
    heard.clear()
    heard.wait_for(lambda m: m.robot_id == ROBOT and m.disk_free_bytes > 0)
    answer = site.world.ask(srv.LoadModel, f'/{ROBOT}/model_server/load_model', **asked)
    assert answer.error_code == answer.NONE, answer.error_msg
    site.world.ask(srv.UnloadModel, f'/{ROBOT}/model_server/unload_model', **asked)


def test_a_rollout_ends_at_once_where_a_disk_is_full_and_says_so(site):
    heard = listen(site)
    inject(site, Fault.FULL_DISK)
    # The answer says that it is going to happen, a tick of the robot later.
    heard.wait_for(lambda m: m.robot_id == ROBOT and m.disk_free_bytes == 0)
    asked = {'modelId': 'pick_policy', 'version': 'v25_different', 'strategy': 'Direct'}
    result = site.roll_out(json.dumps(asked)).result()
    assert result.status == Status.STATUS_FAILED
    assert ROBOT in result.reason
    assert json.loads(result.report)['robots_failed'] == [ROBOT]
    assert 'No space left on device' in result.reason


def test_a_clock_that_jumps_jumps_in_every_stamp(site):
    heard = listen(site)
    results = site.world.listen(msg.TaskResult, '/fleet/task_results', qos.EVENT)
    diagnostics = site.world.listen(DiagnosticArray, '/diagnostics', qos.EVENT)
    inject(site, Fault.CLOCK_JUMP, magnitude=-7200.0)

    def is_behind(stamp):
        return -7300 < stamp.sec - time.time() < -7100

    heard.wait_for(lambda m: m.robot_id == ROBOT and is_behind(m.stamp) and is_behind(m.wall_time))
    results.wait_for(lambda m: m.robot_id == ROBOT and is_behind(m.stamp))
    diagnostics.wait_for(lambda m: m.status[0].hardware_id == ROBOT and is_behind(m.header.stamp))
    others = [m for m in heard if m.robot_id != ROBOT]
    assert not any(is_behind(m.stamp) for m in others)


def test_a_camera_that_is_off_makes_tasks_fail(site):
    results = site.world.listen(msg.TaskResult, '/fleet/task_results', qos.EVENT)
    inject(site, Fault.SENSOR_DRIFT, magnitude=0.05)
    # Nothing is placed within 12 mm by a camera that is 50 mm off.
    wait_until(
        lambda: [m.success for m in results if m.robot_id == ROBOT][-10:] == [False] * 10,
        'ten failed tasks one after the other',
    )
    assert any(m.success for m in results if m.robot_id != ROBOT)


def test_a_second_robot_of_the_same_name_appears_and_goes(site):
    heard = listen(site)
    inject(site, Fault.DUPLICATE_ID)
    twin = heard.wait_for(lambda m: m.server == f'/{ROBOT}_twin/model_server')
    assert twin.robot_id == ROBOT
    assert twin.boot_id != site.robots['robot_01'].boot_id

    def servers():
        return {m.server for m in of(heard)}

    wait_until(lambda: len(servers()) == 2, 'both to be heard')
    inject(site, Fault.CLEAR)

    def is_alone():
        heard.clear()
        give_up_at = time.monotonic() + 5.0
        while time.monotonic() < give_up_at and len(of(heard)) < 3:
            time.sleep(0.02)
        return servers() == {f'/{ROBOT}/model_server'}

    wait_until(is_alone, 'the twin to go')


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('fields', 'code', 'text'),
    [
        ({'fault': Fault.KILL}, 'INVALID_FAULT', 'start the robot with sim_robot'),
        ({'fault': 77}, 'INVALID_FAULT', 'fault 77 is unknown (known: 1 (power_off)'),
        ({'fault': Fault.REBOOT, 'magnitude': 3.0}, 'INVALID_FAULT', 'reboot has none'),
        ({'fault': Fault.PARTITION, 'duration_s': -1.0}, 'INVALID_FAULT', 'duration_s'),
        ({'fault': Fault.PARTITION, 'robot_ids': ['r9']}, 'UNKNOWN_ROBOT', "robot 'r9'"),
    ],
)
def test_what_is_not_possible_is_refused_with_a_reason(site, fields, code, text):
    answer = site.world.ask(srv.InjectFault, '/sim_fleet/inject_fault', **fields)
    assert answer.error_code == getattr(answer, code)
    assert text in answer.error_msg


# -- what the product does ------------------------------------------------------------------------


def test_an_unreachable_robot_is_no_failure_and_comes_to_its_desired_routing(site):
    goal = site.roll_out(plan('v24', [(50, 60), (100, 60)]))
    inject(site, Fault.POWER_OFF)
    alert = site.alerts.wait_for(lambda m: m.kind == 'unreachable')
    assert list(alert.robot_ids) == [ROBOT]
    waiting = site.statuses.wait_for(lambda m: m.robots_unreachable == 1)
    assert waiting.status != Status.STATUS_FAILED
    inject(site, Fault.CLEAR)
    result = goal.result()
    assert result.status == Status.STATUS_SUCCEEDED, result.reason
    site.wait_until_served('v24')


def test_two_robots_of_one_name_get_no_command_until_one_is_alone(site):
    inject(site, Fault.DUPLICATE_ID)
    alert = site.alerts.wait_for(lambda m: m.kind == 'quarantined')
    assert list(alert.robot_ids) == [ROBOT]
    status = site.statuses.wait_for(lambda m: m.robots_quarantined)
    assert list(status.robots_quarantined) == [ROBOT]
    heard = listen(site)
    result = site.roll_out(plan('v24', [(100, 60)])).result()
    assert result.status == Status.STATUS_SUCCEEDED, result.reason
    assert {m.routing.stable for m in of(heard)} == {'v23'}
    others = [name for name in site.robots if name != ROBOT]
    wait_until(
        # The coordinator may have heard the last of them before this test does.
        lambda: {site.robots[name].routing.stable for name in others} == {'v24'},
        'v24 on the other robots',
    )
    inject(site, Fault.CLEAR)
    level = msg.Alert.LEVEL_INFO
    site.alerts.wait_for(lambda m: (m.kind, m.level) == ('quarantined', level))
    site.statuses.wait_for(lambda m: not m.robots_quarantined)


def test_a_candidate_is_dropped_by_a_robot_that_is_cut_off(site):
    goal = site.roll_out(plan('v24', LONG, lease=3))

    def has_candidate(status):
        return status.robot_id == ROBOT and status.routing.candidate == 'v24'

    heard = listen(site)
    heard.wait_for(has_candidate)
    inject(site, Fault.PARTITION)
    site.statuses.wait_for(lambda m: m.robots_unreachable == 1, f'{ROBOT} unreachable')
    heard.clear()
    site.fleet.wait_for_log(f'{ROBOT}.model_server]: no heartbeat for 3 s: v24 is dropped')
    inject(site, Fault.CLEAR)
    heard.wait_for(lambda m: m.robot_id == ROBOT and not m.routing.candidate)
    heard.clear()
    heard.wait_for(has_candidate)
    assert not goal.has_ended
    goal.cancel()
    site.wait_until_served('v23')


def test_what_is_scheduled_happens_without_a_command(make_site, tmp_path):
    path = tmp_path / 'faults.yaml'
    path.write_text('- {at_s: 0.5, fault: clock_jump, robots: ["*_01"], magnitude: 86400}')
    site = make_site()
    site.run_fleet(2, speed=20.0, faults_file=str(path))
    heard = listen(site)
    ahead = heard.wait_for(lambda m: m.stamp.sec > time.time() + 80_000)
    assert ahead.robot_id == 'robot_01'


def test_regions_and_labels_are_dealt_out(site):
    found = {name: (r.region, tuple(r.labels)) for name, r in site.robots.items()}
    jaw, cup = ('gripper=jaw', 'floor=1'), ('gripper=cup',)
    assert found == {
        'robot_01': ('north', jaw),
        'robot_02': ('south', jaw),
        'robot_03': ('north', cup),
        'robot_04': ('south', cup),
    }
